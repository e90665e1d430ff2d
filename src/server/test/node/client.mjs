// What a program does with OpenAI's package for Node. Arguments: the addresses of a server, of one that asks for the
// key "right", and of one that is full. Prints one JSON object with what it saw; ServerProgramsTest looks at it.
import OpenAI from "openai";

const [open, keyed, busy] = process.argv.slice(2);
const at = (baseURL, apiKey = "any") => new OpenAI({ baseURL, apiKey, maxRetries: 0 });
const client = at(open);
const ask = {
  model: "demo",
  messages: [{ role: "user", content: "Tell me a story about Mia." }],
  seed: 7,
};

async function error(promise) {
  try {
    await promise;
    return null;
  } catch (e) {
    return {
      kind: e.constructor.name,
      status: e.status,
      param: e.param,
      code: e.code,
      retryAfter: e.headers?.get("retry-after") ?? null,
    };
  }
}

const seen = {};
const whole = await client.chat.completions.create(ask);
seen.whole = whole.choices[0].message.content;
seen.finish = whole.choices[0].finish_reason;

seen.streamed = "";
const stream = await client.chat.completions.create({
  ...ask,
  stream: true,
  stream_options: { include_usage: true },
});
for await (const chunk of stream) {
  seen.streamed += chunk.choices[0]?.delta?.content ?? "";
  seen.usage = chunk.usage?.completion_tokens ?? null;
}

const runner = client.chat.completions.stream(ask); // the package's own reading of a stream
seen.final = await runner.finalContent();

seen.bad = await error(client.chat.completions.create({ ...ask, presence_penalty: 1 }));
seen.badStream = await error(
  client.chat.completions.create({ ...ask, presence_penalty: 1, stream: true }),
);
seen.unknown = await error(client.chat.completions.create({ ...ask, model: "gpt" }));
seen.stranger = await error(at(keyed, "wrong").chat.completions.create(ask));
seen.friend = await error(at(keyed, "right").chat.completions.create({ ...ask, max_tokens: 4 }));
seen.late = await error(at(busy).chat.completions.create(ask));

const long = await client.chat.completions.create({
  ...ask,
  stream: true,
  max_tokens: 384,
  diffusion: { preset: "exact" },
});
for await (const _ of long) {
  long.controller.abort(); // in mid-stream
  break;
}
console.log(JSON.stringify(seen));
