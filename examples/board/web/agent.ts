// The agent: writes the reports that it is asked for while no one else holds them.

import { connect } from "./typescript/index.js";

declare const process: { argv: string[] };

const [, , url = "", key = ""] = process.argv;
const ablo = connect({ baseURL: url, apiKey: key, agent: "forecaster" });
const busy = new Set<string>();

async function write(id: string): Promise<void> {
  // Waits in the claim queue; `claim.data` is the current row.
  await using claim = await ablo.reports.claim({ id, action: "forecasting" });
  if (claim.data?.status !== "asked") return;
  await new Promise((done) => setTimeout(done, 1500));
  const before = claim.data.body ? `${claim.data.body}\n` : "";
  await claim.update({
    data: { body: `${before}${claim.data.title}: rain in the morning, then sun.`, status: "ready" },
  });
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
