// The local rows: confirmed rows, with this client's unconfirmed writes applied on top.
//
// Rejecting a write removes it from the list of pending writes and recomputes its rows.

import type * as wire from "./wire.js";
import type { ModelDescriptor } from "./descriptors.js";
import { Listeners } from "./platform.js";
import { adjusted, type Relative } from "./relative.js";

/** @internal */ export type AnyRow = { readonly [member: string]: unknown };

/** A write that is not yet contained in the confirmed rows. */
/** @internal */ export interface Pending {
  model: string;
  id: string;
  kind: "create" | "update" | "delete";
  data: AnyRow;
  relative?: Relative | undefined;
  /** The transaction id of the operation. */
  transaction: string;
  /** The sync id of the write, once it is confirmed. */
  stamp?: number;
}

interface Confirmed {
  row: AnyRow;
  /** The sync id at which the row was current. */
  at: number;
}

class Table {
  readonly model: ModelDescriptor;
  readonly confirmed: Map<string, Confirmed> = new Map();
  readonly view: Map<string, AnyRow> = new Map();
  /** Sync ids of deletions during reads whose responses may still contain the rows. */
  readonly deleted: Map<string, number> = new Map();
  readonly listeners: Listeners<[]> = new Listeners();
  all: readonly AnyRow[] | undefined;
  live: readonly AnyRow[] | undefined;

  constructor(model: ModelDescriptor) {
    this.model = model;
  }
}

/** @internal */ export class Store {
  readonly #tables: Map<string, Table>;
  readonly #byName: Map<string, Table>;
  readonly #listeners: Listeners<[]> = new Listeners();
  readonly #changed: Set<Table> = new Set();
  #pending: Pending[] = [];
  #reads = 0;
  /** The watermark: the sync id of the last applied delta; negative before the first bootstrap. */
  position = -1;
  /** The epoch of the watermark: the time of the delta there. */
  epoch: string | undefined;
  version = 0;

  constructor(models: readonly ModelDescriptor[]) {
    const tables = models.map((model) => new Table(model));
    this.#tables = new Map(tables.map((table) => [table.model.key, table]));
    this.#byName = new Map(tables.map((table) => [table.model.typename, table]));
  }

  get pending(): number {
    return this.#pending.length;
  }

  /** Returns the transaction ids of the writes that the confirmed row does not contain yet. */
  unconfirmed(model: string, id: string): string[] {
    const own = this.#pending.filter((write) => write.id === id && write.model === model);
    return own.map((write) => write.transaction);
  }

  /** Returns whether a row is confirmed. */
  has(model: string, id: string): boolean {
    return this.#tables.get(model)?.confirmed.has(id) ?? false;
  }

  get(model: string, id: string): AnyRow | undefined {
    return this.#tables.get(model)?.view.get(id);
  }

  /**
   * Returns the rows of a model, or those not archived. The array is the same until a row changes.
   */
  rows(model: string, which: "all" | "live"): readonly AnyRow[] {
    const table = this.#tables.get(model);
    if (table === undefined) return [];
    const all = (table.all ??= [...table.view.values()]);
    return which === "all" ? all : (table.live ??= all.filter((row) => !isArchived(row)));
  }

  subscribe(listener: () => void, model?: string): () => void {
    return (this.#tables.get(model ?? "")?.listeners ?? this.#listeners).add(listener);
  }

  /** Notifies the listeners of the whole store. */
  notify(): void {
    this.version += 1;
    this.#listeners.notify();
  }

  /** Replaces the confirmed rows by a snapshot. */
  reset(
    stamp: number,
    models: { readonly [typename: string]: unknown },
    failed: readonly string[],
  ): void {
    for (const table of this.#tables.values()) {
      if (failed.includes(table.model.typename)) continue;
      const ids = [...table.confirmed.keys()];
      table.confirmed.clear();
      ids.forEach((id) => this.#refresh(table, id));
    }
    for (const [name, rows] of Object.entries(models)) {
      const table = this.#byName.get(name);
      if (table !== undefined) for (const row of rowsOf(rows)) this.#put(table, row, stamp);
    }
    this.position = stamp;
    this.#dropConfirmed();
    this.#flush();
  }

  /** Applies deltas and returns whether a new bootstrap is required. */
  apply(deltas: readonly wire.Delta[]): boolean {
    let reload = false;
    for (const delta of deltas) {
      if (delta.id <= this.position) continue;
      this.position = delta.id;
      this.epoch = delta.createdAt;
      reload ||= isReset(delta);
      const table = this.#byName.get(delta.modelName);
      if (table !== undefined) this.#applyTo(table, delta);
    }
    this.#dropConfirmed();
    this.#flush();
    return reload;
  }

  #applyTo(table: Table, delta: wire.Delta): void {
    const { actionType: action, modelId: id } = delta;
    // From here on the confirmed row contains the write.
    for (const own of this.#pending)
      if (own.transaction === delta.transactionId) own.stamp = delta.id;
    const known = table.confirmed.get(id);
    if (known !== undefined && known.at >= delta.id) return;
    if (action === "D") {
      if (this.#reads > 0) table.deleted.set(id, delta.id);
      if (table.confirmed.delete(id)) this.#refresh(table, id);
    } else if (action !== "G" && action !== "S") {
      // Of models that are loaded on demand, only rows that were read or written are kept.
      const isKept =
        known !== undefined ||
        table.model.load === "instant" ||
        this.#pending.some((own) => own.id === id);
      const [row] = rowsOf(delta.data);
      if (isKept && row !== undefined) this.#put(table, { ...known?.row, ...row, id }, delta.id);
    }
  }

  /** Runs a read and stores its rows as of the sync id of the response. */
  async reading<T>(
    model: string,
    read: () => Promise<{ rows: readonly AnyRow[]; stamp: number | undefined; value: T }>,
  ): Promise<T> {
    this.#reads += 1;
    try {
      const { rows, stamp, value } = await read();
      const table = this.#tables.get(model);
      if (table !== undefined && stamp !== undefined && this.position >= 0) {
        for (const row of rows) this.#put(table, row, stamp);
        this.#flush();
      }
      return value;
    } finally {
      this.#reads -= 1;
      if (this.#reads === 0) for (const table of this.#tables.values()) table.deleted.clear();
    }
  }

  #put(table: Table, row: AnyRow, at: number): void {
    const id = row["id"];
    if (typeof id !== "string" || (table.deleted.get(id) ?? -1) >= at) return;
    const known = table.confirmed.get(id);
    if (known !== undefined && known.at > at) return;
    table.confirmed.set(id, { row, at });
    this.#refresh(table, id);
  }

  /** Applies writes before they are confirmed. */
  begin(writes: readonly Pending[]): void {
    this.#pending.push(...writes);
    this.#refreshAll(writes);
  }

  /** Adds members to a pending write. */
  amend(write: Pending, data: AnyRow): void {
    write.data = { ...write.data, ...data };
    this.#refreshAll([write]);
  }

  /** Marks writes as confirmed; they stay pending until the watermark reaches their sync id. */
  confirm(writes: readonly Pending[], stamp: number): void {
    for (const write of writes) write.stamp ??= stamp;
    this.#dropConfirmed();
    this.#flush();
  }

  /** Removes pending writes. */
  drop(writes: readonly Pending[]): void {
    this.#pending = this.#pending.filter((own) => !writes.includes(own));
    this.#refreshAll(writes);
  }

  /** Removes pending writes that the confirmed rows contain. */
  #dropConfirmed(): void {
    const done = this.#pending.filter(
      (own) => own.stamp !== undefined && own.stamp <= this.position,
    );
    if (done.length > 0) this.drop(done);
  }

  #refreshAll(writes: readonly Pending[]): void {
    for (const { model, id } of writes) {
      const table = this.#tables.get(model);
      if (table !== undefined) this.#refresh(table, id);
    }
    this.#flush();
  }

  /** Recomputes the visible row from its confirmed state and pending writes. */
  #refresh(table: Table, id: string): void {
    const { at = -1, row: confirmed } = table.confirmed.get(id) ?? {};
    let row = confirmed;
    for (const own of this.#pending) {
      if (own.id !== id || own.model !== table.model.key) continue;
      if ((own.stamp as number) <= at) continue;
      if (own.kind === "delete") row = undefined;
      else if (own.kind === "create" || row !== undefined) {
        row = adjusted({ ...row, ...own.data }, own.relative ?? {});
      }
    }
    if (row === undefined) table.view.delete(id);
    else table.view.set(id, row);
    table.all = table.live = undefined;
    this.#changed.add(table);
  }

  #flush(): void {
    if (this.#changed.size === 0) return;
    const changed = [...this.#changed];
    this.#changed.clear();
    for (const table of changed) table.listeners.notify();
    this.notify();
  }
}

/** Returns whether a delta requires a new bootstrap. */
/** @internal */ export function isReset(delta: wire.Delta): boolean {
  return delta.actionType === "G" && rowsOf(delta.data).some((data) => "addedGroups" in data);
}

/** @internal */ export const isArchived = (row: AnyRow): boolean =>
  (row["archivedAt"] ?? null) !== null;

/** Returns the rows in a value: a list, one row or none, possibly as JSON text. */
/** @internal */ export function rowsOf(value: unknown): AnyRow[] {
  const rows: unknown = typeof value === "string" ? JSON.parse(value) : value;
  return Array.isArray(rows)
    ? rows
    : typeof rows === "object" && rows !== null
      ? [rows as AnyRow]
      : [];
}
