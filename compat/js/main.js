// Drives an endpoint with the AWS SDK for JavaScript v3, unmodified: where to
// call and as whom comes from AWS's own environment variables, the models from
// COMPAT_MODEL, and what to do from the first argument.
import {
  ApplyGuardrailCommand,
  BedrockRuntimeClient,
  ConverseCommand,
  ConverseStreamCommand,
  CountTokensCommand,
  InvokeModelCommand,
  InvokeModelWithResponseStreamCommand,
} from "@aws-sdk/client-bedrock-runtime";
import { GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";

import { count, models, play, question, report, weather } from "./report.js";

const client = new BedrockRuntimeClient();

function conversation(modelId, tools) {
  const input = { modelId, messages: [{ role: "user", content: [{ text: question }] }] };
  if (tools) {
    const { name, description, schema } = weather;
    input.toolConfig = { tools: [{ toolSpec: { name, description, inputSchema: { json: schema } } }] };
  }
  return input;
}

function native(modelId) {
  const messages = [{ role: "user", content: question }];
  return { modelId, body: JSON.stringify({ anthropic_version: "bedrock-2023-05-31", max_tokens: 500, messages }) };
}

async function converse(step, model, { tools }) {
  const out = await client.send(new ConverseCommand(conversation(model, tools)));
  step.stopReason = out.stopReason;
  count(step, out.usage.inputTokens, out.usage.outputTokens);
  for (const block of out.output.message.content) {
    if (block.text !== undefined) step.text = block.text;
    if (block.toolUse) Object.assign(step, { tool: block.toolUse.name, toolInput: block.toolUse.input });
  }
}

async function converseStream(step, model, { tools, begun }) {
  const out = await client.send(new ConverseStreamCommand(conversation(model, tools)));
  Object.assign(step, { text: "", events: 0 });
  let input = "";
  for await (const event of out.stream) {
    if (++step.events === 1) begun?.();
    const delta = event.contentBlockDelta?.delta;
    step.text += delta?.text ?? "";
    input += delta?.toolUse?.input ?? "";
    step.tool ??= event.contentBlockStart?.start?.toolUse?.name;
    step.stopReason ??= event.messageStop?.stopReason;
    if (event.metadata) count(step, event.metadata.usage.inputTokens, event.metadata.usage.outputTokens);
  }
  if (input) step.toolInput = JSON.parse(input);
}

async function invoke(step, model) {
  const out = await client.send(new InvokeModelCommand(native(model)));
  const body = JSON.parse(new TextDecoder().decode(out.body));
  step.text = body.content.map((block) => block.text).join("");
  step.stopReason = body.stop_reason;
  count(step, body.usage.input_tokens, body.usage.output_tokens);
}

async function invokeStream(step, model) {
  const out = await client.send(new InvokeModelWithResponseStreamCommand(native(model)));
  Object.assign(step, { text: "", events: 0 });
  for await (const event of out.body) {
    step.events++;
    const own = JSON.parse(new TextDecoder().decode(event.chunk.bytes));
    step.text += own.delta?.text ?? "";
    step.stopReason ??= own.delta?.stop_reason;
    const metrics = own["amazon-bedrock-invocationMetrics"];
    if (metrics) count(step, metrics.inputTokenCount, metrics.outputTokenCount);
  }
}

async function countTokens(step, model) {
  const { messages } = conversation(model);
  const out = await client.send(new CountTokensCommand({ modelId: model, input: { converse: { messages } } }));
  step.inputTokens = out.inputTokens;
}

const guardrail = (version) => async (step) => {
  const out = await client.send(
    new ApplyGuardrailCommand({
      guardrailIdentifier: process.env.COMPAT_GUARDRAIL,
      guardrailVersion: version,
      source: "INPUT",
      content: [{ text: { text: process.env.COMPAT_TEXT } }],
    }),
  );
  step.stopReason = out.action;
  step.text = out.outputs.map((output) => output.text).join("");
};

async function named(step) {
  step.accessKeyId = (await client.config.credentials()).accessKeyId;
}

async function callerIdentity(step) {
  const out = await new STSClient().send(new GetCallerIdentityCommand());
  Object.assign(step, { account: out.Account, arn: out.Arn });
}

function describe(error) {
  return { error: error.name, status: error.$metadata?.httpStatusCode, originalStatus: error.originalStatusCode };
}

await play({
  calls: [
    ["Converse", converse],
    ["ConverseStream", converseStream],
    ["InvokeModel", invoke],
    ["InvokeModelWithResponseStream", invokeStream],
  ],
  describe,
  named,
  verbs: {
    "count-tokens": async () => {
      for (const model of models) await report("CountTokens", (step) => countTokens(step, model), describe);
    },
    guardrail: async () => {
      await report("ApplyGuardrail", guardrail("1"), describe);
      await report("ApplyGuardrail", guardrail("2"), describe);
    },
    "caller-identity": () => report("GetCallerIdentity", callerIdentity, describe),
  },
});
client.destroy();
