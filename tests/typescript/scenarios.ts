// Runs the scenarios of a table of `fixtures/client/behaviour.json` and prints their outcomes. The
// arguments are the table, the path of the file, and those of the table.

import { type runtime } from "./typescript/index.js";
import { assert, client, key as path, main, more, say, url as table } from "./support.js";

declare const process: {
  getBuiltinModule(name: string): { readFileSync(path: string, encoding: string): string };
};

interface RequestScenario {
  name: string;
  exchange?: boolean;
  attempts?: number;
  timeoutMs?: number;
}

interface ReadScenario {
  name: string;
  holder: string | null;
}

interface ClaimScenario {
  name: string;
  maxDepth?: number;
  wait?: boolean;
}

const { readFileSync } = process.getBuiltinModule("node:fs");
const scenarios = JSON.parse(readFileSync(path, "utf8"))[table];

async function outcomeOf(run: () => Promise<string>): Promise<string> {
  try {
    return await run();
  } catch (error) {
    return (error as runtime.AbloError).code;
  }
}

/** Updates a row at each of the addresses, one for each scenario. */
async function request(addresses: readonly string[]): Promise<void> {
  const all = scenarios as RequestScenario[];
  for (const [number, { name, exchange, attempts, timeoutMs }] of all.entries()) {
    const outcome = await outcomeOf(async () => {
      const ablo = client({
        baseURL: addresses[number]!,
        apiKey: "sk_test_key",
        ...(exchange === true ? { agent: "worker" } : {}),
        ...(attempts === undefined ? {} : { attempts }),
        ...(timeoutMs === undefined ? {} : { timeout: `${timeoutMs}ms` as const }),
      });
      await ablo.counters.update({ id: "row", data: { value: 1 } });
      return "ok";
    });
    say(`${name}: ${outcome}`);
  }
}

async function claim(
  baseURL: string,
  apiKey: string,
  transport: "socket" | "http",
): Promise<void> {
  const ablo = client({ baseURL, apiKey, agent: "claimant", httpOnly: transport === "http" });
  for (const [number, { name, maxDepth, wait = true }] of (
    scenarios as ClaimScenario[]
  ).entries()) {
    const outcome = await outcomeOf(async () => {
      const claimed = await ablo.counters.claim({
        id: `${transport}-${number}`,
        timeout: "500ms",
        wait,
        ...(maxDepth === undefined ? {} : { maxQueueDepth: maxDepth }),
      });
      await claimed.release();
      return "held";
    });
    say(`${transport}: ${name}: ${outcome}`);
  }
}

/** Reads rows that others hold, and one that this client holds. */
async function read(baseURL: string, apiKey: string): Promise<void> {
  const ablo = client({ baseURL, apiKey, agent: "reader" });
  for (const [number, { name, holder }] of (scenarios as ReadScenario[]).entries()) {
    const id = `read-${number}`;
    const own = holder === "self" ? await ablo.counters.claim({ id }) : undefined;
    const outcome = await outcomeOf(async () => {
      await ablo.counters.retrieve({ id, ifClaimed: "fail" });
      return "ok";
    });
    await own?.release();
    say(`${name}: ${outcome}`);
  }
}

/** Claims a row with all details and prints them as another client sees them. */
async function details(baseURL: string, apiKey: string): Promise<void> {
  const observer = client({ baseURL, apiKey });
  for (const httpOnly of [false, true]) {
    const ablo = client({ baseURL, apiKey, agent: "claimant", httpOnly });
    const claimed = await ablo.counters.claim({ id: "row", ...scenarios });
    const state = await observer.counters.claim.state({ id: "row" });
    assert(state !== null, "the row is held");
    say(JSON.stringify(state));
    await claimed.release();
  }
}

main(async () => {
  const [baseURL = "", apiKey = ""] = more;
  if (table === "requestScenarios") {
    await request(more);
  } else if (table === "claimScenarios") {
    await claim(baseURL, apiKey, "socket");
    await claim(baseURL, apiKey, "http");
  } else if (table === "readScenarios") {
    await read(baseURL, apiKey);
  } else if (table === "claimDetails") {
    await details(baseURL, apiKey);
  } else {
    throw new Error(`unknown table ${table}`);
  }
});
