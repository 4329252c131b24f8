/** The accounts that are signed in, kept for this tab: tokens and keys, never passwords. */

import { dropDraft } from "./parts/draft.js";
import { AccessKey, ApiError, Client, Retries, Tokens } from "./vendor/exemplar-client/index.js";

const KEPT = "exemplar.accounts";

/**
 * @typedef {object} Account
 * @property {string} id @property {string} email @property {"end_user" | "developer" | "platform_operator" | "auditor"} role
 * @property {{access_token: string, refresh_token: string}} [tokens] of who has signed in with a password
 * @property {string} [accessKey] of who has signed in with an access key
 * @property {Record<string, string>} keys the headers of a submission; empty without keys
 */

/** @type {{current: number, accounts: Account[]}} */
const state = read();

/** @returns {Account | null} */
export const current = () => state.accounts[state.current] ?? null;

/** @returns {readonly Account[]} */
export const all = () => state.accounts;

/** A person waits for the answer: a refusal with a time is shown at once, with a countdown. */
const IMPATIENT = new Retries({ attempts: 3, maxWait: 0 });

/** A page that watches goes on for as long as it is open. */
export const PATIENT = new Retries({ attempts: Infinity, longest: 10 });

/** The client of the current account. @param {Retries} [retries] */
export function client(retries = IMPATIENT) {
  const account = current();
  if (!account) throw new Error("nobody is signed in");
  return new Client("", credentialsOf(account), { retries });
}

/** Whether the current account has what a submission needs. */
export const canSubmit = () => Boolean(current()?.accessKey) || Object.keys(current()?.keys ?? {}).length > 0;

/** @type {WeakMap<Account, Tokens>} */
const CREDENTIALS = new WeakMap();

/** All clients of an account share its tokens: a refresh token works once. @param {Account} account */
function credentialsOf(account) {
  if (account.accessKey) return new AccessKey(account.accessKey);
  const onChange = (/** @type {any} */ tokens) => {
    account.tokens = tokens;
    keep();
  };
  const known = CREDENTIALS.get(account) ?? new Tokens("", /** @type {any} */ (account.tokens), { submissionHeaders: account.keys, onChange });
  CREDENTIALS.set(account, known);
  return known;
}

/** @param {number} index */
export function choose(index) {
  state.current = index;
  keep();
}

/**
 * Sign in and make the account the current one. Throws ApiError.
 * @param {{email: string, password: string, projectId?: string, developerKey?: string, apiKey?: string}} login
 */
export async function signIn({ email, password, projectId = "", developerKey = "", apiKey = "" }) {
  const tokens = await post("/api/v1/auth/login", { email, password }, projectId ? { "X-Project-ID": projectId } : {});
  const me = await new Client("", new Tokens("", tokens)).session.json("/api/v1/auth/me");
  const keys = {
    "X-User-Role": "end_user",
    "X-Developer-Key": developerKey,
    "X-Project-ID": projectId,
    "X-API-Key": apiKey,
  };
  add({ id: me.id, email, role: me.role, tokens, keys: developerKey && apiKey ? keys : {} });
}

/** Sign in with an access key, which needs the scope `read`. Throws ApiError. @param {string} accessKey */
export async function signInByAccessKey(accessKey) {
  const me = await new Client("", new AccessKey(accessKey)).session.json("/api/v1/auth/me");
  add({ id: me.id, email: me.email, role: me.role, accessKey, keys: {} });
}

/** Make an account the current one. @param {Account} account */
function add(account) {
  const others = state.accounts.filter((one) => one.email !== account.email || one.role !== account.role);
  state.accounts = [account, ...others];
  state.current = 0;
  keep();
}

/** Sign in with all accounts of a sign-in link, the first of them the current one. @param {string} code */
export async function useLink(code) {
  const { accounts } = await post("/console/sign-in-link", { code });
  for (const login of [...accounts].reverse()) await signIn(login);
}

/** End the current account's session; an access key goes on being good. */
export async function signOut() {
  if (!current()?.accessKey) {
    await client()
      .session.once("/api/v1/auth/logout", { method: "POST" })
      .catch(() => {}); // an expired session has ended already
  }
  forget();
  await dropDraft();
}

/** Drop the current account, whose session has ended. */
export function forget() {
  state.accounts.splice(state.current, 1);
  state.current = 0;
  keep();
}

/** @param {string} path @param {object} body @param {Record<string, string>} [headers] */
async function post(path, body, headers = {}) {
  const sent = { "Content-Type": "application/json", ...headers };
  const answer = await fetch(path, { method: "POST", headers: sent, body: JSON.stringify(body) });
  const content = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new ApiError(answer.status, content, answer.headers);
  return content;
}

function read() {
  try {
    const kept = JSON.parse(sessionStorage.getItem(KEPT) ?? "");
    if (Array.isArray(kept.accounts)) return kept;
  } catch {
    // nothing is kept yet
  }
  return { current: 0, accounts: [] };
}

function keep() {
  sessionStorage.setItem(KEPT, JSON.stringify(state));
}
