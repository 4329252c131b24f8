/** Bring what an action has told into view, and move the focus there; what is in view already keeps the focus where it is. */

/** @param {string} selector of what is shown, in the page */
export function reveal(selector) {
  const shown = /** @type {HTMLElement | null} */ (document.querySelector(`main ${selector}`));
  if (!shown || isInView(shown)) return;
  shown.scrollIntoView({ block: "nearest" });
  shown.focus({ preventScroll: true });
}

/** @param {Element} shown */
function isInView(shown) {
  const { top, bottom } = shown.getBoundingClientRect();
  const head = document.querySelector(".top")?.getBoundingClientRect().bottom ?? 0;
  return top >= head && bottom <= window.innerHeight;
}
