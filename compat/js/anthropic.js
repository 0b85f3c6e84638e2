// Drives an endpoint with Anthropic's SDK for Bedrock, unmodified. It reads
// ANTHROPIC_BEDROCK_BASE_URL and AWS's variables for region and credentials.
import AnthropicBedrock from "@anthropic-ai/bedrock-sdk";
import { fromNodeProviderChain } from "@aws-sdk/credential-providers";

import { count, play, question, retries, weather } from "./report.js";

const client = new AnthropicBedrock({ maxRetries: retries });

function request(model, tools) {
  const body = { model, max_tokens: 500, messages: [{ role: "user", content: question }] };
  if (tools) {
    const { name, description, schema } = weather;
    const offered = process.env.COMPAT_TOOLS?.split(",").map((name) => ({ name, input_schema: { type: "object" } }));
    body.tools = offered ?? [{ name, description, input_schema: schema }];
  }
  return body;
}

// Bedrock takes the metadata of this API from a header, which is an option of a
// call: which released answer to collect.
function collects(id) {
  return id ? { headers: { "X-Amzn-Bedrock-Request-Metadata": JSON.stringify({ "writ.hold": id }) } } : {};
}

function take(step, message) {
  step.stopReason = message.stop_reason;
  count(step, message.usage.input_tokens, message.usage.output_tokens);
  for (const block of message.content) {
    if (block.type === "text") step.text = (step.text ?? "") + block.text;
    if (block.type === "tool_use") Object.assign(step, { tool: block.name, toolInput: block.input, toolUseId: block.id });
  }
}

async function create(step, model, { tools }) {
  const call = client.messages.create(request(model, tools), collects(process.env.COMPAT_HOLD));
  const { data, response } = await call.withResponse();
  step.receipt = response.headers.get("X-Writ-Receipt");
  take(step, data);
}

async function stream(step, model, { tools, begun }) {
  Object.assign(step, { text: "", events: 0 });
  const stream = client.messages.stream(request(model, tools), collects(process.env.COMPAT_HOLD_STREAM));
  let text = "";
  for await (const event of stream) {
    if (++step.events === 1) begun?.();
    text += event.delta?.text ?? "";
    step.text = text;
  }
  delete step.text;
  take(step, await stream.finalMessage());
  step.receipt = stream.response.headers.get("X-Writ-Receipt");
}

// The SDK itself asks the same chain before each call.
async function named(step) {
  step.accessKeyId = (await fromNodeProviderChain()()).accessKeyId;
}

function describe(error) {
  return { error: error.type ?? error.headers?.get("x-amzn-errortype"), status: error.status };
}

await play({
  calls: [
    ["InvokeModel", create],
    ["InvokeModelWithResponseStream", stream],
  ],
  describe,
  named,
});
