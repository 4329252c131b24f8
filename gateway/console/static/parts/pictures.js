/** The example pictures of a submission: checked as far as a browser can, before anything is sent. */

import { T } from "../texts.js";

export const MOST = 5;
const LARGEST = 10 * 1024 * 1024; // bytes
const LONGEST_SIDE = 8192; // pixels
const MOST_PIXELS = 50_000_000;
const TYPES = new Set(["image/jpeg", "image/png", "image/webp"]);

/** Bits for each pixel below which the compression shows. @type {Record<string, number>} */
const LEAST_BITS = { "image/jpeg": 0.4, "image/webp": 0.2 };

/** @typedef {{file: Blob, name: string, url: string, width: number, height: number}} Chosen */

/**
 * Add files to the chosen pictures; what cannot be taken is told.
 * @param {readonly Chosen[]} chosen @param {Iterable<File>} files
 * @returns {Promise<{chosen: Chosen[], told: string[]}>}
 */
export async function withFiles(chosen, files) {
  const all = [...chosen];
  const told = [];
  for (const file of files) {
    if (!TYPES.has(file.type)) told.push(T.create.notPicture(file.name));
    else if (file.size > LARGEST) told.push(T.create.tooLarge(file.name));
    else if (all.length === MOST) told.push(T.create.tooMany);
    else all.push(await opened(file, file.name));
    if (all.length === MOST && told.at(-1) === T.create.tooMany) break;
  }
  return { chosen: all, told };
}

/** Open a picture; one that this browser cannot read has no width. @param {Blob} file @param {string} name @returns {Promise<Chosen>} */
export async function opened(file, name) {
  const url = URL.createObjectURL(file);
  const image = new Image();
  image.src = url;
  const isRead = await image.decode().then(() => true, () => false);
  return { file, name, url, width: isRead ? image.naturalWidth : 0, height: isRead ? image.naturalHeight : 0 };
}

/** @param {readonly Chosen[]} chosen @param {number} from @param {number} to */
export function moved(chosen, from, to) {
  const all = [...chosen];
  const [picture] = all.splice(from, 1);
  all.splice(to, 0, picture);
  return all;
}

/** Why the service will refuse a picture, as far as a browser can see; empty where it sees nothing. @param {Chosen} picture */
export function refusalOf({ file, width, height }) {
  if (width === 0) return T.create.unreadable;
  if (file.size > LARGEST) return T.create.large;
  return Math.max(width, height) > LONGEST_SIDE || width * height > MOST_PIXELS ? T.create.tooManyPixels : "";
}

/** Hints on quality that a browser can see, as the service gives them too. @param {readonly Chosen[]} chosen */
export function hints(chosen) {
  if (chosen.length === 0) return [];
  const of = (/** @type {(one: Chosen) => boolean} */ is) => chosen.flatMap((one, index) => (!refusalOf(one) && is(one) ? [index + 1] : []));
  const small = of(({ width, height }) => Math.min(width, height) < 1024);
  const compressed = of(({ file, width, height }) => (file.size * 8) / (width * height) < (LEAST_BITS[file.type] ?? 0));
  return [...(chosen.length < 3 ? [T.create.few] : []), ...small.map(T.create.small), ...compressed.map(T.create.compressed)];
}
