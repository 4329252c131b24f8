/** A random key, also where the page is not served by HTTPS. */
export function randomKey(): string;
/**
 * @typedef {{fromGeneration: string} | {fromExample: string}} StoredPicture a result, or an example, of an earlier
 *   generation of yours: its id, or id/number
 */
/** @typedef {Blob | Uint8Array<ArrayBuffer> | StoredPicture} Picture the bytes of a JPEG, PNG or WebP file, or a name */
/** @typedef {import("../types/openapi.js").components["schemas"]} Schemas the bodies of the API, by name */
/** @typedef {Schemas["Generation"]} Generation */
/** @typedef {Schemas["GenerationCreated"] & {idempotencyKey: string, replayed: boolean}} Accepted */
/** @typedef {import("../types/openapi.js").paths} Paths the operations of the API, by path */
/** @typedef {Paths["/api/v1/generation/generations-v2/{generation_id}/explain"]["get"]["responses"]} Explained */
/**
 * @typedef {object} Options of a submission
 * @property {string} [idempotencyKey] your own key extends "one generation" beyond this call, as over a reload
 * @property {object} [metadata] at most 16 keys, returned with the generation
 * @property {string} [webhook] @property {string[]} [webhookEvents]
 * @property {(string | null)[]} [expectedHashes] the SHA-256 that each picture must have; null: not checked
 * @property {boolean} [queue] wait for a slot where none is free, instead of a 429
 * @property {Date | string} [startBy] until when the model must have been called
 * @property {string} [startTimeout] the same as a duration: `5m`
 * @property {string} [cancelAfter] a duration until when it must have ended
 * @property {boolean} [dryRun] answer what would be recorded, and record nothing
 * @property {AbortSignal} [signal]
 */
/** Calls the API as one end user. Requests are retried after connection errors, 408, 429 and 5xx. */
export class Client {
    /**
     * @param {string} baseUrl the address of the service
     * @param {import("./session.js").Credentials} credentials an AccessKey, a PasswordLogin or Tokens
     * @param {{retries?: import("./retries.js").Retries}} [options]
     */
    constructor(baseUrl: string, credentials: import("./session.js").Credentials, { retries }?: {
        retries?: import("./retries.js").Retries;
    });
    session: Session;
    /**
     * Submit 1 to 5 example pictures with instructions (a string of JSON or an object with `prompt`).
     *
     * All attempts carry one Idempotency-Key, so that they make one generation. Returns the body of the answer with
     * `idempotencyKey` and `replayed`: whether an earlier request with the same key recorded it.
     * @param {Picture[]} pictures @param {string | object} instructions @param {Options} [options]
     * @returns {Promise<Accepted & Record<string, any>>} of a dry run: what it says
     */
    submit(pictures: Picture[], instructions: string | object, options?: Options): Promise<Accepted & Record<string, any>>;
    /** Read a generation. @param {string} id @returns {Promise<Generation>} */
    get(id: string): Promise<Generation>;
    /**
     * Read one page of your generations, newest first; send the answer's `next_cursor` as `cursor` to continue.
     * @param {Record<string, string | number | boolean | null>} [query] `limit`, `cursor`, and the filters of the list
     * @returns {Promise<{generations: Generation[], next_cursor: string | null}>}
     */
    page(query?: Record<string, string | number | boolean | null>): Promise<{
        generations: Generation[];
        next_cursor: string | null;
    }>;
    /**
     * Read all of your generations that match, newest first.
     * @param {Record<string, string | number | boolean | null>} [query]
     * @returns {AsyncGenerator<Generation, void, void>}
     */
    all(query?: Record<string, string | number | boolean | null>): AsyncGenerator<Generation, void, void>;
    /**
     * Wait until a generation is `completed` or `failed` and return it.
     *
     * `timeout` is in seconds; its default, 40 minutes, is longer than any generation takes. Throws UnfinishedError
     * after it.
     * @param {string} id @param {{timeout?: number, signal?: AbortSignal}} [options]
     * @returns {Promise<Generation>}
     */
    wait(id: string, { timeout, signal }?: {
        timeout?: number;
        signal?: AbortSignal;
    }): Promise<Generation>;
    /**
     * Read each event of a generation after version `after` once, in order, to its end. Without `after` the first event
     * is a `snapshot` of the resource.
     * @param {string} id
     * @param {{after?: number, signal?: AbortSignal, onConnection?: (open: boolean) => void}} [options]
     */
    events(id: string, { after, ...options }?: {
        after?: number;
        signal?: AbortSignal;
        onConnection?: (open: boolean) => void;
    }): AsyncGenerator<import("./events.js").Event, void, void>;
    /**
     * Read the events of all your generations, without end; resume after the position of an earlier event, `"0"` is
     * before the first. Without a position it begins with a `snapshot` of the 20 generations that changed last.
     * @param {{after?: string, signal?: AbortSignal, onConnection?: (open: boolean) => void}} [options]
     */
    feed(options?: {
        after?: string;
        signal?: AbortSignal;
        onConnection?: (open: boolean) => void;
    }): AsyncGenerator<import("./events.js").Event, void, void>;
    /**
     * Cancel a generation and return its current state; a finished one stays unchanged.
     * @param {string} id
     * @returns {Promise<Generation>}
     */
    cancel(id: string): Promise<Generation>;
    /**
     * Explain why a generation is not finished.
     * @param {string} id
     * @returns {Promise<Explained["200"]["content"]["application/json"]>}
     */
    explain(id: string): Promise<Explained["200"]["content"]["application/json"]>;
    /**
     * Make a finished generation public, or private again.
     * @param {string} id @param {boolean} [isPublic]
     * @returns {Promise<Generation>}
     */
    publish(id: string, isPublic?: boolean): Promise<Generation>;
    /** Delete a generation with its texts and pictures; repeatable. @param {string} id */
    delete(id: string): Promise<void>;
    /**
     * Download a picture of a finished generation, numbered from 0, and check its SHA-256.
     *
     * Browsers can check on pages that came over HTTPS or from this machine; elsewhere it throws CannotCheckError before
     * anything is read, unless it is asked to leave the picture `unchecked`.
     * @param {string} id @param {number} [number] @param {{unchecked?: boolean}} [options]
     * @returns {Promise<Blob>}
     */
    picture(id: string, number?: number, { unchecked }?: {
        unchecked?: boolean;
    }): Promise<Blob>;
    /**
     * Read the signed receipt of a picture. Throws ApiError `receipt_pending`, with `retryAfter`, until it can be made.
     * @param {string} id @param {number} [number]
     * @returns {Promise<Schemas["Receipt"]>}
     */
    receipt(id: string, number?: number): Promise<Schemas["Receipt"]>;
}
/**
 * a result, or an example, of an earlier
 *   generation of yours: its id, or id/number
 */
export type StoredPicture = {
    fromGeneration: string;
} | {
    fromExample: string;
};
/**
 * the bytes of a JPEG, PNG or WebP file, or a name
 */
export type Picture = Blob | Uint8Array<ArrayBuffer> | StoredPicture;
/**
 * the bodies of the API, by name
 */
export type Schemas = import("../types/openapi.js").components["schemas"];
export type Generation = Schemas["Generation"];
export type Accepted = Schemas["GenerationCreated"] & {
    idempotencyKey: string;
    replayed: boolean;
};
/**
 * the operations of the API, by path
 */
export type Paths = import("../types/openapi.js").paths;
export type Explained = Paths["/api/v1/generation/generations-v2/{generation_id}/explain"]["get"]["responses"];
/**
 * of a submission
 */
export type Options = {
    /**
     * your own key extends "one generation" beyond this call, as over a reload
     */
    idempotencyKey?: string | undefined;
    /**
     * at most 16 keys, returned with the generation
     */
    metadata?: object | undefined;
    webhook?: string | undefined;
    webhookEvents?: string[] | undefined;
    /**
     * the SHA-256 that each picture must have; null: not checked
     */
    expectedHashes?: (string | null)[] | undefined;
    /**
     * wait for a slot where none is free, instead of a 429
     */
    queue?: boolean | undefined;
    /**
     * until when the model must have been called
     */
    startBy?: string | Date | undefined;
    /**
     * the same as a duration: `5m`
     */
    startTimeout?: string | undefined;
    /**
     * a duration until when it must have ended
     */
    cancelAfter?: string | undefined;
    /**
     * answer what would be recorded, and record nothing
     */
    dryRun?: boolean | undefined;
    signal?: AbortSignal | undefined;
};
import { Session } from "./session.js";
