// Drives an endpoint with the AI SDK's provider for Bedrock, unmodified. It
// reads AWS_ENDPOINT_URL_BEDROCK_RUNTIME, and keys or a bearer token from AWS's
// variables; any other credentials come from AWS's own chain, by its option
// credentialProvider.
import { createAmazonBedrock } from "@ai-sdk/amazon-bedrock";
import { createAmazonBedrockAnthropic } from "@ai-sdk/amazon-bedrock/anthropic";
import { fromNodeProviderChain } from "@aws-sdk/credential-providers";
import { generateText, jsonSchema, streamText, tool } from "ai";

import { count, play, question, retries, weather } from "./report.js";

const options = process.env.AWS_ACCESS_KEY_ID ? {} : { credentialProvider: fromNodeProviderChain() };
const converse = createAmazonBedrock(options);
// This half of the provider has no variable for the endpoint.
const native = createAmazonBedrockAnthropic({ ...options, baseURL: process.env.AWS_ENDPOINT_URL_BEDROCK_RUNTIME });

function request(model, tools) {
  const own = { model, prompt: question, maxRetries: retries };
  if (tools) {
    own.tools = { [weather.name]: tool({ description: weather.description, inputSchema: jsonSchema(weather.schema) }) };
  }
  return own;
}

// The provider calls an end by names of its own.
const ends = { stop: "end_turn", "tool-calls": "tool_use" };

function take(step, out, finishReason, usage, toolCalls) {
  step.stopReason = ends[finishReason] ?? finishReason;
  count(step, usage.inputTokens, usage.outputTokens);
  if (toolCalls.length) Object.assign(step, { tool: toolCalls[0].toolName, toolInput: toolCalls[0].input });
}

const whole = (provider) => async (step, model, { tools }) => {
  const out = await generateText(request(provider(model), tools));
  step.text = out.text;
  take(step, out, out.finishReason, out.usage, out.toolCalls);
};

const stream = (provider) => async (step, model, { tools, begun }) => {
  Object.assign(step, { text: "", events: 0 });
  const out = streamText({ ...request(provider(model), tools), onError: () => {} });
  for await (const part of out.fullStream) {
    if (part.type === "error") throw part.error;
    if (part.type !== "start" && ++step.events === 1) begun?.();
    if (part.type === "text-delta") step.text += part.text;
  }
  take(step, out, await out.finishReason, await out.usage, await out.toolCalls);
};

async function named(step) {
  step.accessKeyId = (await options.credentialProvider()).accessKeyId;
}

// An error that was retried is wrapped.
function describe(error) {
  const last = error.lastError ?? error;
  return {
    error: last.data?.type ?? last.type ?? last.responseHeaders?.["x-amzn-errortype"],
    status: last.statusCode,
    retryable: last.isRetryable,
  };
}

await play({
  calls: [
    ["Converse", whole(converse)],
    ["ConverseStream", stream(converse)],
    ["InvokeModel", whole(native)],
    ["InvokeModelWithResponseStream", stream(native)],
  ],
  describe,
  named,
});
