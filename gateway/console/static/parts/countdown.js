/** Call `tick` each second with the milliseconds that are left, at last with 0. */

/** @param {number} seconds @param {(leftMs: number) => void} tick @param {AbortSignal} signal */
export function countDown(seconds, tick, signal) {
  const end = performance.now() + seconds * 1000;
  const step = () => {
    const left = Math.max(0, end - performance.now());
    if (left === 0) clearInterval(timer);
    tick(left);
  };
  const timer = setInterval(step, 1000);
  signal.addEventListener("abort", () => clearInterval(timer), { once: true });
  step();
}
