/** @typedef {{top?: number, list?: any}} Memory what is kept of a page for when the reader comes back to it: how far it was scrolled, and more of its own */

/**
 * @typedef {object} Page what a page gets
 * @property {(content: unknown, title: string) => void} draw show the page; does nothing once the page was left
 * @property {Record<string, string>} params parts of the address
 * @property {URLSearchParams} query
 * @property {Memory} memory
 * @property {AbortSignal} signal aborted when the page is left
 * @property {(path: string, options?: {replace?: boolean}) => Promise<unknown>} go
 */

export {};
