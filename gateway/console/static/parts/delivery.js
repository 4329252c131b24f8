/** One delivery of a webhook, with its attempts and what the receiver answered. */

import { html, nothing } from "../vendor/lit-html.js";
import { duration, moment } from "../format.js";
import { T } from "../texts.js";

const BADGES = { pending: "pending", delivered: "completed", failed: "failed", skipped: "pending" };

/** @param {any} delivery @param {() => void} resend @param {string} busy */
export function delivery(delivery, resend, busy) {
  const { id, state, reason, attempts, next_attempt_at: nextAt } = delivery;
  return html`<li>
    <div class="delivery">
      <span class=${`badge ${BADGES[state]}`}>${T.webhooks.states[state]}</span>
      <span>
        <strong>${T.events[delivery.type] ?? delivery.type}</strong>
        ${delivery.example ? html`<em>${T.webhooks.isExample}</em>` : html`<a href="/console/generations/${delivery.generation_id}"><code>${delivery.generation_id.slice(0, 8)}</code></a>`}
        ${reason ? html`<small>${T.webhooks.reasons[reason] ?? reason}</small>` : nothing}
      </span>
      <time datetime=${delivery.created_at}>${moment(delivery.created_at)}</time>
      ${state === "pending" ? nothing : html`<button type="button" class="secondary outline small" aria-busy=${busy === `resend ${id}`} ?disabled=${busy !== ""} @click=${resend}>${T.webhooks.resend}</button>`}
    </div>
    ${nextAt && attempts.length ? html`<small>${T.webhooks.nextAt(moment(nextAt))}</small>` : nothing}
    ${attempts.length ? html`<details><summary>${T.webhooks.attempts(attempts.length)}</summary><ol class="attempts">${attempts.map(attempt)}</ol></details>` : nothing}
  </li>`;
}

/** @param {any} one */
function attempt(one) {
  return html`<li>
    <time datetime=${one.at}>${moment(one.at)}</time>
    ${one.status ?? nothing} ${one.error ? html`<span class="wrong">${T.webhooks.errors[one.error] ?? one.error}</span>` : nothing}
    <small>${duration(one.milliseconds)}</small>
    ${one.response ? html`<pre tabindex="0"><code>${one.response}</code></pre>` : nothing}
  </li>`;
}
