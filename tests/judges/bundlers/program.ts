// Uses the generated client as an application does. The test replaces the name in its imports by
// that of the generated folder, as each tool spells it.
import { AbloError, connect, descriptors, isSchemaDelta } from "@generated/index";
import type { Report, ReportCreate, wire } from "@generated/index";
import { readBatch } from "@generated/codec";
import { validate } from "@generated/validate";

/** Creates a report and returns what the client sees of it. */
export async function program(baseURL: string, apiKey: string): Promise<string> {
  const data: ReportCreate = { title: "Stockholm" };
  const problems = validate(descriptors.reports, data, "create");
  const frame: wire.Delta = { id: 1, actionType: "D", modelName: "Report", modelId: "r" };
  const { deltas } = readBatch(descriptors.schema, JSON.stringify(frame));
  const ablo = connect({ baseURL, apiKey, user: "ada" });
  try {
    await ablo.ready();
    const { id } = await ablo.reports.create({ data });
    const row: Report = (await ablo.reports.retrieve({ id })).data;
    const missing = await ablo.reports
      .retrieve({ id: "missing" })
      .catch((error: unknown) => (error instanceof AbloError ? error.status : error));
    return [
      `${row.title} is ${row.status}`,
      `local: ${String(ablo.reports.get(id)?.title)}`,
      `deltas: ${String(deltas.filter(isSchemaDelta).length)}`,
      `problems: ${String(problems.length)}`,
      `missing: ${String(missing)}`,
    ].join("; ");
  } finally {
    ablo.close();
  }
}
