// Decodes deltas written by the Rust codec, in JSON and both binary forms. Each line of the input
// file is one frame: `{"json": "…", "same": "hex", "described": "hex"}`.

import { readBatch } from "./typescript/codec.js";
import type { SchemaDescriptor } from "./typescript/descriptors.js";
import { validate } from "./typescript/validate.js";
import { assert, equal, key, main, say, url } from "./support.js";

declare const process: {
  getBuiltinModule(name: string): { readFileSync(path: string, encoding: string): string };
};

const { readFileSync } = process.getBuiltinModule("node:fs");
const schema = JSON.parse(readFileSync(url, "utf8")) as SchemaDescriptor;
const frames = readFileSync(key, "utf8").trim().split("\n");

const bytes = (hex: string): Uint8Array =>
  Uint8Array.from(hex.match(/[0-9a-f]{2}/g) ?? [], (byte) => parseInt(byte, 16));

/** Sorts the members of objects, so that their order does not matter. */
const sorted = (value: unknown): unknown =>
  Array.isArray(value)
    ? value.map(sorted)
    : typeof value === "object" && value !== null
      ? Object.fromEntries(
          Object.entries(value)
            .sort()
            .map(([name, member]) => [name, sorted(member)]),
        )
      : value;

main(async () => {
  let rows = 0;
  for (const line of frames) {
    const { json, same, described } = JSON.parse(line) as {
      json: string;
      same: string;
      described: string;
    };
    const expected = sorted(readBatch(schema, json));
    for (const form of [same, described]) {
      if (form === "") continue;
      const whole = bytes(form);
      equal(sorted(readBatch(schema, whole)), expected, `the binary form ${form}`);
      // Truncated and modified batches are reported as errors, or decoded.
      for (let at = 0; at < whole.length; at += 1 + (whole.length >> 6)) {
        checkBroken(whole.subarray(0, at));
        const flipped = Uint8Array.from(whole);
        flipped[at]! ^= 1 << (at % 8);
        checkBroken(flipped, true);
      }
    }
    for (const { modelName, data } of readBatch(schema, json).deltas) {
      const model = schema.models.find((known) => known.typename === modelName);
      if (model === undefined || typeof data !== "object" || data === null) continue;
      rows += 1;
      // A delta has some members of a row, whose enums are open.
      const problems = validate(model, data, "row");
      const problem = problems.find(({ message }) => message !== "is missing");
      assert(problem === undefined, `${problem?.param} ${problem?.message} in ${line}`);
    }
  }
  say(`${frames.length} frames, ${rows} rows`);
});

function checkBroken(bytes: Uint8Array, mayDecode: boolean = false): void {
  try {
    readBatch(schema, bytes);
  } catch (error) {
    equal((error as { code?: string }).code, "response_unreadable", `${error}`);
    return;
  }
  assert(mayDecode, "a truncated batch was decoded");
}
