// Drives an endpoint with the AWS SDK for JavaScript v3, unmodified: where to
// call and as whom comes from AWS's own environment variables, the model from
// COMPAT_MODEL, and what to do from the first argument. It prints one JSON line
// per call; a call that fails is a line too, with the SDK's own view of the error.
import { once } from "node:events";

import {
  BedrockRuntimeClient,
  ConverseCommand,
  ConverseStreamCommand,
  InvokeModelCommand,
  InvokeModelWithResponseStreamCommand,
} from "@aws-sdk/client-bedrock-runtime";
import { GetCallerIdentityCommand, STSClient } from "@aws-sdk/client-sts";

const question = "Name three rivers.";
const modelId = process.env.COMPAT_MODEL;
const client = new BedrockRuntimeClient();
let begun = () => {}; // called at the first event of a conversation's stream

function conversation(tools) {
  const input = { modelId, messages: [{ role: "user", content: [{ text: question }] }] };
  if (tools) {
    const json = { type: "object", properties: { city: { type: "string" } }, required: ["city"] };
    const toolSpec = { name: "get_weather", description: "Weather of a city", inputSchema: { json } };
    input.toolConfig = { tools: [{ toolSpec }] };
  }
  return input;
}

function native() {
  const messages = [{ role: "user", content: question }];
  return { modelId, body: JSON.stringify({ anthropic_version: "bedrock-2023-05-31", max_tokens: 500, messages }) };
}

function count(step, usage) {
  step.inputTokens = usage.inputTokens;
  step.outputTokens = usage.outputTokens;
}

async function converse(step, tools = false) {
  const out = await client.send(new ConverseCommand(conversation(tools)));
  step.stopReason = out.stopReason;
  count(step, out.usage);
  for (const block of out.output.message.content) {
    if (block.text !== undefined) step.text = block.text;
    if (block.toolUse) Object.assign(step, { tool: block.toolUse.name, toolInput: block.toolUse.input });
  }
}

async function converseStream(step, tools = false) {
  const out = await client.send(new ConverseStreamCommand(conversation(tools)));
  Object.assign(step, { text: "", events: 0 });
  let input = "";
  for await (const event of out.stream) {
    if (++step.events === 1) begun();
    const delta = event.contentBlockDelta?.delta;
    step.text += delta?.text ?? "";
    input += delta?.toolUse?.input ?? "";
    step.tool ??= event.contentBlockStart?.start?.toolUse?.name;
    step.stopReason ??= event.messageStop?.stopReason;
    if (event.metadata) count(step, event.metadata.usage);
  }
  if (input) step.toolInput = JSON.parse(input);
}

async function invoke(step) {
  const out = await client.send(new InvokeModelCommand(native()));
  const body = JSON.parse(new TextDecoder().decode(out.body));
  step.text = body.content.map((block) => block.text).join("");
  step.stopReason = body.stop_reason;
  count(step, { inputTokens: body.usage.input_tokens, outputTokens: body.usage.output_tokens });
}

async function invokeStream(step) {
  const out = await client.send(new InvokeModelWithResponseStreamCommand(native()));
  Object.assign(step, { text: "", events: 0 });
  for await (const event of out.body) {
    step.events++;
    const own = JSON.parse(new TextDecoder().decode(event.chunk.bytes));
    step.text += own.delta?.text ?? "";
    step.stopReason ??= own.delta?.stop_reason;
    const metrics = own["amazon-bedrock-invocationMetrics"];
    if (metrics) count(step, { inputTokens: metrics.inputTokenCount, outputTokens: metrics.outputTokenCount });
  }
}

async function named(step) {
  const credentials = await client.config.credentials();
  step.accessKeyId = credentials.accessKeyId;
  await converse(step);
}

async function callerIdentity(step) {
  const out = await new STSClient().send(new GetCallerIdentityCommand());
  Object.assign(step, { account: out.Account, arn: out.Arn });
}

// Prints a step, with the error in the SDK's words if there is one.
async function report(name, call) {
  const step = { step: name };
  try {
    await call(step);
  } catch (error) {
    Object.assign(step, {
      error: error.name,
      class: error.constructor.name,
      status: error.$metadata?.httpStatusCode,
      message: error.message,
      originalStatus: error.originalStatusCode,
    });
  }
  console.log(JSON.stringify(step));
}

const scenarios = {
  "four-ops": async () => {
    await report("Converse", converse);
    await report("ConverseStream", converseStream);
    await report("InvokeModel", invoke);
    await report("InvokeModelWithResponseStream", invokeStream);
  },
  converse: () => report("Converse", converse),
  "converse-stream": () => report("ConverseStream", converseStream),
  tools: async () => {
    await report("Converse", (step) => converse(step, true));
    await report("ConverseStream", (step) => converseStream(step, true));
  },
  // Says when the stream has begun, so that somebody can end it.
  cut: async () => {
    begun = () => console.log(JSON.stringify({ step: "Begun" }));
    await report("ConverseStream", converseStream);
  },
  // Calls, waits for a line on standard input, and calls again: by then the
  // session has ended.
  sts: async () => {
    await report("Converse", named);
    await once(process.stdin, "data");
    process.stdin.destroy();
    await report("Converse", named);
  },
  "caller-identity": () => report("GetCallerIdentity", callerIdentity),
};

const scenario = scenarios[process.argv[2]];
if (!scenario) {
  console.error(`error: want one argument: ${Object.keys(scenarios).join(", ")}`);
  process.exit(1);
}
await scenario();
client.destroy();
