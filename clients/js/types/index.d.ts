export { Retries } from "./retries.js";
export type Generation = import("./client.js").Generation;
export type Accepted = import("./client.js").Accepted;
export type Picture = import("./client.js").Picture;
export type Event = import("./events.js").Event;
export { Client, randomKey } from "./client.js";
export { ApiError, AuthenticationError, CannotCheckError, ClientError, ConnectionFailedError, DamagedPictureError, InvalidRequestError, LimitExceededError, NotFoundError, PermissionDeniedError, ServiceError, UnfinishedError, UnknownPositionError } from "./errors.js";
export { AccessKey, PasswordLogin, Tokens } from "./credentials.js";
export { verifyWebhook, WebhookVerificationError } from "./webhooks.js";
