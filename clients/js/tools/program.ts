/** A program of a user: it compiles where the types say what the service sends. */

import { AccessKey, ApiError, Client, type Generation } from "exemplar-client";
import type { components } from "exemplar-client/openapi";
import { verifyWebhook } from "exemplar-client/webhooks";

const client = new Client("http://127.0.0.1:8000", new AccessKey("ek_..."));
const { id, replayed } = await client.submit([new Blob()], { prompt: "A quiet harbour" });
const generation: Generation = await client.wait(id, { timeout: 60 });
const status: string = generation.status;
const explanation: object = await client.explain(id);
// @ts-expect-error a generation has no such member
console.log(generation.nonsense);
for await (const event of client.events(id, { after: 0 })) console.log(event.position, event.type);
const problem: Partial<components["schemas"]["Problem"]> = {};
const message = await verifyWebhook("whsec_...", new Headers(), "{}");
console.log(id, replayed, status, explanation, message.type, problem, ApiError.name);
