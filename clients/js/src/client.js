/** The client: one method for each operation of an end user. */

import { CannotCheckError, DamagedPictureError, NotFoundError, UnfinishedError } from "./errors.js";
import { readEvents } from "./events.js";
import { Session } from "./session.js";

const GENERATION = "/api/v1/generation";
const ALL = `${GENERATION}/generations-v2`;
const LONG_POLL_S = 30;
const UPLOAD_S = 600;

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
  constructor(baseUrl, credentials, { retries } = {}) {
    this.session = new Session(baseUrl, credentials, retries);
  }

  /**
   * Submit 1 to 5 example pictures with instructions (a string of JSON or an object with `prompt`).
   *
   * All attempts carry one Idempotency-Key, so that they make one generation. Returns the body of the answer with
   * `idempotencyKey` and `replayed`: whether an earlier request with the same key recorded it.
   * @param {Picture[]} pictures @param {string | object} instructions @param {Options} [options]
   * @returns {Promise<Accepted & Record<string, any>>} of a dry run: what it says
   */
  async submit(pictures, instructions, options = {}) {
    const idempotencyKey = options.idempotencyKey ?? randomKey();
    const sent = {
      method: "POST",
      headers: { ...this.session.credentials.submissionHeaders, ...headersOf(options), "Idempotency-Key": idempotencyKey },
      query: { dry_run: options.dryRun ? "true" : undefined },
      body: formOf(pictures, instructions, options),
      signal: options.signal,
      timeout: UPLOAD_S,
    };
    return this.session.request(`${GENERATION}/generate-v2`, sent, async (response) => ({
      ...(await response.json()),
      idempotencyKey,
      replayed: response.headers.has("Idempotency-Replayed"),
    }));
  }

  /** Read a generation. @param {string} id @returns {Promise<Generation>} */
  get(id) {
    return this.session.json(pathOf(id));
  }

  /**
   * Read one page of your generations, newest first; send the answer's `next_cursor` as `cursor` to continue.
   * @param {Record<string, string | number | boolean | null>} [query] `limit`, `cursor`, and the filters of the list
   * @returns {Promise<{generations: Generation[], next_cursor: string | null}>}
   */
  page(query = {}) {
    return this.session.json(ALL, { query: { limit: 20, ...query } });
  }

  /**
   * Read all of your generations that match, newest first.
   * @param {Record<string, string | number | boolean | null>} [query]
   * @returns {AsyncGenerator<Generation, void, void>}
   */
  async *all(query = {}) {
    let cursor = /** @type {string | null} */ (null);
    do {
      const page = await this.page({ ...query, cursor });
      yield* page.generations;
      cursor = page.next_cursor;
    } while (cursor !== null);
  }

  /**
   * Wait until a generation is `completed` or `failed` and return it.
   *
   * `timeout` is in seconds; its default, 40 minutes, is longer than any generation takes. Throws UnfinishedError
   * after it.
   * @param {string} id @param {{timeout?: number, signal?: AbortSignal}} [options]
   * @returns {Promise<Generation>}
   */
  async wait(id, { timeout = 2400, signal } = {}) {
    const deadline = performance.now() / 1000 + timeout;
    for (;;) {
      const generation = await this.session.json(pathOf(id), { signal });
      if (generation.status === "completed" || generation.status === "failed") return generation;
      const left = deadline - performance.now() / 1000;
      if (left <= 0) throw new UnfinishedError(`${id} is ${generation.state} after ${timeout} s`);
      const query = { after: generation.version, wait: Math.max(1, Math.min(LONG_POLL_S, Math.floor(left))) };
      await this.session.json(`${pathOf(id)}/events`, { query, signal });
    }
  }

  /**
   * Read each event of a generation after version `after` once, in order, to its end. Without `after` the first event
   * is a `snapshot` of the resource.
   * @param {string} id
   * @param {{after?: number, signal?: AbortSignal, onConnection?: (open: boolean) => void}} [options]
   */
  events(id, { after, ...options } = {}) {
    const position = after === undefined ? null : String(after);
    return readEvents(this.session, `${pathOf(id)}/events`, { after: position, ends: true, ...options });
  }

  /**
   * Read the events of all your generations, without end; resume after the position of an earlier event, `"0"` is
   * before the first. Without a position it begins with a `snapshot` of the 20 generations that changed last.
   * @param {{after?: string, signal?: AbortSignal, onConnection?: (open: boolean) => void}} [options]
   */
  feed(options = {}) {
    return readEvents(this.session, `${ALL}/events`, options);
  }

  /**
   * Cancel a generation and return its current state; a finished one stays unchanged.
   * @param {string} id
   * @returns {Promise<Generation>}
   */
  cancel(id) {
    return this.session.json(`${pathOf(id)}/cancel`, { method: "POST" });
  }

  /**
   * Explain why a generation is not finished.
   * @param {string} id
   * @returns {Promise<Explained["200"]["content"]["application/json"]>}
   */
  explain(id) {
    return this.session.json(`${pathOf(id)}/explain`);
  }

  /**
   * Make a finished generation public, or private again.
   * @param {string} id @param {boolean} [isPublic]
   * @returns {Promise<Generation>}
   */
  publish(id, isPublic = true) {
    return this.session.json(`${pathOf(id)}/public`, { method: "PATCH", json: { is_public: isPublic } });
  }

  /** Delete a generation with its texts and pictures; repeatable. @param {string} id */
  async delete(id) {
    try {
      await this.session.request(pathOf(id), { method: "DELETE" }, async () => {});
    } catch (error) {
      if (!(error instanceof NotFoundError && error.status === 410)) throw error;
    }
  }

  /**
   * Download a picture of a finished generation, numbered from 0, and check its SHA-256.
   *
   * Browsers can check on pages that came over HTTPS or from this machine; elsewhere it throws CannotCheckError before
   * anything is read, unless it is asked to leave the picture `unchecked`.
   * @param {string} id @param {number} [number] @param {{unchecked?: boolean}} [options]
   * @returns {Promise<Blob>}
   */
  async picture(id, number = 0, { unchecked = false } = {}) {
    if (!unchecked && !globalThis.crypto?.subtle) {
      throw new CannotCheckError("Pictures cannot be checked on a page over plain HTTP: use HTTPS, or { unchecked: true }");
    }
    /** @type {{sha256?: string | null}[]} */
    const images = (await this.get(id)).result?.images ?? [];
    if (number >= images.length) throw new RangeError(`${id} has ${images.length} pictures`);
    const picture = await this.session.request(`${pathOf(id)}/images/${number}`, {}, (response) => response.blob());
    if (unchecked) return picture;
    const sha256 = await sha256Of(picture);
    if (sha256 !== images[number].sha256) {
      throw new DamagedPictureError(`picture ${number} of ${id} arrived with SHA-256 ${sha256}`);
    }
    return picture;
  }

  /**
   * Read the signed receipt of a picture. Throws ApiError `receipt_pending`, with `retryAfter`, until it can be made.
   * @param {string} id @param {number} [number]
   * @returns {Promise<Schemas["Receipt"]>}
   */
  receipt(id, number = 0) {
    return this.session.json(`${pathOf(id)}/receipt`, { query: { number } });
  }
}

/** The path of a generation; an id is never taken for a piece of a path. @param {string} id */
function pathOf(id) {
  if (!/^[0-9a-f-]{36}$/i.test(id)) throw new TypeError("not the id of a generation");
  return `${ALL}/${id}`;
}

/** A random key, also where the page is not served by HTTPS. */
export function randomKey() {
  const bytes = Array.from(globalThis.crypto.getRandomValues(new Uint8Array(16)));
  return bytes.map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** @param {Options} options @returns {Record<string, string>} */
function headersOf({ queue, startTimeout, cancelAfter }) {
  return {
    ...(queue && { Prefer: "queue" }),
    ...(startTimeout !== undefined && { "X-Start-Timeout": startTimeout }),
    ...(cancelAfter !== undefined && { "Cancel-After": cancelAfter }),
  };
}

/** @param {Picture[]} pictures @param {string | object} instructions @param {Options} options */
function formOf(pictures, instructions, { metadata, webhook, webhookEvents = [], expectedHashes = [], startBy }) {
  const form = new FormData();
  pictures.forEach((picture, index) => appendPicture(form, picture, index));
  form.append("instructions", typeof instructions === "string" ? instructions : JSON.stringify(instructions));
  if (metadata !== undefined) form.append("metadata", JSON.stringify(metadata));
  if (webhook !== undefined) form.append("webhook", webhook);
  for (const name of webhookEvents) form.append("webhook_events_filter", name);
  for (const sha256 of expectedHashes) form.append("expected_hash", sha256 ?? "");
  if (startBy !== undefined) form.append("start_by", startBy instanceof Date ? startBy.toISOString() : startBy);
  return form;
}

/** @param {FormData} form @param {Picture} picture @param {number} index */
function appendPicture(form, picture, index) {
  if ("fromGeneration" in picture) return form.append("from_generation", picture.fromGeneration);
  if ("fromExample" in picture) return form.append("from_example", picture.fromExample);
  const blob = picture instanceof Blob ? picture : new Blob([picture]);
  form.append("example_images", blob, `image-${index + 1}`); // file names of the user are not sent
}

/** @param {Blob} picture */
async function sha256Of(picture) {
  const digest = await globalThis.crypto.subtle.digest("SHA-256", await picture.arrayBuffer());
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
