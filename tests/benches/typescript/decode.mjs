// Benchmarks decoding a batch of deltas with the generated decoder and other libraries. Arguments:
// the compiled client, then the batch as JSON, as binary by position, and as binary with a
// dictionary. All decoders run in every round; each result is the minimum over the rounds.
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { pack, Packr, unpack } from "msgpackr";
import { z } from "zod";

const [client, ...files] = process.argv.slice(2);
const load = (file) => import(pathToFileURL(`${client}/typescript/${file}.js`).href);
const [{ readBatch }, { validate }, { schema }] = await Promise.all(
  ["codec", "validate", "descriptors"].map(load),
);
const [json, same, described] = files.map((file) => readFileSync(file));
const text = json.toString("utf8");
const { payload } = JSON.parse(text);
const reports = schema.models.find((model) => model.key === "reports");

const date = z.iso.datetime();
const Report = z.object({
  id: z.string(),
  createdAt: date,
  updatedAt: date,
  organizationId: z.string().nullish(),
  createdBy: z.string().nullish(),
  title: z.string(),
  status: z.string(),
  body: z.string().nullish(),
  confidence: z.number().int().min(0).max(255).nullish(),
  dueAt: date.nullish(),
  readers: z
    .string()
    .regex(/^-?\d+$/)
    .nullish(),
  price: z
    .string()
    .regex(/^-?\d+(\.\d+)?$/)
    .nullish(),
  sources: z.unknown(),
  archivedAt: date.nullish(),
});
const Actor = z.object({ kind: z.string(), id: z.string() });
const Frame = z.object({
  type: z.string(),
  payload: z.object({
    deltas: z.array(
      z.object({
        id: z.number().int(),
        actionType: z.string(),
        modelName: z.string(),
        modelId: z.string(),
        data: Report,
        syncGroups: z.array(z.string()),
        transactionId: z.string().nullish(),
        createdAt: date,
        actor: Actor,
      }),
    ),
  }),
});

const packed = pack(payload);
const records = new Packr({ structuredClone: false });
const recorded = records.pack(payload);
const checksum = (deltas) =>
  deltas.reduce((sum, delta) => sum + delta.data.title.length + delta.id, 0);
const checked = (deltas) => {
  for (const delta of deltas)
    if (validate(reports, delta.data, "row").length > 0)
      throw new Error("a row violates the schema");
  return checksum(deltas);
};
const peers = {
  "JSON.parse": () => checksum(JSON.parse(text).payload.deltas),
  "ablo, JSON": () => checksum(readBatch(schema, text).deltas),
  "ablo, JSON, every row checked": () => checked(readBatch(schema, text).deltas),
  "JSON.parse and zod": () => checksum(Frame.parse(JSON.parse(text)).payload.deltas),
  "ablo, binary by position": () => checksum(readBatch(schema, same).deltas),
  "ablo, binary with its dictionary": () => checksum(readBatch(schema, described).deltas),
  msgpackr: () => checksum(unpack(packed).deltas),
  "msgpackr, records": () => checksum(records.unpack(recorded).deltas),
};
const sizes = {
  "JSON.parse": json.length,
  "ablo, binary by position": same.length,
  "ablo, binary with its dictionary": described.length,
  msgpackr: packed.length,
  "msgpackr, records": recorded.length,
};
const expected = peers["JSON.parse"]();
const minimum = {};
for (let round = 0; round < 60; round += 1) {
  for (const [name, run] of Object.entries(peers)) {
    const start = process.hrtime.bigint();
    if (run() !== expected) throw new Error(`${name} decoded other values`);
    minimum[name] = Math.min(minimum[name] ?? Infinity, Number(process.hrtime.bigint() - start));
  }
}
const count = payload.deltas.length;
for (const [name, taken] of Object.entries(minimum)) {
  const size = sizes[name] === undefined ? "" : `, ${Math.round(sizes[name] / count)} bytes`;
  const relative = (taken / minimum["JSON.parse"]).toFixed(2);
  console.log(`${name}: ${Math.round(taken / count)} ns a delta (${relative})${size}`);
}
