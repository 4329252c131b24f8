/**
 * @typedef {object} Credentials how requests authenticate; see credentials.js
 * @property {() => Promise<string>} token
 * @property {(used: string) => Promise<boolean>} renew
 * @property {Record<string, string>} submissionHeaders
 */
/**
 * @typedef {object} Sent what a request sends besides its token
 * @property {string} [method] GET unless given
 * @property {Record<string, string>} [headers]
 * @property {Record<string, string | number | boolean | null | undefined>} [query] null and undefined are left out
 * @property {object} [json] @property {BodyInit} [body]
 * @property {AbortSignal} [signal] @property {number} [timeout] seconds until the headers of the answer
 */
/** The requests of one account; concurrent callers may share it. */
export class Session {
    /** @param {string} baseUrl @param {Credentials} credentials @param {Retries} [retries] */
    constructor(baseUrl: string, credentials: Credentials, retries?: Retries);
    baseUrl: string;
    credentials: Credentials;
    retries: Retries;
    /**
     * Send a repeatable request and read its answer, with retries; throw the last error.
     * @template T
     * @param {string} path @param {Sent} sent @param {(response: Response) => Promise<T>} read
     * @returns {Promise<T>}
     */
    request<T>(path: string, sent: Sent, read: (response: Response) => Promise<T>): Promise<T>;
    /**
     * Send a request and read its JSON.
     * @param {string} path @param {Sent} [sent]
     * @returns {Promise<any>}
     */
    json(path: string, sent?: Sent): Promise<any>;
    /**
     * Send a request once, and again with a new token after a 401; throw its error.
     * @param {string} path @param {Sent} [sent]
     * @returns {Promise<Response>}
     */
    once(path: string, sent?: Sent): Promise<Response>;
    /**
     * Sleep until the next attempt, at least `least` seconds; throw the error if there is none.
     * @param {number} failures @param {Error} error @param {AbortSignal} [signal] @param {number} [least]
     */
    pause(failures: number, error: Error, signal?: AbortSignal, least?: number): Promise<void>;
    #private;
}
/**
 * how requests authenticate; see credentials.js
 */
export type Credentials = {
    token: () => Promise<string>;
    renew: (used: string) => Promise<boolean>;
    submissionHeaders: Record<string, string>;
};
/**
 * what a request sends besides its token
 */
export type Sent = {
    /**
     * GET unless given
     */
    method?: string | undefined;
    headers?: Record<string, string> | undefined;
    /**
     * null and undefined are left out
     */
    query?: Record<string, string | number | boolean | null | undefined> | undefined;
    json?: object | undefined;
    body?: BodyInit | undefined;
    signal?: AbortSignal | undefined;
    /**
     * seconds until the headers of the answer
     */
    timeout?: number | undefined;
};
import { Retries } from "./retries.js";
