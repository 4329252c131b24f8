/** Light or dark: as the system says, until the user chooses. */

const KEPT = "exemplar.theme";

export function applyTheme() {
  const kept = localStorage.getItem(KEPT);
  if (kept) document.documentElement.dataset.theme = kept;
}

export function switchTheme() {
  const shown = document.documentElement.dataset.theme ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
  localStorage.setItem(KEPT, shown === "dark" ? "light" : "dark");
  applyTheme();
}
