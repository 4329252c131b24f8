/** Event streams that resume after every interruption: each event once, in order. */

import { ApiError, ConnectionFailedError, UnknownPositionError } from "./errors.js";
import { frames } from "./sse.js";

const CONTROL = new Set(["caught_up", "goodbye", "message"]); // frames about the stream, not events
const FINAL = new Set(["generation.completed", "generation.failed"]);
const SILENCE_S = 45; // the service sends a comment every 15 seconds

/**
 * @typedef {object} Event an event of a stream; keep `position` to resume after it
 * @property {string} position @property {string} type
 * @property {any} data the event's envelope, or the snapshot
 */

/**
 * Read one stream from a position to a 204 or, where it `ends`, to the end after a final event.
 *
 * After an interruption the next connection resumes after the last event that was received whole. `onConnection` is
 * told `true` when a connection is open and `false` when it is lost.
 * @param {import("./session.js").Session} session @param {string} path
 * @param {{after?: string | null, ends?: boolean, query?: Record<string, string>, signal?: AbortSignal,
 *   onConnection?: (open: boolean) => void}} [options]
 * @returns {AsyncGenerator<Event, void, void>}
 */
export async function* readEvents(session, path, options = {}) {
  const { ends = false, query = {}, signal, onConnection = () => {} } = options;
  let position = options.after ?? null;
  let retry = 2;
  for (let failures = 0, finished = false; ; ) {
    const silence = new AbortController();
    /** @type {Record<string, string>} */
    const last = position === null ? {} : { "Last-Event-ID": position };
    const headers = { Accept: "text/event-stream", ...last };
    const either = signal ? AbortSignal.any([signal, silence.signal]) : silence.signal;
    const watch = watchSilence(silence);
    /** @type {Error} */
    let failure = new ConnectionFailedError("The connection ended");
    try {
      const response = await session.once(path, { headers, query, signal: either });
      if (response.status === 204 || !response.body) return;
      onConnection(true);
      for await (const frame of frames(response.body, watch.heard)) {
        failures = 0;
        if (frame.event === "reset") throw new UnknownPositionError(`${position} is not a position of ${path}`);
        retry = frame.retry === null ? retry : frame.retry / 1000;
        position = frame.id ?? position;
        if (CONTROL.has(frame.event)) continue;
        finished ||= ends && FINAL.has(frame.event);
        yield { position: position ?? "", type: frame.event, data: JSON.parse(frame.data) };
      }
    } catch (error) {
      signal?.throwIfAborted();
      if (error instanceof UnknownPositionError || error instanceof SyntaxError) throw error;
      if (error instanceof ApiError || error instanceof ConnectionFailedError) failure = error;
    } finally {
      watch.stop();
    }
    if (finished) return;
    onConnection(false);
    failures += 1;
    await session.pause(failures, failure, signal, retry);
  }
}

/** Abort a connection that has been silent for too long. @param {AbortController} silence */
function watchSilence(silence) {
  const late = () => silence.abort(new ConnectionFailedError(`Nothing arrived for ${SILENCE_S} s`));
  let timer = setTimeout(late, SILENCE_S * 1000);
  return {
    heard: () => {
      clearTimeout(timer);
      timer = setTimeout(late, SILENCE_S * 1000);
    },
    stop: () => clearTimeout(timer),
  };
}
