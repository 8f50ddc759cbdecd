// The writes that wait for their outcome. Those of one row are sent in order. A live client keeps
// them through outages, and parks those that are refused.

import type * as wire from "./wire.js";
import type { SchemaDescriptor } from "./descriptors.js";
import { type AbloError, AbloStaleContextError, type Conflict, connectionError } from "./errors.js";
import { freshKey, type Operation, pendingOf, type Prepared, rejection } from "./operations.js";
import { host, Listeners, type Timer } from "./platform.js";
import { backoff, staysUnknown } from "./policy.js";
import { type AnyRow, type Pending, type Store } from "./store.js";

/** A write that was refused or whose outcome is unknown. Its rows are those of the coordinator. */
export interface ParkedWrite<Write> {
  /** The id of the commit. */
  readonly id: string;
  readonly operations: readonly Write[];
  /** The time of the write, in milliseconds since 1970. */
  readonly at: number;
  /** `unknown` if the write may have been applied. */
  readonly outcome: "refused" | "unknown";
  readonly error: AbloError;
  /** The id of the refused write on which this one is based, and with which it was parked. */
  readonly cause: string | undefined;
  /** The current rows, one for each operation; undefined if it does not exist. */
  readonly rows: readonly unknown[];
  /**
   * Sends the write again with those based on it. A stale write is based on the current rows from
   * now on, and overwrites them.
   */
  retry(): void;
  /** Sends other operations instead, and the writes based on this one. */
  edit(operations: readonly Write[]): void;
  /** Forgets the write and those based on it. */
  discard(): void;
}

/** The writes that need a decision. */
export interface Outbox<Write> {
  /** The array is the same until it changes. */
  readonly parked: readonly ParkedWrite<Write>[];
  /** Calls the listener on every change of `parked`. Returns a function that removes it. */
  readonly subscribe: (listener: () => void) => () => void;
}

/** The maximum number of requests at the same time. */
const MAX_SENDING = 16;
/** The maximum number of parked writes. The oldest is forgotten. */
const MAX_PARKED = 1000;
/** The maximum number of predecessors of an operation. */
/** @internal */ export const MAX_AFTER = 100;

/** A commit. */
/** @internal */ export interface Entry {
  key: string;
  readonly at: number;
  operations: readonly Prepared[];
  pending: Pending[];
  /** The claim under which it is sent. */
  claim: string | undefined;
  readonly causedByTaskId: string | undefined;
  /** The earlier writes of the rows under their claims. */
  readonly known: readonly string[];
  /** Whether it may take in a later patch of its row. */
  readonly isPatch: boolean;
  /** Whether it waits for the network, and is parked. */
  isKept: boolean;
  /** Whether it was made or sent during an outage. */
  isLate: boolean;
  /** Whether its answer was lost. */
  isLost?: boolean;
  state?: "sent" | "sending";
  readonly waiters: {
    resolve: (receipt: wire.CommitReceipt) => void;
    reject: (error: unknown) => void;
  }[];
}

/** @internal */ export const rowOf = ({ model, id }: { model: string; id: string }): string =>
  `${model}\0${id}`;

/** Returns whether a failure passes: the network, the credentials, or a busy coordinator. */
const passes = ({ code, status = 0 }: AbloError): boolean =>
  ["network_error", "commit_no_result"].includes(code) || [401, 429, 503].includes(status);

interface Hooks {
  send(entry: Entry): Promise<wire.CommitReceipt>;
  confirmed(entry: Entry, receipt: wire.CommitReceipt): void;
  refused(entry: Entry, error: AbloError): void;
  prepare(operations: readonly Operation[], key: string): Prepared[];
  changed(): void;
}

/** @internal */ export class Queue implements Outbox<Operation> {
  parked: readonly ParkedWrite<Operation>[] = [];
  readonly #hooks: Hooks;
  readonly #store: Store;
  readonly #schema: SchemaDescriptor;
  readonly #listeners: Listeners<[]> = new Listeners();
  readonly #entries: Set<Entry> = new Set();
  readonly #parked: WeakMap<object, Entry> = new WeakMap();
  #sending = 0;
  /** The number of failures in succession; the first request after one is alone. */
  #failures = 0;
  #timer: Timer | undefined;

  constructor(store: Store, schema: SchemaDescriptor, hooks: Hooks) {
    this.#store = store;
    this.#schema = schema;
    this.#hooks = hooks;
  }

  readonly subscribe = (listener: () => void): (() => void) => this.#listeners.add(listener);

  /** The time of the oldest write that waits. */
  get oldest(): number | undefined {
    for (const { at, isKept } of this.#entries) if (isKept) return at;
    return undefined;
  }

  /** Adds a commit, or its patch to one that was not sent yet. Returns the commit. */
  add(entry: Entry): Entry {
    if (entry.isPatch) {
      const row = rowOf(entry.operations[0] as Prepared);
      const last = [...this.#entries]
        .reverse()
        .find(({ operations }) => operations.some((own) => rowOf(own) === row));
      if (last?.isPatch && last.state === undefined && this.#merge(last, entry)) return last;
    }
    this.#entries.add(entry);
    this.#store.begin(entry.pending);
    this.#hooks.changed();
    this.#pump();
    return entry;
  }

  #merge(into: Entry, { operations, waiters }: Entry): boolean {
    const [first, next] = [into.operations[0] as Prepared, operations[0] as Prepared];
    if (first.onStale !== next.onStale) return false;
    into.operations = [{ ...first, data: { ...first.data, ...next.data } }];
    into.waiters.push(...waiters);
    const [pending] = into.pending;
    if (pending) this.#store.amend(pending, next.data as AnyRow);
    return true;
  }

  /** Sends what waits, without a further delay. */
  resume(): void {
    host.clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#pump();
  }

  /** Sends what waits as if the client was not live. */
  close(): void {
    for (const entry of this.#entries) entry.isKept = false;
    this.resume();
  }

  #pump(): void {
    const [busy, created] = [new Set<string>(), new Set<string>()];
    for (const entry of [...this.#entries]) {
      if (entry.state !== "sending") {
        const limit = this.#timer !== undefined ? 0 : this.#failures > 0 ? 1 : MAX_SENDING;
        const isHeld = entry.operations.some((own) => busy.has(rowOf(own)));
        if (!isHeld && (!entry.isKept || this.#sending < limit) && !this.#dependsOn(entry, created))
          void this.#run(entry);
      }
      for (const own of entry.operations) {
        busy.add(rowOf(own));
        if (own.action === "create") created.add(rowOf(own));
      }
    }
  }

  /** Returns whether an operation changes or references one of these rows. */
  #dependsOn({ operations }: Entry, rows: ReadonlySet<string>): boolean {
    return (
      rows.size > 0 &&
      operations.some((own) => {
        const data = (own.data ?? {}) as AnyRow;
        const relations = this.#schema.models.find(({ key }) => key === own.model)?.relations;
        return (
          rows.has(rowOf(own)) ||
          relations?.some(
            ({ type, target, foreignKey }) =>
              type === "belongsTo" && rows.has(rowOf({ model: target, id: `${data[foreignKey]}` })),
          )
        );
      })
    );
  }

  async #run(entry: Entry): Promise<void> {
    entry.state = "sending";
    this.#sending += 1;
    try {
      const receipt = await this.#hooks.send(entry);
      if (!receipt.success) throw rejection(receipt);
      this.#failures = 0;
      this.#entries.delete(entry);
      this.#hooks.confirmed(entry, receipt);
      for (const { resolve } of entry.waiters) resolve(receipt);
    } catch (error) {
      this.#fail(entry, error);
    }
    this.#sending -= 1;
    this.#pump();
  }

  #fail(entry: Entry, cause: unknown): void {
    const error = connectionError(cause);
    entry.state = "sent";
    entry.isLost ||= error.code === "commit_no_result";
    if (entry.isKept && passes(error)) {
      entry.isLate = true;
      const delay = Math.max(backoff((this.#failures += 1)), (error.retryAfterSeconds ?? 0) * 1000);
      this.#timer ??= host.setTimeout(() => this.resume(), delay);
    } else if (entry.isLate && error.code === "claim_lost" && entry.claim !== undefined) {
      // The claim ended during the outage. The guard remains, and knows the writes under the claim.
      entry.claim = undefined;
      entry.operations = entry.operations.map((own) =>
        own.readAt === null
          ? own
          : {
              ...own,
              after: [...new Set([...entry.known, ...(own.after ?? [])])].slice(-MAX_AFTER),
            },
      );
    } else {
      this.#failures = 0;
      this.#refuse(entry, error, cause);
    }
    this.#hooks.changed();
  }

  /** Parks a write and those based on it, or forgets it. */
  #refuse(refused: Entry, error: AbloError, cause: unknown): void {
    const isUnknown =
      error.code === "idempotency_key_expired" ||
      (staysUnknown(error.status) && (refused.isLost || (error.status ?? 0) >= 500));
    const [lost, created] = [new Set<string>(), new Set<string>()];
    const parked: ParkedWrite<Operation>[] = [];
    for (const entry of [...this.#entries]) {
      const isBased =
        entry !== refused &&
        refused.isKept &&
        entry.state !== "sending" &&
        (entry.operations.some(({ after }) => after?.some((id) => lost.has(id))) ||
          this.#dependsOn(entry, created));
      if (entry !== refused && !isBased) continue;
      for (const own of entry.operations) {
        lost.add(own.transactionId);
        if (own.action === "create") created.add(rowOf(own));
      }
      this.#entries.delete(entry);
      this.#store.drop(entry.pending);
      const outcome = isUnknown && !isBased ? "unknown" : "refused";
      if (entry.isKept)
        parked.push(this.#park(entry, error, outcome, isBased ? refused.key : undefined));
      this.#hooks.refused(entry, error);
      for (const { reject } of entry.waiters.splice(0)) reject(cause);
    }
    if (parked.length > 0) this.#setParked([...this.parked, ...parked].slice(-MAX_PARKED));
  }

  #setParked(parked: readonly ParkedWrite<Operation>[]): void {
    this.parked = parked;
    this.#hooks.changed();
    this.#listeners.notify();
  }

  #park(
    entry: Entry,
    error: AbloError,
    outcome: "refused" | "unknown",
    cause: string | undefined,
  ): ParkedWrite<Operation> {
    const store = this.#store;
    const operations = entry.operations.map(given);
    const parked: ParkedWrite<Operation> = {
      id: entry.key,
      operations,
      at: entry.at,
      outcome,
      error,
      cause,
      get rows() {
        return operations.map(({ model, id = "" }) => {
          const newer = conflictsOf(error).find(
            (own) => own.model === model && own.id === id && own.observedSyncId > store.position,
          );
          return newer === undefined ? store.get(model, id) : (newer.data ?? undefined);
        });
      },
      retry: () => this.#requeue(parked),
      edit: (edited) => this.#requeue(parked, edited),
      discard: () => void this.#take(parked),
    };
    this.#parked.set(parked, entry);
    return parked;
  }

  /** Removes a parked write and those based on it. */
  #take(own: ParkedWrite<Operation>): readonly ParkedWrite<Operation>[] {
    if (!this.parked.includes(own)) return [];
    const taken = this.parked.filter((other) => other === own || other.cause === own.id);
    this.#setParked(this.parked.filter((other) => !taken.includes(other)));
    return taken;
  }

  #requeue(own: ParkedWrite<Operation>, edited?: readonly Operation[]): void {
    const renamed = new Map<string, string>();
    // An invalid edit throws before anything is taken.
    const changed = edited && this.#hooks.prepare(edited, own.id);
    for (const taken of this.#take(own)) {
      const entry = this.#parked.get(taken) as Entry;
      const { error } = taken;
      const isEdited = taken === own && changed !== undefined;
      // A key that is too old is refused, and a key has the same writes for ever.
      if (isEdited || error.code === "idempotency_key_expired") entry.key = freshKey();
      const position = Math.max(
        this.#store.position,
        ...conflictsOf(error).map((conflict) => conflict.observedSyncId),
      );
      const old = entry.operations;
      entry.operations = (isEdited ? changed : old).map((operation, at) => {
        const transactionId = `${entry.key}:${at}`;
        const before = old[at];
        if (before !== undefined) renamed.set(before.transactionId, transactionId);
        const { readAt = null, onStale = null, after } = (isEdited ? before : operation) ?? {};
        const isRebased = readAt !== null && (isEdited || error.code === "stale_context");
        return {
          ...operation,
          transactionId,
          onStale,
          readAt: isRebased ? position : readAt,
          ...(after && { after: after.map((id) => renamed.get(id) ?? id) }),
        };
      });
      entry.state = "sent";
      entry.pending = entry.operations.map((operation) => pendingOf(operation, this.#schema));
      this.add(entry);
    }
  }
}

const conflictsOf = (error: AbloError): readonly Conflict[] =>
  error instanceof AbloStaleContextError ? error.conflicts : [];

/** Returns an operation as it was given. */
const given = ({ action, model, id, data, relative }: Prepared): Operation => ({
  action: action === "adjust" ? "update" : action,
  model,
  id,
  ...(data && { data }),
  ...(relative && { relative }),
});
