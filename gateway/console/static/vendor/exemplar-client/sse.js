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
export async function* frames(body, onBytes = () => {}) {
  /** @type {[string, string][]} */
  let fields = [];
  for await (const line of lines(body, onBytes)) {
    if (line) {
      const colon = line.indexOf(":");
      const name = colon < 0 ? line : line.slice(0, colon);
      fields.push([name, colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "")]);
      continue;
    }
    const frame = frameOf(fields);
    fields = [];
    if (frame) yield frame;
  }
}

/** @param {[string, string][]} fields @returns {Frame | null} */
function frameOf(fields) {
  const named = new Map(fields.filter(([name, value]) => !(name === "id" && value.includes("\0"))));
  const data = fields.filter(([name]) => name === "data").map(([, value]) => value);
  const retry = /^[0-9]+$/.test(named.get("retry") ?? "") ? Number(named.get("retry")) : null;
  if (data.length === 0 && retry === null) return null;
  return { event: named.get("event") || "message", data: data.join("\n"), id: named.get("id") ?? null, retry };
}

/** @param {ReadableStream<Uint8Array>} body @param {() => void} onBytes */
async function* lines(body, onBytes) {
  const reader = body.getReader();
  const decoder = new TextDecoder(); // drops a byte order mark
  let rest = "";
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      onBytes();
      const pieces = (rest + decoder.decode(value, { stream: true })).split(/\r\n|\n|\r(?!$)/);
      rest = pieces.pop() ?? "";
      yield* pieces;
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}
