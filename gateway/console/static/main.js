/** The console: finds the page of an address and shows it. */

import { html, render } from "./vendor/lit-html.js";
import * as accounts from "./accounts.js";
import { errorNotice } from "./parts/error-notice.js";
import { isLost, whenReachable } from "./parts/reachable.js";
import { shell, showCurrentLink } from "./parts/shell.js";
import { applyTheme } from "./parts/theme.js";
import { AuthenticationError, NotFoundError } from "./vendor/exemplar-client/index.js";
import { T } from "./texts.js";

const BASE = "/console/";

const ID = "[0-9a-f-]{36}";
const STAFF = ["platform_operator", "auditor"];

/** @type {[RegExp, string, string[]][]} address, module, the roles that it is for */
const PAGES = [
  [/^sign-in$/, "sign-in", []],
  [/^create$/, "create", ["end_user"]],
  [/^generations$/, "generations", ["end_user"]],
  [/^gallery$/, "generations", ["end_user"]],
  [new RegExp(`^generations/(?<id>${ID})$`), "generation", ["end_user"]],
  [new RegExp(`^generations/(?<id>${ID})$`), "history", ["developer", ...STAFF]],
  [/^usage$/, "usage", ["end_user", "developer"]],
  [/^projects$/, "projects", ["developer"]],
  [new RegExp(`^projects/(?<id>${ID})(/users)?$`), "project-users", ["developer"]],
  [new RegExp(`^projects/(?<id>${ID})/users/(?<user>${ID})$`), "user", ["developer"]],
  [new RegExp(`^projects/(?<id>${ID})/keys$`), "project-keys", ["developer"]],
  [new RegExp(`^projects/(?<id>${ID})/webhooks$`), "webhooks", ["developer"]],
  [new RegExp(`^projects/(?<id>${ID})/webhooks/(?<endpoint>default|${ID})$`), "webhook", ["developer"]],
  [new RegExp(`^projects/(?<id>${ID})/generations$`), "generations", ["developer"]],
  [/^log$/, "log", ["developer", ...STAFF]],
  [/^accesses$/, "accesses", ["end_user", "developer", ...STAFF]],
  [/^verify$/, "verify", ["developer", ...STAFF]],
  [/^operations$/, "operations", ["platform_operator"]],
  [/^developers$/, "developers", ["platform_operator"]],
  [/^failed$/, "failed", ["platform_operator"]],
  [/^controls$/, "controls", ["platform_operator"]],
];
const HOMES = { end_user: "create", developer: "usage", platform_operator: "operations", auditor: "log" };

let leaving = new AbortController();

/** What pages keep for when the reader comes back to them, by entry of the history. @type {Map<string, import("./pages/page.js").Memory>} */
const memories = new Map();
let memory = /** @type {import("./pages/page.js").Memory} */ ({});

/** Go to an address of the console. @param {string} path @param {{replace?: boolean}} [options] */
export function go(path, { replace = false } = {}) {
  leave();
  history[replace ? "replaceState" : "pushState"]({ entry: crypto.getRandomValues(new Uint32Array(2)).join("-") }, "", BASE + path);
  window.scrollTo(0, 0);
  return show();
}

function leave() {
  memory.top = window.scrollY;
  leaving.abort(new DOMException("The page was left", "AbortError"));
}

async function show() {
  leaving.abort(new DOMException("The page was left", "AbortError"));
  leaving = new AbortController();
  const { signal } = leaving;
  const path = location.pathname.slice(BASE.length).replace(/\/$/, "");
  const account = accounts.current();
  memory = remembered();
  if (location.hash.startsWith("#link=")) return signInByLink(location.hash.slice("#link=".length));
  if (!account && path !== "sign-in") return go(signInAddress(), { replace: true });
  if (path === "") return go(account ? HOMES[account.role] : "sign-in", { replace: true });
  const there = PAGES.filter(([address]) => address.test(path));
  const found = there.find(([, , roles]) => roles.length === 0 || roles.includes(account?.role ?? ""));
  const draw = drawer(signal, memory);
  if (!found) return draw(absent(there.flatMap(([, , roles]) => roles)), T.notFound);
  try {
    const module = await import(`./pages/${found[1]}.js`);
    const params = { ...found[0].exec(path)?.groups, path };
    await module.page({ draw, params, signal, go, memory, query: new URLSearchParams(location.search) });
  } catch (error) {
    if (!signal.aborted) await showError(error, draw, signal);
  }
}

/** @param {unknown} error @param {ReturnType<typeof drawer>} draw @param {AbortSignal} signal */
async function showError(error, draw, signal) {
  if (error instanceof AuthenticationError) {
    accounts.forget();
    return go(`${signInAddress()}&ended`, { replace: true });
  }
  const again = isLost(error);
  const unknown = error instanceof NotFoundError;
  const back = unknown ? html`<p><a href="/console/">${T.back}</a></p>` : "";
  draw(html`<h1 tabindex="-1">${unknown ? T.unknown : T.failedPage}</h1>${errorNotice(error, { retry: unknown ? undefined : show, again })}${back}`, T.name);
  if (!again) return;
  await whenReachable(signal).then(() => (error instanceof TypeError ? location.reload() : show()), () => {}); // or the page was left
}

/** Where to sign in, and to come back from to this page. */
function signInAddress() {
  const here = location.pathname.slice(BASE.length) + location.search;
  return here ? `sign-in?${new URLSearchParams({ to: here })}` : "sign-in";
}

/** What the page of this entry of the history has kept. */
function remembered() {
  const key = String(history.state?.entry ?? "");
  const kept = memories.get(key) ?? {};
  memories.set(key, kept);
  return kept;
}

/** Say that there is no such page, or for whom there is one, and lead them back here. @param {string[]} roles */
function absent(roles) {
  if (roles.length === 0) return html`<h1 tabindex="-1">${T.notFound}</h1>`;
  const named = [...new Set(roles)].map((role) => T.roles[role]).join(", ");
  const signedIn = accounts.all().map((account, index) => ({ account, index })).filter(({ account }) => roles.includes(account.role));
  const goOnAs = (/** @type {number} */ index) => () => {
    accounts.choose(index);
    show();
  };
  return html`
    <h1 tabindex="-1">${T.otherRole}</h1>
    <p>${T.otherRoleHint(named)}</p>
    <p class="actions">
      ${signedIn.map(({ account, index }) => html`<button type="button" @click=${goOnAs(index)}>${T.goOnAs(account.email)}</button>`)}
      <a role="button" class="secondary" href="${BASE}${signInAddress()}">${T.signInOther}</a>
    </p>
  `;
}

let isFirstPage = true;

/**
 * Make the function with which a page draws itself, until it is left. The heading gets the focus, unless the browser
 * has just opened the console; a page that was shown before gets back to where it was.
 * @param {AbortSignal} signal @param {import("./pages/page.js").Memory} kept
 */
function drawer(signal, kept) {
  let first = true;
  let top = kept.top ?? 0;
  return (/** @type {unknown} */ content, /** @type {string} */ title) => {
    if (signal.aborted) return;
    document.title = `${title} · ${T.name}`;
    render(shell(content, { path: location.pathname.slice(BASE.length), go, show }), /** @type {HTMLElement} */ (app));
    if (first) showCurrentLink();
    if (first && !isFirstPage) document.querySelector("main h1")?.focus({ preventScroll: true });
    if (top > 0 && document.documentElement.scrollHeight >= top + window.innerHeight) {
      window.scrollTo(0, top);
      top = 0;
    }
    first = isFirstPage = false;
  };
}

/** @param {string} code */
async function signInByLink(code) {
  history.replaceState(null, "", BASE); // the code must not stay in the history
  drawer(leaving.signal, {})(html`<p aria-busy="true">${T.signIn.link}</p>`, T.signIn.title);
  try {
    await accounts.useLink(decodeURIComponent(code));
    return go("", { replace: true });
  } catch {
    return go("sign-in?link=failed", { replace: true });
  }
}

document.addEventListener("click", (event) => {
  const link = /** @type {HTMLElement} */ (event.target).closest?.("a");
  if (!link || event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey) return;
  if (link.origin !== location.origin || !link.pathname.startsWith(BASE) || link.target || link.hash) return;
  event.preventDefault();
  go(link.pathname.slice(BASE.length) + link.search);
});
window.addEventListener("popstate", () => {
  leave();
  show();
});
window.history.scrollRestoration = "manual"; // pages draw themselves after they have read

const app = document.getElementById("app");
applyTheme();
show();
