/** A request as programs write it. Keys are named, never shown. */

const quoted = (/** @type {string} */ text) => `'${text.replaceAll("'", `'\\''`)}'`;

/** @param {string} instructions @param {string[]} names of the pictures' files */
export function codeSamples(instructions, names) {
  return { curl: curl(instructions, names), Python: python(instructions, names), JavaScript: javascript(instructions, names) };
}

/** @param {string} instructions @param {string[]} names */
function curl(instructions, names) {
  const lines = [
    `curl -X POST ${location.origin}/api/v1/generation/generate-v2`,
    '-H "Authorization: Bearer $TOKEN" -H "X-User-Role: end_user"',
    '-H "X-Developer-Key: $DEVELOPER_KEY" -H "X-Project-ID: $PROJECT_ID" -H "X-API-Key: $API_KEY"',
    ...names.map((name) => `-F ${quoted(`example_images=@${name}`)}`),
    `-F ${quoted(`instructions=${instructions}`)}`,
  ];
  return lines.join(" \\\n  ");
}

/** @param {string} instructions @param {string[]} names */
function python(instructions, names) {
  return `import os
from pathlib import Path
from exemplar_client import Client, Keys

keys = Keys(os.environ["PROJECT_ID"], os.environ["DEVELOPER_KEY"], os.environ["API_KEY"])
login = {"email": os.environ["EMAIL"], "password": os.environ["PASSWORD"]}
with Client("${location.origin}", keys, **login) as client:
    pictures = [${names.map((name) => `Path(${JSON.stringify(name)})`).join(", ")}]
    accepted = client.submit(pictures, ${quotedPython(instructions)})
    client.wait(accepted.id)
    client.download(accepted.id, Path("picture.png"))`;
}

/** @param {string} text */
const quotedPython = (text) => `r'''${text.replaceAll("'''", "'\\u0027'")}'''`;

/** @param {string} instructions @param {string[]} names */
function javascript(instructions, names) {
  return `import { readFile, writeFile } from "node:fs/promises";
import { Client, PasswordLogin } from "exemplar-client";

const { EMAIL, PASSWORD, PROJECT_ID, DEVELOPER_KEY, API_KEY } = process.env;
const base = "${location.origin}";
const keys = { projectId: PROJECT_ID, developerKey: DEVELOPER_KEY, apiKey: API_KEY };
const client = new Client(base, new PasswordLogin(base, { email: EMAIL, password: PASSWORD, ...keys }));
const pictures = await Promise.all(${JSON.stringify(names)}.map((name) => readFile(name)));
const { id } = await client.submit(pictures, ${instructions});
await client.wait(id);
await writeFile("picture.png", (await client.picture(id)).stream());`;
}
