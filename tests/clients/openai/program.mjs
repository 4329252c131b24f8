// Edits an image with OpenAI's npm package: node program.mjs IMAGE; prints what came back as JSON.
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import OpenAI from "openai";

const client = new OpenAI({ baseURL: process.env.BASE, apiKey: process.env.ACCESS_KEY });
const sha256 = (encoded) => createHash("sha256").update(Buffer.from(encoded, "base64")).digest("hex");
const image = () => createReadStream(process.argv[2]);

const models = [];
for await (const model of client.models.list()) models.push(model.id);
const edited = await client.images.edit({ model: "sdxl", image: [image(), image()], prompt: "a lighthouse" });
const types = [];
let streamed;
for await (const event of await client.images.edit({ image: image(), prompt: "a harbour", stream: true })) {
  types.push(event.type);
  streamed = event;
}
const refused = await client.images.edit({ image: image(), prompt: "a mill", n: 2 }).catch((error) => error);
console.log(JSON.stringify({
  models,
  edited: { id: edited.id, sha256: sha256(edited.data[0].b64_json) },
  streamed: { id: streamed.id, types, sha256: sha256(streamed.b64_json) },
  refused: { status: refused.status, code: refused.code, param: refused.param },
}));
