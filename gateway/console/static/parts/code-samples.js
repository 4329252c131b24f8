/** A request as programs write it. Keys are named, never shown. */

import { html } from "../vendor/lit-html.js";
import { T } from "../texts.js";
import { copyButton } from "./copy.js";

const quoted = (/** @type {string} */ text) => `'${text.replaceAll("'", `'\\''`)}'`;

/** @typedef {{curl: string[], python: string, javascript: string}} SignIn how a program authenticates */

/** @param {string} instructions @param {string[]} names of the pictures' files @param {boolean} byAccessKey */
export function codeSamples(instructions, names, byAccessKey) {
  const signIn = byAccessKey ? accessKey() : fiveHeaders();
  return { curl: curl(instructions, names, signIn), Python: python(instructions, names, signIn), JavaScript: javascript(instructions, names, signIn) };
}

/** @param {string} instructions @param {string[]} names @param {boolean} byAccessKey */
export function sampleList(instructions, names, byAccessKey) {
  const written = Object.entries(codeSamples(instructions, names, byAccessKey));
  return html`<details class="samples">
    <summary>${T.create.request}</summary>
    ${written.map(([language, code]) => html`<div class="headed"><h2>${language}</h2>${copyButton(code, language)}</div><pre tabindex="0"><code>${code}</code></pre>`)}
  </details>`;
}

/** @returns {SignIn} */
const accessKey = () => ({
  curl: ['-H "Authorization: Bearer $ACCESS_KEY"'],
  python: `from exemplar_client import AccessKey, Client

with Client("${location.origin}", AccessKey(os.environ["ACCESS_KEY"])) as client:`,
  javascript: `import { AccessKey, Client } from "exemplar-client";

const client = new Client("${location.origin}", new AccessKey(process.env.ACCESS_KEY));`,
});

/** @returns {SignIn} */
const fiveHeaders = () => ({
  curl: [
    '-H "Authorization: Bearer $TOKEN" -H "X-User-Role: end_user"',
    '-H "X-Developer-Key: $DEVELOPER_KEY" -H "X-Project-ID: $PROJECT_ID" -H "X-API-Key: $API_KEY"',
  ],
  python: `from exemplar_client import Client, Keys

keys = Keys(os.environ["PROJECT_ID"], os.environ["DEVELOPER_KEY"], os.environ["API_KEY"])
login = {"email": os.environ["EMAIL"], "password": os.environ["PASSWORD"]}
with Client("${location.origin}", keys, **login) as client:`,
  javascript: `import { Client, PasswordLogin } from "exemplar-client";

const { EMAIL, PASSWORD, PROJECT_ID, DEVELOPER_KEY, API_KEY } = process.env;
const base = "${location.origin}";
const keys = { projectId: PROJECT_ID, developerKey: DEVELOPER_KEY, apiKey: API_KEY };
const client = new Client(base, new PasswordLogin(base, { email: EMAIL, password: PASSWORD, ...keys }));`,
});

/** @param {string} instructions @param {string[]} names @param {SignIn} signIn */
function curl(instructions, names, signIn) {
  const lines = [
    `curl -X POST ${location.origin}/api/v1/generation/generate-v2`,
    ...signIn.curl,
    '-H "Idempotency-Key: $(uuidgen)"',
    ...names.map((name) => `-F ${quoted(`example_images=@${name}`)}`),
    `-F ${quoted(`instructions=${instructions}`)}`,
  ];
  return lines.join(" \\\n  ");
}

/** @param {string} instructions @param {string[]} names @param {SignIn} signIn */
function python(instructions, names, signIn) {
  return `import os
from pathlib import Path
${signIn.python}
    pictures = [${names.map((name) => `Path(${JSON.stringify(name)})`).join(", ")}]
    accepted = client.submit(pictures, ${quotedPython(instructions)})
    client.wait(accepted.id)
    client.download(accepted.id, Path("picture.png"))`;
}

/** @param {string} text */
const quotedPython = (text) => `r'''${text.replaceAll("'''", "'\\u0027'")}'''`;

/** @param {string} instructions @param {string[]} names @param {SignIn} signIn */
function javascript(instructions, names, signIn) {
  return `import { readFile, writeFile } from "node:fs/promises";
${signIn.javascript}
const pictures = await Promise.all(${JSON.stringify(names)}.map((name) => readFile(name)));
const { id } = await client.submit(pictures, ${instructions});
await client.wait(id);
await writeFile("picture.png", (await client.picture(id)).stream());`;
}
