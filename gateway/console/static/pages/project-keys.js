/** The API keys of a project. */

import { html } from "../vendor/lit-html.js";
import * as accounts from "../accounts.js";
import { keyActions, keySection } from "../parts/keys.js";
import { projectHead, readProject } from "../parts/project-head.js";
import { secretNotice } from "../parts/secret.js";
import { outcome, stateOf } from "../parts/state.js";
import { T } from "../texts.js";

/** @param {import("./page.js").Page} page */
export async function page(page) {
  const { session } = accounts.client();
  const { id } = page.params;
  const project = await readProject(session, id, page.signal);
  const managed = stateOf(page, project.name, { keys: null, secret: null }, view);
  const keys = keyActions(session, `/api/v1/projects/${id}/api-keys`, managed);
  managed.update({});
  await keys.load();

  /** @param {any} state */
  function view(state) {
    return html`
      ${projectHead(project, "keys")} ${outcome(state)} ${secretNotice(state.secret)}
      ${keySection(T.keys.api, keys, { lead: T.keys.apiLead })}
    `;
  }
}
