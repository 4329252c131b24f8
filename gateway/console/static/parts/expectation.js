/** How long a generation has taken, and when it will have ended. */

import { clock, seconds } from "../format.js";
import { T } from "../texts.js";

/** How long it has taken, at a moment. @param {{created_at: string}} generation @param {number} now milliseconds */
export const elapsed = ({ created_at: createdAt }, now) => seconds(Math.max(0, Math.floor((now - Date.parse(createdAt)) / 1000) * 1000));

/** When it is expected to end, in words; empty where nobody knows. @param {{queue?: any}} generation @param {number} now */
export function expectation({ queue }, now) {
  const end = queue?.estimated_completion;
  if (!end) return "";
  const left = Date.parse(end) - now;
  return left > 0 ? T.generation.expected(clock(end), seconds(left)) : T.generation.late;
}
