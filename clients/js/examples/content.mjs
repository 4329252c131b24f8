/**
 * The core of a tool that creates content: progress while a picture is made, and a link to show in the end.
 *
 * BASE=http://127.0.0.1:8000 ACCESS_KEY=ek_... node content.mjs PROMPT STYLE MOOD PICTURE...
 */

import { readFile } from "node:fs/promises";
import { AccessKey, ApiError, Client } from "../src/index.js";

/** Submit, show every event as it happens, return the finished generation; `style` and `mood` may be left out. */
async function createContent(client, { images, prompt, style, mood }) {
  const { id } = await client.submit(images, { prompt, ...(style && { style }), ...(mood && { mood }) });
  for await (const { type, data } of client.events(id, { after: 0 })) {
    console.log(type, data.data.percent === undefined ? "" : `${data.data.percent} %`);
  }
  return client.get(id);
}

if (process.argv.length <= 5 || !process.env.BASE || !process.env.ACCESS_KEY) {
  console.error("BASE=http://127.0.0.1:8000 ACCESS_KEY=ek_... node content.mjs PROMPT STYLE MOOD PICTURE...");
  process.exit(2);
}
const [prompt, style, mood, ...names] = process.argv.slice(2);
const client = new Client(process.env.BASE, new AccessKey(process.env.ACCESS_KEY));
const images = await Promise.all(names.map((name) => readFile(name)));
try {
  const generation = await createContent(client, { images, prompt, style, mood });
  console.log(generation.result_image_url ?? generation.error);
} catch (error) {
  if (!(error instanceof ApiError)) throw error;
  console.error(`${error.code}: ${JSON.stringify(error.detail)}`);
  process.exitCode = 1;
}
