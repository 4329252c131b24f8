/** Client of the exemplar API, without dependencies, for browsers and Node. */

export { Client, randomKey } from "./client.js";
export {
  ApiError,
  AuthenticationError,
  CannotCheckError,
  ClientError,
  ConnectionFailedError,
  DamagedPictureError,
  InvalidRequestError,
  LimitExceededError,
  NotFoundError,
  PermissionDeniedError,
  ServiceError,
  UnfinishedError,
  UnknownPositionError,
} from "./errors.js";
export { AccessKey, PasswordLogin, Tokens } from "./credentials.js";
export { Retries } from "./retries.js";
export { verifyWebhook, WebhookVerificationError } from "./webhooks.js";

/** @typedef {import("./client.js").Generation} Generation */
/** @typedef {import("./client.js").Accepted} Accepted */
/** @typedef {import("./client.js").Picture} Picture */
/** @typedef {import("./events.js").Event} Event */
