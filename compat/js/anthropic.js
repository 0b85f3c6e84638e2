// Drives an endpoint with Anthropic's SDK for Bedrock, unmodified. It reads
// ANTHROPIC_BEDROCK_BASE_URL and AWS's variables for region and credentials.
import AnthropicBedrock from "@anthropic-ai/bedrock-sdk";
import { fromNodeProviderChain } from "@aws-sdk/credential-providers";

import { count, play, question, retries, weather } from "./report.js";

const client = new AnthropicBedrock({ maxRetries: retries });

function request(model, tools) {
  const body = { model, max_tokens: 500, messages: [{ role: "user", content: question }] };
  if (tools) {
    body.tools = [{ name: weather.name, description: weather.description, input_schema: weather.schema }];
  }
  return body;
}

function take(step, message) {
  step.stopReason = message.stop_reason;
  count(step, message.usage.input_tokens, message.usage.output_tokens);
  for (const block of message.content) {
    if (block.type === "text") step.text = (step.text ?? "") + block.text;
    if (block.type === "tool_use") Object.assign(step, { tool: block.name, toolInput: block.input });
  }
}

async function create(step, model, { tools }) {
  take(step, await client.messages.create(request(model, tools)));
}

async function stream(step, model, { tools, begun }) {
  Object.assign(step, { text: "", events: 0 });
  const stream = client.messages.stream(request(model, tools));
  let text = "";
  for await (const event of stream) {
    if (++step.events === 1) begun?.();
    text += event.delta?.text ?? "";
    step.text = text;
  }
  delete step.text;
  take(step, await stream.finalMessage());
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
