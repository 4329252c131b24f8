/**
 * Sleep for so many seconds; throw the signal's reason if it is aborted before.
 * @param {number} seconds @param {AbortSignal} [signal]
 * @returns {Promise<void>}
 */
export function sleep(seconds: number, signal?: AbortSignal): Promise<void>;
/**
 * Exponential back-off with jitter.
 *
 * `attempts` counts the first request too. Pauses, in seconds, double from `first` up to `longest`, each shortened by
 * up to a half so that clients spread. A Retry-After is obeyed, unless it is longer than `maxWait`: then the error is
 * thrown at once.
 */
export class Retries {
    /**
     * @param {{attempts?: number, first?: number, longest?: number, maxWait?: number, random?: () => number}} [options]
     */
    constructor({ attempts, first, longest, maxWait, random }?: {
        attempts?: number;
        first?: number;
        longest?: number;
        maxWait?: number;
        random?: () => number;
    });
    attempts: number;
    first: number;
    longest: number;
    maxWait: number;
    random: () => number;
    /**
     * Return the pause in seconds after so many failures in a row, the last with this error; null: give up.
     * @param {number} failures @param {Error} error
     * @returns {number | null}
     */
    pause(failures: number, error: Error): number | null;
}
