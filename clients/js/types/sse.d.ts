/** Server-sent events, read from a stream of bytes. */
/**
 * @typedef {object} Frame one dispatched event
 * @property {string} event @property {string} data
 * @property {string | null} id null when the frame had none
 * @property {number | null} retry milliseconds
 */
/**
 * Parse a body into frames; an incomplete last frame is dropped. A frame without data is only given when it has a
 * `retry`. Source: the WHATWG HTML standard, "Interpreting an event stream".
 * @param {ReadableStream<Uint8Array>} body
 * @param {() => void} [onBytes] called for each piece of the body, comments too
 * @returns {AsyncGenerator<Frame, void, void>}
 */
export function frames(body: ReadableStream<Uint8Array>, onBytes?: () => void): AsyncGenerator<Frame, void, void>;
/**
 * one dispatched event
 */
export type Frame = {
    event: string;
    data: string;
    /**
     * null when the frame had none
     */
    id: string | null;
    /**
     * milliseconds
     */
    retry: number | null;
};
