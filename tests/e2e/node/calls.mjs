// The official Node SDK with only baseURL and key changed; prints what it saw as one JSON object.
import OpenAI from "openai";

const client = new OpenAI({ baseURL: process.env.BASE_URL, apiKey: process.env.API_KEY, maxRetries: 0 });
const messages = [{ role: "user", content: "Say hello." }];
const chat = { model: "gpt-4o-mini", messages };

async function failure(call) {
  try {
    await call();
    return null;
  } catch (error) {
    return { name: error.constructor.name, status: error.status, code: error.code, id: error.requestID };
  }
}

const { data, response } = await client.chat.completions.create(chat).withResponse();
let streamed = "";
for await (const chunk of await client.chat.completions.create({ ...chat, stream: true })) {
  streamed += chunk.choices[0].delta.content ?? "";
}
const tool = { type: "function", function: { name: "get_weather", parameters: { type: "object" } } };
const tools = await client.chat.completions.create({ ...chat, tools: [tool] });
const models = [];
for await (const model of client.models.list()) models.push(model.id);
const stranger = new OpenAI({ baseURL: process.env.BASE_URL, apiKey: "rgk_wrong", maxRetries: 0 });
const big = [{ role: "user", content: "x".repeat(10_000_001) }];
console.log(
  JSON.stringify({
    content: data.choices[0].message.content,
    decision: response.headers.get("x-regogate-decision"),
    streamed,
    tool: tools.choices[0].message.tool_calls[0].function.name,
    models,
    failures: {
      400: await failure(() => client.chat.completions.create({ ...chat, max_tokens: "many" })),
      401: await failure(() => stranger.models.list()),
      403: await failure(() => client.chat.completions.create({ model: "gpt-4o", messages })),
      404: await failure(() => client.models.retrieve("gpt-4o")),
      413: await failure(() => client.chat.completions.create({ ...chat, messages: big })),
      429: await failure(() => client.chat.completions.create({ ...chat, mock: "error:429" })),
      503: await failure(() => client.chat.completions.create({ ...chat, mock: "error:503" })),
    },
    broken: await failure(async () => {
      for await (const _ of await client.chat.completions.create({ ...chat, stream: true, mock: "break" }));
    }),
  }),
);
