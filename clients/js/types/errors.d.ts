/**
 * Read an error response, of the service or of a proxy, into the error to throw.
 * @param {Response} response
 * @returns {Promise<ApiError>}
 */
export function errorOf(response: Response): Promise<ApiError>;
/**
 * Read a Retry-After in seconds; null for a date, which the service never sends.
 * @param {string | null} retryAfter
 */
export function secondsOf(retryAfter: string | null): number | null;
/** The errors of the client, all of them ClientErrors; an error response is an ApiError. */
/** Base of all errors of this client. */
export class ClientError extends Error {
    /** @param {string} message @param {ErrorOptions} [options] */
    constructor(message: string, options?: ErrorOptions);
}
/**
 * An error response of the service.
 *
 * `code` is one of the closed list in the service's documentation, `detail` a sentence or a list of fields,
 * `retryAfter` the seconds of Retry-After or null. `generationId` is set where it is unknown whether a submission
 * was recorded. `body` is the whole answer.
 */
export class ApiError extends ClientError {
    /** @param {number} status @param {Record<string, any>} body @param {Headers} headers */
    constructor(status: number, body: Record<string, any>, headers: Headers);
    status: number;
    code: string;
    detail: any;
    requestId: string;
    retryAfter: number | null;
    generationId: string | null;
    body: Record<string, any>;
}
/** 401: the credentials are wrong or expired. */
export class AuthenticationError extends ApiError {
}
/** 403: role, project or keys do not match. */
export class PermissionDeniedError extends ApiError {
}
/** 404: the id is unknown or another user's; 410: it was deleted. */
export class NotFoundError extends ApiError {
}
/** 400, 405, 408, 409, 413, 415, 422: the request is not valid. */
export class InvalidRequestError extends ApiError {
}
/** 429: a limit is reached; `retryAfter` says for how long. */
export class LimitExceededError extends ApiError {
}
/** 5xx: the service failed, after every attempt. */
export class ServiceError extends ApiError {
}
/** No response arrived, after every attempt. */
export class ConnectionFailedError extends ClientError {
}
/** A generation has not finished in the time that was given; it continues. */
export class UnfinishedError extends ClientError {
}
/** The position to go on from belongs to no event of this stream. */
export class UnknownPositionError extends ClientError {
}
/** This page came over plain HTTP, where browsers have no cryptography. */
export class CannotCheckError extends ClientError {
}
/** A downloaded picture does not match the SHA-256 of the resource. */
export class DamagedPictureError extends ClientError {
}
