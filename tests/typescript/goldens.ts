// Deltas as the Rust side writes them, in JSON and in both binary forms. Each line of standard input is one frame:
// `{"json": "…", "same": "hex", "described": "hex"}`; schemas are arguments.

import { readBatch } from "./typescript/codec.js";
import type { SchemaDescriptor } from "./typescript/descriptors.js";
import { validate } from "./typescript/validate.js";
import { assert, equal, key, main, say, url } from "./support.js";

declare const process: { getBuiltinModule(name: string): { readFileSync(path: string, encoding: string): string } };

const { readFileSync } = process.getBuiltinModule("node:fs");
const schema = JSON.parse(readFileSync(url, "utf8")) as SchemaDescriptor;
const frames = readFileSync(key, "utf8").trim().split("\n");

const bytes = (hex: string): Uint8Array => Uint8Array.from(hex.match(/[0-9a-f]{2}/g) ?? [], (byte) => parseInt(byte, 16));

/** Members in one order, so that only what they hold counts. */
const sorted = (value: unknown): unknown =>
  Array.isArray(value) ? value.map(sorted)
  : typeof value === "object" && value !== null ? Object.fromEntries(Object.entries(value).sort().map(([name, member]) => [name, sorted(member)]))
  : value;

main(async () => {
  let rows = 0;
  for (const line of frames) {
    const { json, same, described } = JSON.parse(line) as { json: string; same: string; described: string };
    const wanted = sorted(readBatch(schema, json));
    for (const form of [same, described]) {
      if (form === "") continue;
      const whole = bytes(form);
      equal(sorted(readBatch(schema, whole)), wanted, `the same in binary, of ${form}`);
      // Whatever is broken is an error, and never anything else.
      for (let at = 0; at < whole.length; at += 1 + (whole.length >> 6)) {
        broken(whole.subarray(0, at));
        const flipped = Uint8Array.from(whole);
        flipped[at]! ^= 1 << (at % 8);
        broken(flipped, true);
      }
    }
    for (const { modelName, data } of readBatch(schema, json).deltas) {
      const model = schema.models.find((known) => known.typename === modelName);
      if (model === undefined || typeof data !== "object" || data === null) continue;
      rows += 1;
      const [problem] = validate(model, data, "patch");
      assert(problem === undefined, `${problem?.param} ${problem?.message} in ${line}`);
    }
  }
  say(`${frames.length} frames, ${rows} rows`);
});

function broken(bytes: Uint8Array, mayBeRead: boolean = false): void {
  try {
    readBatch(schema, bytes);
  } catch (error) {
    equal((error as { code?: string }).code, "response_unreadable", `${error}`);
    return;
  }
  assert(mayBeRead, "a batch that ends early is read");
}
