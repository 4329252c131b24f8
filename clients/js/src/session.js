/** Requests with a bearer token, retried where that is safe. */

import { ConnectionFailedError, errorOf } from "./errors.js";
import { Retries, sleep } from "./retries.js";

const ANSWER_S = 75; // a long poll may take a minute

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
  constructor(baseUrl, credentials, retries = new Retries()) {
    this.baseUrl = baseUrl.replace(/\/$/, "");
    this.credentials = credentials;
    this.retries = retries;
  }

  /**
   * Send a repeatable request and read its answer, with retries; throw the last error.
   * @template T
   * @param {string} path @param {Sent} sent @param {(response: Response) => Promise<T>} read
   * @returns {Promise<T>}
   */
  async request(path, sent, read) {
    for (let failures = 1; ; failures += 1) {
      try {
        const response = await this.once(path, sent);
        return await this.#known(() => read(response), sent.signal);
      } catch (error) {
        await this.pause(failures, /** @type {Error} */ (error), sent.signal);
      }
    }
  }

  /**
   * Send a request and read its JSON.
   * @param {string} path @param {Sent} [sent]
   * @returns {Promise<any>}
   */
  json(path, sent = {}) {
    return this.request(path, sent, (response) => response.json());
  }

  /**
   * Send a request once, and again with a new token after a 401; throw its error.
   * @param {string} path @param {Sent} [sent]
   * @returns {Promise<Response>}
   */
  async once(path, sent = {}) {
    const token = await this.#known(() => this.credentials.token());
    let response = await this.#send(path, sent, token);
    if (response.status === 401 && (await this.#known(() => this.credentials.renew(token)))) {
      response = await this.#send(path, sent, await this.credentials.token());
    }
    if (response.ok || response.status === 304) return response;
    throw await errorOf(response);
  }

  /**
   * Sleep until the next attempt, at least `least` seconds; throw the error if there is none.
   * @param {number} failures @param {Error} error @param {AbortSignal} [signal] @param {number} [least]
   */
  async pause(failures, error, signal, least = 0) {
    signal?.throwIfAborted();
    const pause = this.retries.pause(failures, error);
    if (pause === null) throw error;
    await sleep(Math.max(pause, least), signal);
  }

  /** @param {string} path @param {Sent} sent @param {string} token */
  #send(path, sent, token) {
    const { method = "GET", headers = {}, query = {}, json, body, signal, timeout = ANSWER_S } = sent;
    const url = new URL(this.baseUrl + path, globalThis.location?.href);
    for (const [name, value] of Object.entries(query)) {
      if (value !== null && value !== undefined) url.searchParams.set(name, String(value));
    }
    const late = new AbortController();
    const stop = () => late.abort(new ConnectionFailedError(`No answer within ${timeout} s`));
    const timer = setTimeout(stop, timeout * 1000);
    /** @type {Record<string, string>} */
    const content = json === undefined ? {} : { "Content-Type": "application/json" };
    const init = {
      method,
      headers: { ...content, ...headers, Authorization: `Bearer ${token}` },
      body: json === undefined ? body : JSON.stringify(json),
      signal: signal ? AbortSignal.any([signal, late.signal]) : late.signal,
    };
    return this.#known(() => fetch(url, init), signal).finally(() => clearTimeout(timer));
  }

  /**
   * Name a failure of the connection as such.
   * @template T @param {() => Promise<T>} call @param {AbortSignal} [signal]
   * @returns {Promise<T>}
   */
  async #known(call, signal) {
    try {
      return await call();
    } catch (error) {
      signal?.throwIfAborted();
      if (error instanceof TypeError) throw new ConnectionFailedError("No answer from the service", { cause: error });
      throw error;
    }
  }
}
