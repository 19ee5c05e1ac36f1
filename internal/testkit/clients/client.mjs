// The official npm client against a running gateway. WEIR_TEST_URL, WEIR_TEST_KEY and
// WEIR_TEST_MODEL as in doc.go. Exits 1 on the first failed check.
import assert from "node:assert/strict";
import OpenAI from "openai";

const { WEIR_TEST_URL: url, WEIR_TEST_KEY: apiKey } = process.env;
if (!url || !apiKey) {
  console.log("skipped: set WEIR_TEST_URL and WEIR_TEST_KEY to a running gateway");
  process.exit(0);
}
const baseURL = url.replace(/\/$/, "") + "/v1";
const client = new OpenAI({ baseURL, apiKey });

const models = [];
for await (const model of client.models.list()) models.push(model);
assert.ok(models.length > 0, "the gateway has a model");
const model = process.env.WEIR_TEST_MODEL || models[0].id;
assert.equal((await client.models.retrieve(model)).id, model);
console.log("ok models");

const request = {
  model,
  max_completion_tokens: 100,
  seed: 1,
  temperature: 0,
  messages: [{ role: "user", content: "给三号产线的相机开一条上行20兆的专线" }],
};

const whole = await client.chat.completions.create(request);
assert.equal(whole.choices.length, 1);
assert.ok(whole.choices[0].message.content);
assert.equal(whole.usage.total_tokens, whole.usage.prompt_tokens + whole.usage.completion_tokens);
console.log("ok chat");

const stream = await client.chat.completions.create({
  ...request,
  stream: true,
  stream_options: { include_usage: true },
});
let text = "";
let usage;
let finish;
for await (const chunk of stream) {
  text += chunk.choices[0]?.delta?.content ?? "";
  finish = chunk.choices[0]?.finish_reason ?? finish;
  usage = chunk.usage ?? usage;
}
assert.equal(text, whole.choices[0].message.content);
assert.equal(finish, whole.choices[0].finish_reason);
assert.deepEqual(usage.completion_tokens, whole.usage.completion_tokens);
console.log("ok stream and usage");

const explained = await client.chat.completions.create({ ...request, weir: { explain: true } });
assert.ok(explained.weir.explain.considered.some((offer) => offer.chosen));
assert.match(explained.weir.receipt, /^[0-9a-f]{32}$/);
console.log("ok explain");

// fails expects an error of the SDK's own class, with the gateway's status and code.
async function fails(promise, type, status, code) {
  await assert.rejects(promise, (err) => {
    assert.ok(err instanceof type, `${err} is a ${type.name}`);
    assert.equal(err.status, status);
    assert.equal(err.code, code);
    assert.ok(err.requestID);
    return true;
  });
}
await fails(client.chat.completions.create({ ...request, model: "none" }), OpenAI.NotFoundError, 404, "model_not_found");
await fails(client.chat.completions.create({ ...request, n: 2 }), OpenAI.BadRequestError, 400, "unsupported_value");
const stranger = new OpenAI({ baseURL, apiKey: "weir_nobody" });
await fails(stranger.models.list(), OpenAI.AuthenticationError, 401, "invalid_api_key");
console.log("ok errors");

const left = await client.chat.completions.create({ ...request, stream: true });
for await (const _ of left) break; // the SDK closes the connection
assert.equal((await client.models.retrieve(model)).id, model);
console.log("ok cancel");
