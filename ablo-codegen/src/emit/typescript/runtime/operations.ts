// The operations of a commit, as they are given, sent and applied to the local rows.

import type * as wire from "./wire.js";
import type { SchemaDescriptor } from "./descriptors.js";
import { errorOf, type AbloError } from "./errors.js";
import { uuid } from "./platform.js";
import type { Relative } from "./relative.js";
import type { Pending } from "./store.js";

/** @internal */ export interface Operation {
  readonly action: "create" | "update" | "delete" | "archive" | "unarchive";
  readonly model: string;
  readonly id?: string;
  readonly data?: object | undefined;
  readonly relative?: object | undefined;
}

/** A confirmed commit. */
export interface Committed {
  /** The id of the commit. */
  id: string;
  /** The sync id of the commit; 0 if it is not confirmed. */
  stamp: number;
  /** The ids of the rows, one for each operation. */
  rows: readonly string[];
  /** The transaction ids of the operations. */
  operations: readonly string[];
}

/** An operation as it is sent. */
/** @internal */ export type Prepared = Omit<Operation, "action"> & {
  // A coordinator that does not know relative changes refuses `adjust`.
  action: Operation["action"] | "adjust";
  id: string;
  transactionId: string;
  readAt: number | null;
  onStale: wire.OnStale | null;
  after?: string[];
};

/** Returns a new idempotency key, which names its time (docs/protocol/commits.md §4.1). */
/** @internal */ export const freshKey = (): string => `tx_${Date.now()}_${uuid()}`;

/** Returns the write of the local rows that an operation is. */
/** @internal */ export function pendingOf(
  { action, model, id, data, relative, transactionId: transaction }: Prepared,
  schema: SchemaDescriptor,
): Pending {
  const now = new Date().toISOString();
  const row: { [member: string]: unknown } = {};
  const isNew = action === "create";
  if (isNew) {
    for (const { name, preset } of schema.models.find(({ key }) => key === model)?.fields ?? [])
      if (preset) row[name] = preset === "now" ? now : preset.value;
    row["createdAt"] = row["updatedAt"] = now;
  }
  if (/archive$/.test(action)) row["archivedAt"] = action === "archive" ? now : null;
  Object.assign(row, data, { id });
  const kind = isNew || action === "delete" ? action : "update";
  return { model, id, kind, data: row, relative: relative as Relative | undefined, transaction };
}

/** Returns the error of a refused commit. */
/** @internal */ export function rejection(receipt: wire.CommitReceipt): AbloError {
  const { error } = receipt;
  if (error === undefined || typeof error === "string")
    return errorOf(error ?? "the commit was rejected", { code: "commit_failed" });
  return errorOf(error.message ?? "the commit was rejected", {
    code: error.code,
    details: { ...error },
  });
}
