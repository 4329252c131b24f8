/** What surrounds every page: the brand, the navigation and the account. */

import { html, nothing } from "../vendor/lit-html.js";
import * as accounts from "../accounts.js";
import { T } from "../texts.js";
import { switchTheme } from "./theme.js";

const LINKS = {
  end_user: ["create", "generations", "gallery", "usage", "accesses"],
  developer: ["usage", "projects", "log", "accesses", "verify"],
  platform_operator: ["operations", "developers", "failed", "controls", "log", "accesses", "verify"],
  auditor: ["log", "accesses", "verify"],
};

/**
 * @param {unknown} content
 * @param {{path: string, go: (path: string) => unknown, show: () => unknown}} page
 */
export function shell(content, { path, go, show }) {
  const account = accounts.current();
  return html`
    <a class="skip" href="#content" @click=${skip}>${T.skip}</a>
    <header class="top">
      <nav class="container" aria-label="Main">
        <a class="brand" href="/console/"><img src="/console/icon.svg" alt="" width="28" height="28" /> ${T.name}</a>
        ${account ? links(LINKS[account.role], path) : nothing}
        <div class="tools">
          <button class="plain" type="button" title=${T.menu.theme} aria-label=${T.menu.theme} @click=${switchTheme}>◐</button>
          ${account ? menu(account, go, show) : nothing}
        </div>
      </nav>
    </header>
    <main id="content" class="container" tabindex="-1">${content}</main>
  `;
}

/** @param {string[]} names @param {string} path */
function links(names, path) {
  const link = (/** @type {string} */ name) => html`
    <li><a href="/console/${name}" aria-current=${path.startsWith(name) ? "page" : nothing}>${T.nav[name]}</a></li>
  `;
  return html`<ul class="links">${names.map(link)}</ul>`;
}

/** Scroll the navigation, where it is wider than the window, to the page that is shown. */
export function showCurrentLink() {
  const link = /** @type {HTMLElement | null} */ (document.querySelector(".top .links [aria-current]"));
  const list = link?.closest("ul");
  if (link && list) list.scrollLeft = link.offsetLeft - list.offsetLeft - (list.clientWidth - link.offsetWidth) / 2;
}

/** @param {Event} event */
function skip(event) {
  event.preventDefault(); // an address of its own would be another page
  document.getElementById("content")?.focus();
}

/** Close the menu of the account by Esc. @param {KeyboardEvent} event */
function closeByKey(event) {
  const menu = /** @type {HTMLDetailsElement} */ (event.currentTarget);
  if (event.key !== "Escape" || !menu.open) return;
  menu.open = false;
  menu.querySelector("summary")?.focus();
}

/** @param {accounts.Account} account @param {(path: string) => unknown} go @param {() => unknown} show */
function menu(account, go, show) {
  const others = accounts.all().map((other, index) => ({ other, index })).filter(({ other }) => other !== account);
  const choose = (/** @type {number} */ index) => (/** @type {Event} */ event) => {
    /** @type {HTMLElement} */ (event.currentTarget).closest("details")?.removeAttribute("open");
    accounts.choose(index);
    go("");
  };
  const signOut = async () => {
    await accounts.signOut();
    go(accounts.current() ? "" : "sign-in", { replace: true });
  };
  return html`
    <details class="dropdown account" @keydown=${closeByKey}>
      <summary aria-label=${T.menu.account}><span>${account.email}</span></summary>
      <ul dir="rtl">
        ${others.map(({ other, index }) => html`<li><button class="plain" type="button" @click=${choose(index)}>${other.email}</button></li>`)}
        <li><a href="/console/sign-in">${T.menu.add}</a></li>
        <li><button class="plain" type="button" @click=${signOut}>${T.menu.signOut}</button></li>
      </ul>
    </details>
  `;
}
