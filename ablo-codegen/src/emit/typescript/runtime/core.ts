// A client: one way to the coordinator, and everything that goes over it.

import type * as wire from "./wire.js";
import type { SchemaDescriptor } from "./descriptors.js";
import { keepOverHttp, Lease, Leases, type ClaimOptions } from "./claims.js";
import { AbloError, errorOf, invalid } from "./errors.js";
import { Http, type Options } from "./http.js";
import { hasSocket, Link } from "./link.js";
import type { WriteOptions } from "./model.js";
import { host, Listeners, pause, sleep, uuid } from "./platform.js";
import { Presence } from "./presence.js";
import { rowsOf, Store, type AnyRow, type Pending } from "./store.js";

/** How the rows that are here stand to those of the coordinator. */
export interface SyncStatus {
  /** `idle` before `ready()`; `error` when nothing helps but somebody who logs in. */
  readonly state: "idle" | "syncing" | "live" | "offline" | "error";
  /** Writes that are not confirmed yet. */
  readonly pendingChanges: number;
  /** When the coordinator was last heard of, in milliseconds since 1970. */
  readonly lastSyncAt: number | undefined;
  readonly error: AbloError | undefined;
}

/** @internal */ export interface Operation {
  readonly action: "create" | "update" | "delete" | "archive" | "unarchive";
  readonly model: string;
  readonly id?: string;
  readonly data?: object;
}

/** Several writes that are confirmed. */
export interface Committed {
  /** The commit. */
  id: string;
  /** Where in the log it is. */
  stamp: number;
  /** The rows, one for each operation. */
  rows: readonly string[];
}

/** A change, as it was confirmed. */
export type Change = wire.Delta;

/** @internal */ export const hello = (lastSyncId: number | undefined): wire.ClientFrame => ({
  type: "sync_request",
  payload: {
    cursor: null, versions: {}, lastSyncId: lastSyncId ?? 0,
    capabilities: ["completeDeltas", ...(lastSyncId === undefined ? [] : ["resume"])],
  },
});

/** The changes that a frame brings. */
/** @internal */ export function deltasOf({ type, payload }: { type: string; payload?: unknown }): readonly wire.Delta[] {
  const said = payload as { deltas?: wire.Delta[] } | wire.Delta | undefined;
  if (typeof said !== "object" || said === null || (type !== "delta" && type !== "sync_response")) return [];
  if ("deltas" in said && Array.isArray(said.deltas)) return said.deltas;
  return type === "delta" && "actionType" in said ? [said] : [];
}

/** How long what is confirmed may stay on top of rows that never hear of it, in milliseconds. */
const LINGER = 15_000;
/** How long acknowledgements are gathered, in milliseconds. */
const ACK = 100;

/** @internal */ export class Core {
  readonly http: Http;
  readonly store: Store;
  readonly schema: SchemaDescriptor;
  readonly options: Options;
  readonly presence: Presence;
  readonly held: Map<string, { readonly claimId: string; readonly stamp: number; readonly isHeld: boolean }> = new Map();
  readonly #leases: Leases;
  readonly #statusChanged: Listeners<[SyncStatus]> = new Listeners();
  readonly #failed: Listeners<[AbloError, readonly Operation[]]> = new Listeners();
  #link: Link | undefined;
  #report: wire.PresenceReport = { status: "online" };
  #live = false;
  #starting: Promise<void> | undefined;
  #status: SyncStatus = { state: "idle", pendingChanges: 0, lastSyncAt: undefined, error: undefined };
  #early: wire.Delta[] | undefined;
  /** The last write that is under way, by row. */
  readonly #writing: Map<string, Promise<void>> = new Map();
  #acked = false;
  #heardAt = 0;

  constructor(options: Options, schema: SchemaDescriptor) {
    this.options = options;
    this.schema = schema;
    this.http = new Http(options);
    this.store = new Store(schema.models);
    this.presence = new Presence((report) => {
      this.#report = report;
      this.link().say({ type: "presence_update", payload: report });
    });
    this.presence.onChange(() => this.store.tell());
    this.#leases = new Leases((frame) => this.#link?.say(frame));
  }

  get status(): SyncStatus {
    return this.#status;
  }

  onStatus(listener: (status: SyncStatus) => void): () => void {
    return this.#statusChanged.add(listener);
  }

  onFailure(listener: (error: AbloError, operations: readonly Operation[]) => void): () => void {
    return this.#failed.add(listener);
  }

  #stand(change: Partial<SyncStatus>): void {
    this.#status = { ...this.#status, ...change, pendingChanges: this.store.pending };
    this.#statusChanged.tell(this.#status);
  }

  /** Reads the rows of the models that are loaded at once, and hears of every change from then on. */
  ready(): Promise<void> {
    this.#live = true;
    this.#starting ??= this.#start().catch((error: unknown) => {
      this.#starting = undefined;
      throw error;
    });
    return this.#starting;
  }

  async #start(): Promise<void> {
    this.#stand({ state: "syncing", error: undefined });
    try {
      await this.#bootstrap();
    } catch (error) {
      if (this.#live) this.#stand({ state: "error", error: error as AbloError });
      throw error;
    }
    // It may have been closed meanwhile.
    if (this.#live) this.#resume();
  }

  /** Goes on behind what was read. */
  #resume(): void {
    const link = this.link();
    link.say(hello(this.store.position));
    this.#stand({ state: link.isOpen ? "live" : "syncing" });
  }

  async #bootstrap(): Promise<void> {
    const models = this.schema.models.filter((model) => model.load === "instant").map((model) => model.typename);
    const query: [string, string][] = [["models", models.join(",")]];
    for (let anew = true; anew; ) {
      // Changes that come meanwhile are behind the snapshot, or in it.
      this.#early = [];
      try {
        const answer = await this.http.send<wire.BootstrapResponse>("GET", ["sync", "bootstrap"], undefined, query);
        this.store.restart(answer.lastSyncId, answer.models ?? {}, answer.failedModels ?? []);
        anew = this.store.apply(this.#early);
      } finally {
        this.#early = undefined;
      }
    }
  }

  /** The connection, opened when it is first needed. */
  link(): Link {
    this.#link ??= new Link(this.http, this.options, {
      opened: () => {
        this.presence.forget();
        this.#leases.expire(this.#heardAt);
        this.#heardAt = Date.now();
        const isSynced = this.#live && this.store.position >= 0;
        if (isSynced) this.#stand({ state: "live", lastSyncAt: this.#heardAt, error: undefined });
        const frames = this.#leases.announcement();
        return [...frames, { type: "presence_update", payload: this.#report }, hello(isSynced ? this.store.position : undefined)];
      },
      heard: (frame) => this.#hear(frame),
      cut: (error) => {
        if (this.#live) this.#stand({ state: "offline", error });
      },
      ended: (error) => {
        this.#link = undefined;
        this.#leases.fail(error);
        this.#starting = undefined;
        if (this.#live) this.#stand({ state: "error", error });
      },
    });
    return this.#link;
  }

  #hear(frame: { type: string; payload?: unknown }): void {
    this.#heardAt = Date.now();
    if (frame.type === "presence_update") return this.presence.hear((frame.payload ?? frame) as wire.PresenceUpdate);
    if (frame.type === "intent_queue") return this.presence.line(frame.payload as wire.IntentQueue);
    this.#leases.hear(frame);
    const deltas = deltasOf(frame);
    const head = (frame.payload as wire.SyncResponse | undefined)?.currentSyncId;
    if (frame.type === "sync_response" && this.#live && head !== undefined && head < this.store.position) return void this.#again();
    if (deltas.length === 0) return;
    if (this.#early !== undefined) return void this.#early.push(...deltas);
    if (!this.#live || this.store.position < 0) return;
    if (this.store.apply(deltas)) return void this.#again();
    this.#stand({ lastSyncAt: this.#heardAt });
    this.#acknowledge();
  }

  /** Reads everything anew, until that succeeds: what is seen is different, or the log is another one. */
  async #again(): Promise<void> {
    if (this.#early !== undefined) return;
    for (let attempt = 1; this.#live; attempt += 1) {
      try {
        await this.#bootstrap();
        if (this.#live) this.#resume();
        return;
      } catch (error) {
        const passes = error instanceof AbloError && error.retryable;
        if (this.#live) this.#stand({ state: passes ? "offline" : "error", error: error as AbloError });
        if (!passes) return;
      }
      // Nothing that comes meanwhile belongs to what is here.
      this.#early = [];
      await sleep(pause(attempt));
    }
    this.#early = undefined;
  }

  #acknowledge(): void {
    if (this.#acked) return;
    this.#acked = true;
    const timer = host.setTimeout(() => {
      this.#acked = false;
      this.#link?.say({ type: "ack", payload: { lastSyncId: this.store.position, versions: {} } });
    }, ACK);
    timer.unref?.();
  }

  /** Asks for a claim. */
  async lease(model: string, options: ClaimOptions): Promise<Lease> {
    const lease = new Lease(model, options);
    if (this.options.httpOnly === true || !hasSocket(this.options)) void keepOverHttp(this.http, lease);
    else {
      this.link();
      this.#leases.begin(lease);
    }
    return lease;
  }

  /** Whether a claim is this client's. */
  holds(claimId: string): boolean {
    return [...this.held.values()].some((claim) => claim.claimId === claimId);
  }

  /** Applies operations together or not at all. */
  async commit(operations: readonly Operation[], options: WriteOptions): Promise<Committed> {
    const { idempotencyKey: key = uuid(), causedByTaskId } = options;
    const said = operations.map((operation) => this.#said(operation, options));
    const claim = options.claim ?? operations.map((own) => this.#heldRow(own)).find((own) => own !== undefined);
    const body = { clientTxId: key, idempotencyKey: key, operations: said, intent: claim?.claimId, causedByTaskId };
    const pending: Pending[] = this.#live && this.store.position >= 0 ? said.flatMap(pendingOf) : [];
    this.store.begin(pending);
    this.#stand({});
    try {
      const rows = said.map(({ model, id }) => `${model}\0${id}`);
      const receipt = await this.#inTurn(rows, () => this.http.send<wire.CommitReceipt>("POST", ["v1", "commits"], body, undefined, key));
      if (!receipt.success) throw refusal(receipt);
      const stamp = receipt.lastSyncId ?? 0;
      this.store.confirm(pending, stamp);
      // Who may not see what it wrote never hears of it.
      if (pending.length > 0 && stamp > this.store.position) {
        host.setTimeout(() => this.#forget(pending), LINGER).unref?.();
      }
      this.#stand({});
      return { id: key, stamp, rows: said.map((operation) => operation.id) };
    } catch (error) {
      this.#forget(pending);
      if (error instanceof AbloError) this.#failed.tell(error, operations);
      throw error;
    }
  }

  /** Writes of a row go one after another, as requests that are under way together may overtake each other. */
  async #inTurn<T>(rows: readonly string[], send: () => Promise<T>): Promise<T> {
    const turn = Promise.all(rows.map((row) => this.#writing.get(row))).then(send);
    const over = turn.then(() => {}, () => {});
    for (const row of rows) this.#writing.set(row, over);
    await over;
    for (const row of rows) if (this.#writing.get(row) === over) this.#writing.delete(row);
    return turn;
  }

  #forget(pending: readonly Pending[]): void {
    this.store.refuse(pending);
    this.#stand({});
  }

  #heldRow({ model, id }: Operation): { readonly claimId: string; readonly stamp: number } | undefined {
    const held = this.held.get(`${model}\0${id}`);
    return held?.isHeld ? held : undefined;
  }

  /** An operation as it is sent: with an id, and guarded where the row is held. */
  #said(operation: Operation, options: WriteOptions): Operation & { id: string; readAt: number | null; onStale: wire.OnStale | null } {
    const { action, model, data } = operation;
    const writes = action === "create" || action === "update";
    const id = operation.id ?? (data as { id?: string } | undefined)?.id ?? (action === "create" ? uuid() : undefined);
    if (id === undefined) throw invalid("the operation has no `id`");
    const held = this.#heldRow({ action, model, id });
    const readAt = options.readAt ?? held?.stamp ?? null;
    const onStale = options.onStale ?? (held === undefined ? null : "reject");
    return { action, model, id, ...(writes ? { data: { ...data } } : {}), readAt: readAt === 0 ? null : readAt, onStale };
  }

  /** Several rows at one place in the log. */
  async rows(wanted: { readonly [model: string]: string | readonly string[] | undefined }): Promise<{ stamp: number; rows: { [model: string]: { [id: string]: AnyRow } } }> {
    const queries = Object.entries(wanted).filter(([, ids]) => ids !== undefined).map(([model, ids]) => ({ model, ids: [ids ?? []].flat() }));
    const answer = await this.http.send<wire.QueryResponse>("POST", ["sync", "query"], { queries });
    const found = queries.map(({ model }, at) => [model, Object.fromEntries(rowsOf(answer.results[at]).map((row) => [row["id"], row]))]);
    return { stamp: answer.lastSyncId ?? 0, rows: Object.fromEntries(found) };
  }

  close(): void {
    this.#link?.close();
    this.#link = undefined;
    this.#leases.fail(errorOf("the client was closed", { code: "claim_lost" }));
    this.#live = false;
    this.#starting = undefined;
    this.#stand({ state: "idle" });
  }
}

function pendingOf({ action, model, id, data }: Operation & { id: string }): Pending[] {
  const now = new Date().toISOString();
  if (action === "create") return [{ model, id, kind: "create", data: { createdAt: now, updatedAt: now, ...data, id } }];
  if (action === "update") return [{ model, id, kind: "update", data: { ...data } as AnyRow }];
  return action === "delete" ? [{ model, id, kind: "delete", data: {} }] : [{ model, id, kind: "update", data: { archivedAt: action === "archive" ? now : null } }];
}

function refusal(receipt: wire.CommitReceipt): AbloError {
  const said = receipt.error;
  if (said === undefined || typeof said === "string") return errorOf(said ?? "the commit was rejected", { code: "commit_failed" });
  return errorOf(said.message ?? "the commit was rejected", { code: said.code, details: { ...said } });
}

