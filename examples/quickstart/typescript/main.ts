// The program of docs/tutorial/typescript.md: `node main.ts URL KEY`.
import { AbloStaleContextError, connect } from "./generated/typescript/index.ts";

declare const process: { argv: string[] };
declare const console: { log(text: string): void };

const [, , baseURL = "", apiKey = ""] = process.argv;

// Two participants of one organisation: a writer and an agent.
const writer = connect({ baseURL, apiKey, user: "ada" });
const agent = connect({ baseURL, apiKey, agent: "forecaster" });

// A create takes the required fields that have no default.
const { id } = await writer.reports.create({ data: { title: "Stockholm" } });

// The agent reads the report. The stamp says up to where it has read.
const { stamp } = await agent.reports.retrieve({ id });

// Meanwhile the writer changes the same field.
await writer.reports.update({ id, data: { body: "Snow, according to Ada." } });

// The agent's write is based on an older row, so it is refused.
try {
  await agent.reports.update({ id, data: { body: "Rain." }, readAt: stamp });
  console.log("written");
} catch (error) {
  if (!(error instanceof AbloStaleContextError)) throw error;
  console.log("refused: the report has changed");
}

// A claim gives the agent the row for a while. It waits for its turn and reads the row again.
{
  await using claim = await agent.reports.claim({ id, action: "summarising" });
  const body = `${claim.data?.body ?? ""} And rain.`;
  await claim.update({ data: { body, status: "ready" } });
}

// Every change since the agent's read, once and in order.
let seen = 0;
for await (const change of writer.changes({ from: stamp })) {
  console.log(`${change.data?.status}: ${change.data?.body}`);
  seen += 1;
  if (seen === 2) break;
}

await agent.close();
await writer.close();
