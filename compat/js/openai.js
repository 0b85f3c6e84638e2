// Drives an endpoint with OpenAI's SDK, unmodified. It reads OPENAI_BASE_URL and
// OPENAI_API_KEY; a token that is to be renewed is read from the file that
// COMPAT_TOKEN_FILE names, by its option apiKey; another gateway's headers come
// from COMPAT_HEADERS, by its option defaultHeaders.
import { readFile } from "node:fs/promises";

import OpenAI from "openai";

import { count, play, question, retries, weather } from "./report.js";

const file = process.env.COMPAT_TOKEN_FILE;
const fromFile = async () => (await readFile(file, "utf8")).trim();
const client = new OpenAI({
  maxRetries: retries,
  defaultHeaders: JSON.parse(process.env.COMPAT_HEADERS ?? "{}"),
  ...(file ? { apiKey: fromFile } : {}),
});

// collects is which released answer to collect; without one a new one is asked for.
function request(model, tools, collects) {
  const body = { model, messages: [{ role: "user", content: question }] };
  if (tools) {
    const { name, description, schema } = weather;
    const offered = process.env.COMPAT_TOOLS?.split(",").map((name) => ({ name, parameters: { type: "object" } }));
    body.tools = (offered ?? [{ name, description, parameters: schema }]).map((spec) => ({ type: "function", function: spec }));
  }
  if (collects) body.metadata = { "writ.hold": collects };
  return body;
}

// The API calls an end by names of its own.
const ends = { stop: "end_turn", tool_calls: "tool_use" };

async function complete(step, model, { tools }) {
  const { data: out, response } = await client.chat.completions.create(request(model, tools, process.env.COMPAT_HOLD)).withResponse();
  step.receipt = response.headers.get("X-Writ-Receipt");
  const [choice] = out.choices;
  step.text = choice.message.content ?? undefined;
  step.stopReason = ends[choice.finish_reason] ?? choice.finish_reason;
  count(step, out.usage.prompt_tokens, out.usage.completion_tokens);
  const [call] = choice.message.tool_calls ?? [];
  if (!call) return;
  const { name, arguments: input } = call.function;
  Object.assign(step, { tool: name, toolUseId: call.id, arguments: input, toolInput: JSON.parse(input) });
}

async function stream(step, model, { tools, begun }) {
  Object.assign(step, { text: "", events: 0 });
  const body = { ...request(model, tools, process.env.COMPAT_HOLD_STREAM), stream: true, stream_options: { include_usage: true } };
  const { data, response } = await client.chat.completions.create(body).withResponse();
  step.receipt = response.headers.get("X-Writ-Receipt");
  let input = "";
  for await (const chunk of data) {
    if (++step.events === 1) begun?.();
    const [choice] = chunk.choices;
    step.text += choice?.delta.content ?? "";
    const [call] = choice?.delta.tool_calls ?? [];
    step.tool ??= call?.function.name;
    step.toolUseId ??= call?.id;
    input += call?.function.arguments ?? "";
    if (choice?.finish_reason) step.stopReason = ends[choice.finish_reason] ?? choice.finish_reason;
    if (chunk.usage) count(step, chunk.usage.prompt_tokens, chunk.usage.completion_tokens);
  }
  if (input) Object.assign(step, { arguments: input, toolInput: JSON.parse(input) });
}

async function named(step) {
  step.accessKeyId = (await fromFile()).slice(-8); // enough to tell tokens apart
}

function describe(error) {
  return { error: error.code, status: error.status };
}

await play({
  calls: [
    ["ChatCompletions", complete],
    ["ChatCompletions (stream)", stream],
  ],
  describe,
  named,
});
