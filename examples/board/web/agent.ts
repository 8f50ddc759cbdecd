// The agent: writes every report that it is asked for, when nobody else is at it.

import { connect } from "./typescript/index.js";

declare const process: { argv: string[] };

const [, , url = "", key = ""] = process.argv;
const ablo = connect({ baseURL: url, apiKey: key, agent: "forecaster" });
const busy = new Set<string>();

async function write(id: string): Promise<void> {
  // It waits in line, and gets the row as it is when its turn comes.
  await using claim = await ablo.reports.claim({ id, action: "forecasting" });
  if (claim.data?.status !== "asked") return;
  await new Promise((done) => setTimeout(done, 1500));
  const before = claim.data.body ? `${claim.data.body}\n` : "";
  await claim.update({ data: { body: `${before}${claim.data.title}: rain in the morning, then sun.`, status: "ready" } });
}

await ablo.ready();
ablo.reports.onChange((reports) => {
  for (const { id, status } of reports) {
    if (status !== "asked" || busy.has(id)) continue;
    busy.add(id);
    write(id)
      .catch((error: unknown) => console.error(error))
      .finally(() => busy.delete(id));
  }
});
