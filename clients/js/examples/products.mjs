/**
 * Variations of a product for an online shop; running it again makes no picture twice.
 *
 * BASE=http://127.0.0.1:8000 ACCESS_KEY=ek_... node products.mjs SKU VARIATION,VARIATION... PICTURE...
 */

import { readFile, writeFile } from "node:fs/promises";
import { AccessKey, Client, Retries } from "../src/index.js";

/**
 * Submit one generation for each variation; return pairs of variation and id.
 *
 * The key of each is made of the product and the variation, so that a repeated request is recognized.
 */
async function generateProductVariations(client, sku, productImages, variations) {
  const made = [];
  for (const variation of variations) {
    const instructions = {
      prompt: `Generate ${variation} variation of the product`,
      style: "product photography",
      background: "white",
    };
    const options = { idempotencyKey: `${sku}-${variation}`, metadata: { sku, variation } };
    made.push([variation, (await client.submit(productImages, instructions, options)).id]);
  }
  return made;
}

if (process.argv.length <= 4 || !process.env.BASE || !process.env.ACCESS_KEY) {
  console.error("BASE=http://127.0.0.1:8000 ACCESS_KEY=ek_... node products.mjs SKU VARIATION,VARIATION... PICTURE...");
  process.exit(2);
}
const [sku, variations, ...names] = process.argv.slice(2);
// A tier with one slot refuses the second generation until the first has ended, and says when to try again.
const patient = { retries: new Retries({ attempts: 20, maxWait: 600 }) };
const client = new Client(process.env.BASE, new AccessKey(process.env.ACCESS_KEY), patient);
const productImages = await Promise.all(names.map((name) => readFile(name)));
for (const [variation, id] of await generateProductVariations(client, sku, productImages, variations.split(","))) {
  const { status } = await client.wait(id);
  console.log(status, variation, id);
  if (status === "completed") await writeFile(`${sku}-${variation}.png`, (await client.picture(id)).stream());
}
