/**
 * Send what must not be sent twice, so not again after a lost answer, and read its JSON.
 * @param {import("../vendor/exemplar-client/session.js").Session} session @param {string} path
 * @param {object} [json] nothing is sent without @param {Record<string, string>} [query] @returns {Promise<any>}
 */
export async function post(session, path, json, query = {}) {
  const answer = await session.once(path, { method: "POST", json, query });
  return answer.json();
}
