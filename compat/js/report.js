// What the clients share: the question, the verbs that compat_test.go plays, and
// the one JSON line per call that they print. A call that fails is a line too,
// with the client's own view of the error.
import { once } from "node:events";

export const question = process.env.COMPAT_QUESTION ?? "Name three rivers.";

// The models to call, in turn.
export const models = (process.env.COMPAT_MODEL ?? "").split(",");

// Clients that do not read AWS's variable are told as they are constructed.
export const retries = Number(process.env.AWS_MAX_ATTEMPTS ?? "3") - 1;

export const weather = {
  name: "get_weather",
  description: "Weather of a city",
  schema: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
};

export function count(step, input, output) {
  step.inputTokens = input;
  step.outputTokens = output;
}

// Prints a step; describe says what the client shows of an error.
export async function report(name, call, describe) {
  const step = { step: name };
  try {
    await call(step);
  } catch (error) {
    Object.assign(step, { class: error.constructor.name, message: error.message }, describe(error));
  }
  console.log(JSON.stringify(step));
}

// Plays the verb that the first argument names. A client is
//   calls     [name, call(step, model, {tools, begun})]: each API whole, then its stream
//   describe  see report
//   named     who its credentials are, for verb renew; optional
//   verbs     what only it can do; optional
export async function play({ calls, describe, named = async () => {}, verbs = {} }) {
  const run = ([name, call], model, options = {}) => report(name, (step) => call(step, model, options), describe);
  const [whole, stream] = calls;
  const begun = () => console.log(JSON.stringify({ step: "Begun" }));
  const known = async (step) => {
    await named(step);
    await whole[1](step, models[0], {});
  };
  const all = {
    operations: async () => {
      for (const call of calls) await run(call, models[0]);
    },
    call: async () => {
      for (const model of models) await run(whole, model);
    },
    stream: async () => {
      for (const model of models) await run(stream, model);
    },
    each: async () => {
      for (const model of models) {
        await run(whole, model);
        await run(stream, model);
      }
    },
    tools: async () => {
      await run(whole, models[0], { tools: true });
      await run(stream, models[0], { tools: true });
    },
    // Says when the stream has begun, so that somebody can end it.
    cut: () => run(stream, models[0], { begun }),
    // Calls, waits for a line on standard input, and calls again: by then the
    // session has ended.
    renew: async () => {
      await report(whole[0], known, describe);
      await once(process.stdin, "data");
      process.stdin.destroy();
      await report(whole[0], known, describe);
    },
    ...verbs,
  };
  const verb = all[process.argv[2]];
  if (!verb) {
    console.error(`error: want one argument: ${Object.keys(all).join(", ")}`);
    process.exit(1);
  }
  await verb();
}
