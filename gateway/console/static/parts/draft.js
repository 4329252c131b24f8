/** What a form holds, kept for this tab over a reload: texts in its session storage, pictures in a database. */

const TEXTS = "exemplar.draft";
const DATABASE = "exemplar";
const PICTURES = "drafts";
const KEPT_MS = 24 * 3600_000; // pictures of tabs that were closed

/** @typedef {{account: string, tab: string, texts: Record<string, unknown>}} Draft */

/** @returns {Draft | null} */
function read() {
  try {
    return JSON.parse(sessionStorage.getItem(TEXTS) ?? "null");
  } catch {
    return null;
  }
}

/** Keep the texts of an account. @param {string} account @param {Record<string, unknown>} texts */
export function keepTexts(account, texts) {
  const tab = read()?.tab ?? String(Date.now() + Math.random());
  sessionStorage.setItem(TEXTS, JSON.stringify({ account, tab, texts }));
}

/** The texts that are kept; null without any of this account. @param {string} account */
export function keptTexts(account) {
  const draft = read();
  return draft?.account === account ? draft.texts : null;
}

/** Keep the pictures beside the texts, which were kept before. @param {{file: Blob, name: string}[]} pictures */
export async function keepPictures(pictures) {
  const tab = read()?.tab;
  if (!tab) return;
  const kept = pictures.map(({ file, name }) => ({ file, name }));
  await inStore("readwrite", (store) => store.put({ pictures: kept, at: Date.now() }, tab));
}

/** @returns {Promise<{file: Blob, name: string}[]>} */
export async function keptPictures() {
  const tab = read()?.tab;
  const found = tab ? await inStore("readonly", (store) => store.get(tab)) : null;
  return found?.pictures ?? [];
}

/** Keep nothing any more; drop what tabs that were closed have left. */
export async function dropDraft() {
  const tab = read()?.tab;
  sessionStorage.removeItem(TEXTS);
  await inStore("readwrite", (store) => {
    store.openCursor().onsuccess = (event) => {
      const cursor = /** @type {any} */ (event.target).result;
      if (!cursor) return;
      if (cursor.key === tab || cursor.value.at < Date.now() - KEPT_MS) cursor.delete();
      cursor.continue();
    };
  });
}

/**
 * Call the store of the pictures; null where the browser keeps none, as in some private windows.
 * @param {IDBTransactionMode} mode @param {(store: IDBObjectStore) => IDBRequest | void} call @returns {Promise<any>}
 */
async function inStore(mode, call) {
  try {
    const opening = indexedDB.open(DATABASE, 1);
    opening.onupgradeneeded = () => opening.result.createObjectStore(PICTURES);
    const database = await ended(opening);
    const transaction = database.transaction(PICTURES, mode);
    const request = call(transaction.objectStore(PICTURES));
    await new Promise((resolve, reject) => {
      transaction.oncomplete = resolve;
      transaction.onabort = transaction.onerror = () => reject(transaction.error);
    });
    database.close();
    return request ? request.result : null;
  } catch {
    return null;
  }
}

/** @template T @param {IDBRequest<T>} request @returns {Promise<T>} */
const ended = (request) =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
