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
export function readEvents(session: import("./session.js").Session, path: string, options?: {
    after?: string | null;
    ends?: boolean;
    query?: Record<string, string>;
    signal?: AbortSignal;
    onConnection?: (open: boolean) => void;
}): AsyncGenerator<Event, void, void>;
/**
 * an event of a stream; keep `position` to resume after it
 */
export type Event = {
    position: string;
    type: string;
    /**
     * the event's envelope, or the snapshot
     */
    data: any;
};
