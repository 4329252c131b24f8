/** The signature of a receipt: of its type and the canonical JSON (RFC 8785) of all other fields. */

/** @param {Record<string, unknown>} receipt */
export function signedText({ signature: _, ...fields }) {
  return `exemplar-receipt/v1\n${canonical(fields)}\n`;
}

/** Write JSON with sorted names; numbers and texts are written by JavaScript as RFC 8785 asks for. @param {unknown} value @returns {string} */
export function canonical(value) {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  const members = Object.entries(value).sort(([left], [right]) => (left < right ? -1 : 1));
  return `{${members.map(([name, member]) => `${JSON.stringify(name)}:${canonical(member)}`).join(",")}}`;
}
