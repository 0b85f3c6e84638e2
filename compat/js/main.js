// Drives an endpoint with the AWS SDK for JavaScript v3, unmodified: where to
// call and as whom comes from AWS's own environment variables, the models from
// COMPAT_MODEL, and what to do from the first argument.
import {
  ApplyGuardrailCommand,
  BedrockRuntimeClient,
  ConverseCommand,
  ConverseStreamCommand,
  CountTokensCommand,
  GetAsyncInvokeCommand,
  InvokeModelCommand,
  InvokeModelWithResponseStreamCommand,
  ListAsyncInvokesCommand,
  StartAsyncInvokeCommand,
} from "@aws-sdk/client-bedrock-runtime";
import { GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";

import { count, models, play, question, report, weather } from "./report.js";

const client = new BedrockRuntimeClient();

// The SDK hands headers to middleware only.
let receipt;
client.middlewareStack.add(
  (next) => async (args) => {
    const out = await next(args);
    receipt = out.response.headers?.["x-writ-receipt"];
    return out;
  },
  { step: "deserialize", name: "receipt" },
);

// collects is which released answer to collect; without one a new one is asked for.
function conversation(modelId, tools, collects) {
  const input = { modelId, messages: [{ role: "user", content: [{ text: question }] }] };
  if (tools) {
    const { name, description, schema } = weather;
    const offered = process.env.COMPAT_TOOLS?.split(",").map((name) => ({ name, inputSchema: { json: { type: "object" } } }));
    const specs = offered ?? [{ name, description, inputSchema: { json: schema } }];
    input.toolConfig = { tools: specs.map((toolSpec) => ({ toolSpec })) };
  }
  if (collects) input.requestMetadata = { "writ.hold": collects };
  return input;
}

function native(modelId) {
  const messages = [{ role: "user", content: question }];
  return { modelId, body: JSON.stringify({ anthropic_version: "bedrock-2023-05-31", max_tokens: 500, messages }) };
}

async function converse(step, model, { tools }) {
  const out = await client.send(new ConverseCommand(conversation(model, tools, process.env.COMPAT_HOLD)));
  Object.assign(step, { stopReason: out.stopReason, receipt });
  count(step, out.usage.inputTokens, out.usage.outputTokens);
  for (const block of out.output.message.content) {
    if (block.text !== undefined) step.text = (step.text ?? "") + block.text;
    const use = block.toolUse;
    if (use) Object.assign(step, { tool: use.name, toolInput: use.input, toolUseId: use.toolUseId });
  }
}

async function converseStream(step, model, { tools, begun }) {
  const out = await client.send(new ConverseStreamCommand(conversation(model, tools, process.env.COMPAT_HOLD_STREAM)));
  Object.assign(step, { text: "", events: 0, receipt });
  let input = "";
  for await (const event of out.stream) {
    if (++step.events === 1) begun?.();
    const delta = event.contentBlockDelta?.delta;
    step.text += delta?.text ?? "";
    input += delta?.toolUse?.input ?? "";
    step.tool ??= event.contentBlockStart?.start?.toolUse?.name;
    step.toolUseId ??= event.contentBlockStart?.start?.toolUse?.toolUseId;
    step.stopReason ??= event.messageStop?.stopReason;
    if (event.metadata) count(step, event.metadata.usage.inputTokens, event.metadata.usage.outputTokens);
  }
  if (input) Object.assign(step, { arguments: input, toolInput: JSON.parse(input) });
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

async function start(step, s3Uri) {
  const out = await client.send(
    new StartAsyncInvokeCommand({
      modelId: models[0],
      modelInput: { taskType: "TEXT_VIDEO", textToVideoParams: { text: question } },
      outputDataConfig: { s3OutputDataConfig: { s3Uri } },
    }),
  );
  step.arn = out.invocationArn;
}

// Starts an invocation whose answer goes to the place that COMPAT_OUTPUT names,
// asks for it and lists it; then it starts one that goes elsewhere.
async function asynchronous() {
  let arn;
  const run = (name, call) => report(name, call, describe);
  await run("StartAsyncInvoke", async (step) => {
    await start(step, process.env.COMPAT_OUTPUT);
    arn = step.arn;
  });
  await run("GetAsyncInvoke", async (step) => {
    const out = await client.send(new GetAsyncInvokeCommand({ invocationArn: arn }));
    Object.assign(step, { arn: out.invocationArn, stopReason: out.status });
  });
  await run("ListAsyncInvokes", async (step) => {
    const out = await client.send(new ListAsyncInvokesCommand({ maxResults: 100 }));
    step.arn = out.asyncInvokeSummaries.find((summary) => summary.invocationArn === arn)?.invocationArn;
  });
  await run("StartAsyncInvoke", (step) => start(step, process.env.COMPAT_ELSEWHERE));
}

// Asks one of the endpoint's own paths, signed with the SDK's signer.
async function get(step, path) {
  const url = new URL(path, process.env.AWS_ENDPOINT_URL_BEDROCK_RUNTIME);
  const signer = await client.config.signer();
  const { headers } = await signer.sign({ method: "GET", hostname: url.hostname, path: url.pathname, query: {}, headers: { host: url.host } });
  const answer = await fetch(url, { headers });
  step.text = await answer.text();
  if (!answer.ok) throw new Error(`${answer.status}: ${step.text}`);
}

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
    async: asynchronous,
    get: () => report("Get", (step) => get(step, process.env.COMPAT_PATH), describe),
    "caller-identity": () => report("GetCallerIdentity", callerIdentity, describe),
  },
});
client.destroy();
