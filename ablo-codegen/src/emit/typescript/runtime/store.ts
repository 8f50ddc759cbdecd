// The rows of this client: what the coordinator said, with writes that are under way on top.
//
// Snapshots, changes and writes come in; rows, and word of what is different, go out. A write that is refused is taken back by
// leaving it out.

import type * as wire from "./wire.js";
import type { ModelDescriptor } from "./descriptors.js";
import { Listeners } from "./platform.js";

/** @internal */ export type AnyRow = { readonly [member: string]: unknown };

/** A write that is under way. */
/** @internal */ export interface Pending {
  model: string;
  id: string;
  kind: "create" | "update" | "delete";
  data: AnyRow;
  /** Where in the log it is, once that is known. */
  stamp?: number;
}

interface Known {
  row: AnyRow;
  /** Where in the log it was so. */
  at: number;
}

class Table {
  readonly model: ModelDescriptor;
  readonly known: Map<string, Known> = new Map();
  readonly view: Map<string, AnyRow> = new Map();
  /** Rows that went while something was being read, which may still hold them. */
  readonly gone: Map<string, number> = new Map();
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
  readonly #touched: Set<Table> = new Set();
  #pending: Pending[] = [];
  #reading = 0;
  /** The last change that is in here; below 0 before anything is. */
  position = -1;
  version = 0;

  constructor(models: readonly ModelDescriptor[]) {
    const tables = models.map((model) => new Table(model));
    this.#tables = new Map(tables.map((table) => [table.model.key, table]));
    this.#byName = new Map(tables.map((table) => [table.model.typename, table]));
  }

  get pending(): number {
    return this.#pending.length;
  }

  get(model: string, id: string): AnyRow | undefined {
    return this.#tables.get(model)?.view.get(id);
  }

  /** The rows of a model, all of them or those that are not archived; the same array until one of them changes. */
  rows(model: string, which: "all" | "live"): readonly AnyRow[] {
    const table = this.#tables.get(model);
    if (table === undefined) return [];
    const all = (table.all ??= [...table.view.values()]);
    return which === "all" ? all : (table.live ??= all.filter((row) => !isArchived(row)));
  }

  subscribe(listener: () => void, model?: string): () => void {
    return (this.#tables.get(model ?? "")?.listeners ?? this.#listeners).add(listener);
  }

  /** Tells of something that is no row. */
  tell(): void {
    this.version += 1;
    this.#listeners.tell();
  }

  /** Everything as of one place in the log, in place of what was known. */
  restart(stamp: number, models: { readonly [typename: string]: unknown }, failed: readonly string[]): void {
    for (const table of this.#tables.values()) {
      if (failed.includes(table.model.typename)) continue;
      const ids = [...table.known.keys()];
      table.known.clear();
      ids.forEach((id) => this.#show(table, id));
    }
    for (const [name, rows] of Object.entries(models)) {
      const table = this.#byName.get(name);
      if (table !== undefined) for (const row of rowsOf(rows)) this.#put(table, row, stamp);
    }
    this.position = stamp;
    this.#settle();
    this.#flush();
  }

  /** What follows the last change; gives whether everything has to be read anew. */
  apply(deltas: readonly wire.Delta[]): boolean {
    let anew = false;
    for (const delta of deltas) {
      if (delta.id <= this.position) continue;
      this.position = delta.id;
      anew ||= isReset(delta);
      const table = this.#byName.get(delta.modelName);
      if (table !== undefined) this.#change(table, delta);
    }
    this.#settle();
    this.#flush();
    return anew;
  }

  #change(table: Table, delta: wire.Delta): void {
    const { actionType: action, modelId: id } = delta;
    const known = table.known.get(id);
    if (known !== undefined && known.at >= delta.id) return;
    if (action === "D") {
      if (this.#reading > 0) table.gone.set(id, delta.id);
      if (table.known.delete(id)) this.#show(table, id);
    } else if (action !== "G" && action !== "S") {
      // Models that are read on demand are kept where somebody has asked for the row.
      const wanted = known !== undefined || table.model.load === "instant" || this.#pending.some((own) => own.id === id);
      const [row] = rowsOf(delta.data);
      if (wanted && row !== undefined) this.#put(table, { ...known?.row, ...row, id }, delta.id);
    }
  }

  /** Takes rows that are being read, as of the place in the log that comes with them. */
  async reading<T>(model: string, read: () => Promise<{ rows: readonly AnyRow[]; stamp: number | undefined; value: T }>): Promise<T> {
    this.#reading += 1;
    try {
      const { rows, stamp, value } = await read();
      const table = this.#tables.get(model);
      if (table !== undefined && stamp !== undefined && this.position >= 0) {
        for (const row of rows) this.#put(table, row, stamp);
        this.#flush();
      }
      return value;
    } finally {
      this.#reading -= 1;
      if (this.#reading === 0) for (const table of this.#tables.values()) table.gone.clear();
    }
  }

  #put(table: Table, row: AnyRow, at: number): void {
    const id = row["id"];
    if (typeof id !== "string" || (table.gone.get(id) ?? -1) >= at) return;
    const known = table.known.get(id);
    if (known !== undefined && known.at > at) return;
    table.known.set(id, { row, at });
    this.#show(table, id);
  }

  /** Shows writes before they are confirmed. */
  begin(writes: readonly Pending[]): void {
    this.#pending.push(...writes);
    this.#look(writes);
  }

  /** The writes are in the log; they stay on top until that place of it is here. */
  confirm(writes: readonly Pending[], stamp: number): void {
    for (const write of writes) write.stamp = stamp;
    this.#settle();
    this.#flush();
  }

  /** The writes are not to be. */
  refuse(writes: readonly Pending[]): void {
    this.#pending = this.#pending.filter((own) => !writes.includes(own));
    this.#look(writes);
  }

  /** Leaves out the writes that what is known has overtaken. */
  #settle(): void {
    const done = this.#pending.filter((own) => own.stamp !== undefined && own.stamp <= this.position);
    if (done.length > 0) this.refuse(done);
  }

  #look(writes: readonly Pending[]): void {
    for (const { model, id } of writes) {
      const table = this.#tables.get(model);
      if (table !== undefined) this.#show(table, id);
    }
    this.#flush();
  }

  /** Works out what is seen of a row. */
  #show(table: Table, id: string): void {
    let row = table.known.get(id)?.row;
    for (const own of this.#pending) {
      if (own.id !== id || own.model !== table.model.key) continue;
      if (own.kind === "delete") row = undefined;
      else if (own.kind === "create" || row !== undefined) row = { ...row, ...own.data };
    }
    if (row === undefined) table.view.delete(id);
    else table.view.set(id, row);
    table.all = table.live = undefined;
    this.#touched.add(table);
  }

  #flush(): void {
    if (this.#touched.size === 0) return;
    const touched = [...this.#touched];
    this.#touched.clear();
    for (const table of touched) table.listeners.tell();
    this.tell();
  }
}

/** Whether a change says that everything has to be read anew. */
/** @internal */ export function isReset(delta: wire.Delta): boolean {
  return delta.actionType === "G" && rowsOf(delta.data).some((data) => "addedGroups" in data);
}

/** @internal */ export const isArchived = (row: AnyRow): boolean => (row["archivedAt"] ?? null) !== null;

/** Rows, one row or none, which may be JSON in text. */
/** @internal */ export function rowsOf(said: unknown): AnyRow[] {
  const rows: unknown = typeof said === "string" ? JSON.parse(said) : said;
  return Array.isArray(rows) ? rows : typeof rows === "object" && rows !== null ? [rows as AnyRow] : [];
}
