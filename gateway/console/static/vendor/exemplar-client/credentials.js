/** How a client authenticates: with an access key, with tokens, or with e-mail and password. */

import { errorOf } from "./errors.js";

/**
 * An access key of one end user: one secret instead of five headers.
 */
export class AccessKey {
  #key;

  /** @param {string} key `ek_...` */
  constructor(key) {
    this.#key = key;
  }

  /** The headers that a submission needs besides the bearer token. @returns {Record<string, string>} */
  get submissionHeaders() {
    return {};
  }

  /** @returns {Promise<string>} the bearer token */
  async token() {
    return this.#key;
  }

  /** An access key cannot be renewed. @returns {Promise<boolean>} */
  async renew() {
    return false;
  }
}

/**
 * The tokens of a session, renewed by the refresh token, which works once.
 *
 * `onChange` is called with new tokens, so that a page can keep them.
 */
export class Tokens {
  #renewing = /** @type {Promise<boolean> | null} */ (null);

  /**
   * @param {string} baseUrl
   * @param {{access_token: string, refresh_token: string}} tokens
   * @param {{submissionHeaders?: Record<string, string>, onChange?: (tokens: object) => void}} [options]
   */
  constructor(baseUrl, tokens, { submissionHeaders = {}, onChange = () => {} } = {}) {
    this.baseUrl = baseUrl.replace(/\/$/, "");
    this.tokens = tokens;
    this.submissionHeaders = submissionHeaders;
    this.onChange = onChange;
  }

  async token() {
    return this.tokens.access_token;
  }

  /**
   * Get new tokens unless `used` has been replaced meanwhile; concurrent callers share one request.
   * @param {string} used the token that was refused
   */
  async renew(used) {
    if (this.tokens.access_token !== used) return true;
    this.#renewing ??= this.#renewed().finally(() => {
      this.#renewing = null;
    });
    return this.#renewing;
  }

  async #renewed() {
    const sent = { refresh_token: this.tokens.refresh_token };
    this.tokens = { ...this.tokens, refresh_token: "" }; // it works once: after a lost answer it is not sent again
    if (!sent.refresh_token) return false;
    const response = await post(`${this.baseUrl}/api/v1/auth/refresh`, sent).catch(() => null);
    if (!response?.ok) return false;
    this.tokens = await response.json();
    this.onChange(this.tokens);
    return true;
  }
}

/**
 * E-mail and password of an end user with the keys of their project; logs in at the first request.
 */
export class PasswordLogin {
  #login;
  #keys;
  #tokens = /** @type {Promise<Tokens> | null} */ (null);

  /**
   * @param {string} baseUrl
   * @param {{email: string, password: string, projectId: string, developerKey: string, apiKey: string}} login
   */
  constructor(baseUrl, { email, password, projectId, developerKey, apiKey }) {
    this.baseUrl = baseUrl.replace(/\/$/, "");
    this.#login = { email, password };
    this.#keys = { projectId, developerKey, apiKey };
  }

  /** @returns {Record<string, string>} */
  get submissionHeaders() {
    return {
      "X-User-Role": "end_user",
      "X-Developer-Key": this.#keys.developerKey,
      "X-Project-ID": this.#keys.projectId,
      "X-API-Key": this.#keys.apiKey,
    };
  }

  async token() {
    return (await this.#session()).token();
  }

  /** @param {string} used the token that was refused */
  async renew(used) {
    const session = this.#session();
    if (await (await session).renew(used)) return true;
    if (this.#tokens === session) this.#tokens = null; // unless another caller has logged in meanwhile
    await this.#session();
    return true;
  }

  #session() {
    this.#tokens ??= this.#loggedIn().catch((error) => {
      this.#tokens = null;
      throw error;
    });
    return this.#tokens;
  }

  async #loggedIn() {
    const headers = { "X-Project-ID": this.#keys.projectId };
    const response = await post(`${this.baseUrl}/api/v1/auth/login`, this.#login, headers);
    if (!response.ok) throw await errorOf(response);
    return new Tokens(this.baseUrl, await response.json());
  }
}

/** @param {string} url @param {object} body @param {Record<string, string>} [headers] */
function post(url, body, headers = {}) {
  return fetch(url, {
    method: "POST",
    headers: { "Content-Type": "application/json", ...headers },
    body: JSON.stringify(body),
  });
}
