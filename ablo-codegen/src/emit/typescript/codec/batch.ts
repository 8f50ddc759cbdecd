// Batches of deltas, in JSON or binary.

import type * as wire from "./wire.js";
import type { SchemaDescriptor } from "./descriptors.js";
import { AbloError } from "./runtime.js";
import { BatchReader } from "./reader.js";

/** Decoded deltas with the other members of their frame. */
export interface Batch {
  deltas: wire.Delta[];
  /** The members of the frame other than `deltas`. */
  rest: { [member: string]: unknown };
}

/**
 * Reads a `delta` frame, its payload, or the payload of a `sync_response`: binary, or JSON as text.
 *
 * @throws AbloError `response_unreadable`, with the byte offset for binary input.
 */
export function readBatch(schema: SchemaDescriptor, frame: Uint8Array | string): Batch {
  if (typeof frame !== "string") return new BatchReader(schema, frame).read();
  let parsed: unknown;
  try {
    parsed = JSON.parse(frame);
  } catch (cause) {
    throw new AbloError("the frame is not JSON", { code: "response_unreadable", cause });
  }
  const payload = isObject(parsed) && isObject(parsed["payload"]) ? parsed["payload"] : parsed;
  if (!isObject(payload))
    throw new AbloError("the frame is not an object", { code: "response_unreadable" });
  const { deltas: list, ...rest } = payload;
  const isList = Array.isArray(list);
  const deltas: unknown[] = isList ? list : "actionType" in payload ? [payload] : [];
  deltas.forEach(check);
  return { deltas: deltas as wire.Delta[], rest: isList ? rest : {} };
}

const isObject = (value: unknown): value is { [member: string]: unknown } =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function check(delta: unknown): void {
  const wrong = (name: string): AbloError =>
    new AbloError(`a delta has an invalid \`${name}\``, {
      code: "response_unreadable",
      param: name,
    });
  if (!isObject(delta)) throw wrong("delta");
  if (!Number.isSafeInteger(delta["id"])) throw wrong("id");
  if ((delta["id"] as number) < 0) delta["id"] = 0;
  for (const name of ["actionType", "modelName", "modelId"])
    if (typeof delta[name] !== "string") throw wrong(name);
  // These may be null, which means absent.
  for (const name of ["syncGroups", "createdAt"])
    if (delta[name] === null) Reflect.deleteProperty(delta, name);
}
