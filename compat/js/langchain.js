// Drives an endpoint with LangChain's chat model for Bedrock, unmodified. It
// wants AWS_DEFAULT_REGION; the rest is read by the AWS SDK beneath it.
import { ChatBedrockConverse } from "@langchain/aws";

import { count, play, question, retries, weather } from "./report.js";

const clients = [];

function chat(model, tools) {
  const own = new ChatBedrockConverse({ model, maxRetries: retries });
  clients.push(own.client);
  const { name, description, schema } = weather;
  return tools ? own.bindTools([{ toolSpec: { name, description, inputSchema: { json: schema } } }]) : own;
}

function take(step, message) {
  step.text = message.text;
  step.stopReason = message.response_metadata.stopReason ?? message.response_metadata.messageStop?.stopReason;
  count(step, message.usage_metadata?.input_tokens, message.usage_metadata?.output_tokens);
  const [call] = message.tool_calls ?? [];
  if (call) Object.assign(step, { tool: call.name, toolInput: call.args });
}

async function invoke(step, model, { tools }) {
  take(step, await chat(model, tools).invoke(question));
}

async function stream(step, model, { tools, begun }) {
  Object.assign(step, { text: "", events: 0 });
  let whole;
  for await (const chunk of await chat(model, tools).stream(question)) {
    if (++step.events === 1) begun?.();
    whole = whole ? whole.concat(chunk) : chunk;
    step.text += chunk.text;
  }
  take(step, whole);
}

async function named(step) {
  step.accessKeyId = (await chat("any").client.config.credentials()).accessKeyId;
}

function describe(error) {
  return { error: error.name, status: error.$metadata?.httpStatusCode, originalStatus: error.originalStatusCode };
}

await play({
  calls: [
    ["Converse", invoke],
    ["ConverseStream", stream],
  ],
  describe,
  named,
});
for (const client of clients) client.destroy();
