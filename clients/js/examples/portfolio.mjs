/**
 * A picture for a portfolio website, in the style of professional photography.
 *
 * BASE=http://127.0.0.1:8000 ACCESS_KEY=ek_... node portfolio.mjs PROMPT PICTURE...
 */

import { readFile, writeFile } from "node:fs/promises";
import { AccessKey, Client } from "../src/index.js";

/** Submit example pictures and a prompt; return the id of the generation. */
async function generatePortfolioImage(client, examples, prompt) {
  const { id } = await client.submit(examples, { prompt, style: "professional photography" });
  return id;
}

if (process.argv.length <= 3 || !process.env.BASE || !process.env.ACCESS_KEY) {
  console.error("BASE=http://127.0.0.1:8000 ACCESS_KEY=ek_... node portfolio.mjs PROMPT PICTURE...");
  process.exit(2);
}
const [prompt, ...names] = process.argv.slice(2);
const client = new Client(process.env.BASE, new AccessKey(process.env.ACCESS_KEY));
const examples = await Promise.all(names.map((name) => readFile(name)));
const generation = await client.wait(await generatePortfolioImage(client, examples, prompt));
if (generation.status === "failed") throw new Error(generation.error);
await writeFile("portfolio.png", (await client.picture(generation.id)).stream());
console.log("portfolio.png");
