// Drives an endpoint with LangChain's chat model for Bedrock, unmodified. It
// wants AWS_DEFAULT_REGION; the rest is read by the AWS SDK beneath it.
import { ChatBedrockConverse } from "@langchain/aws";

import { count, play, question, retries, weather } from "./report.js";

const clients = [];

function chat(model, tools) {
  const own = new ChatBedrockConverse({ model, maxRetries: retries });
  clients.push(own.client);
  if (!tools) return own;
  const { name, description, schema } = weather;
  const offered = process.env.COMPAT_TOOLS?.split(",").map((name) => ({ name, inputSchema: { json: { type: "object" } } }));
  const specs = offered ?? [{ name, description, inputSchema: { json: schema } }];
  return own.bindTools(specs.map((toolSpec) => ({ toolSpec })));
}

function take(step, message) {
  step.text = message.text;
  step.stopReason = message.response_metadata.stopReason ?? message.response_metadata.messageStop?.stopReason;
  count(step, message.usage_metadata?.input_tokens, message.usage_metadata?.output_tokens);
  const [call] = message.tool_calls ?? [];
  if (call) Object.assign(step, { tool: call.name, toolInput: call.args, toolUseId: call.id });
}

// collects is which released answer to collect, as an option of a call.
function collects(id) {
  return id ? { requestMetadata: { "writ.hold": id } } : {};
}

async function invoke(step, model, { tools }) {
  take(step, await chat(model, tools).invoke(question, collects(process.env.COMPAT_HOLD)));
}

async function stream(step, model, { tools, begun }) {
  Object.assign(step, { text: "", events: 0 });
  let whole;
  for await (const chunk of await chat(model, tools).stream(question, collects(process.env.COMPAT_HOLD_STREAM))) {
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
