/** Move through a grid of cards by the arrow keys, Home and End. */

const CARD = "a.card, button.card";

/** @param {KeyboardEvent} event */
export function moveByKey(event) {
  const list = /** @type {HTMLElement} */ (event.currentTarget);
  const cards = /** @type {HTMLElement[]} */ ([...list.querySelectorAll(CARD)]);
  const at = cards.indexOf(/** @type {HTMLElement} */ (document.activeElement));
  if (at < 0) return;
  const tops = cards.map((card) => Math.round(card.getBoundingClientRect().top));
  const to = target(event.key, at, cards.length, columnsOf(tops));
  if (to === null) return;
  event.preventDefault();
  cards[to].focus();
}

/** How many cards stand in the first row. @param {readonly number[]} tops */
export const columnsOf = (tops) => tops.filter((top) => top === tops[0]).length;

/** The card that a key leads to; null where it leads nowhere. @param {string} key @param {number} at @param {number} count @param {number} columns */
export function target(key, at, count, columns) {
  const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns }[key];
  if (key === "Home") return 0;
  if (key === "End") return count - 1;
  if (step === undefined) return null;
  const to = at + step;
  return to >= 0 && to < count ? to : null;
}
