/** Numbers, times and sizes as people read them. */

const NUMBER = new Intl.NumberFormat("en");
const MOMENT = new Intl.DateTimeFormat("en", { dateStyle: "medium", timeStyle: "medium" });
const CLOCK = new Intl.DateTimeFormat("en", { timeStyle: "medium" });

/** @param {number} value */
export const number = (value) => NUMBER.format(value);

/** @param {string | null} time RFC 3339 */
export const moment = (time) => (time ? MOMENT.format(new Date(time)) : "–");

/** @param {string} time RFC 3339 */
export const clock = (time) => CLOCK.format(new Date(time));

/** @param {number} ms */
export function duration(ms) {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  return seconds < 3600
    ? `${Math.floor(seconds / 60)} min ${seconds % 60} s`
    : `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
}

/** A time to wait, in whole seconds, never too short. @param {number} ms */
export function seconds(ms) {
  const whole = Math.ceil(ms / 1000);
  return whole < 60 ? `${whole} s` : duration(whole * 1000);
}

/** @param {number} bytes */
export function size(bytes) {
  if (bytes < 1000) return `${bytes} bytes`;
  return bytes < 1_000_000 ? `${Math.round(bytes / 1000)} kB` : `${(bytes / 1_000_000).toFixed(1)} MB`;
}

/** @param {number | null} usd */
export const dollars = (usd) => (usd === null ? "–" : `$${usd.toFixed(usd < 0.1 ? 4 : 2)}`);

/** The prompt of instructions as received; empty where they are erased. @param {string | null} instructions */
export function promptOf(instructions) {
  try {
    const parsed = JSON.parse(instructions ?? "");
    return String(parsed?.prompt ?? instructions);
  } catch {
    return instructions ?? "";
  }
}

/** A name with its UUIDs shortened. @param {string} name */
export const short = (name) => name.replace(/([0-9a-f]{8})(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, "$1…");

/** A link of the service on this page's origin, which the page may load. @param {string} url */
export function local(url) {
  const { pathname, search } = new URL(url, location.href);
  return pathname + search;
}
