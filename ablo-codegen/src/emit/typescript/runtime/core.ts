// The core of a client, shared by its models: the connection, the local rows, claims and commits.

import type * as wire from "./wire.js";
import type { SchemaDescriptor } from "./descriptors.js";
import { keepOverHttp, Lease, Leases, type ClaimOptions } from "./claims.js";
import { Connection, hasSocket } from "./connection.js";
import { AbloError, claimLost, errorOf, invalid } from "./errors.js";
import { Http, type ClientOptions } from "./http.js";
import type { WriteOptions, Written } from "./types.js";
import { host, Listeners, onPage, onWake, pause, type Timer, uuid } from "./platform.js";
import {
  type Committed,
  freshKey,
  type Operation,
  pendingOf,
  type Prepared,
} from "./operations.js";
import { type Entry, MAX_AFTER, Queue } from "./outbox.js";
import { backoff, isFinal } from "./policy.js";
import { Presence } from "./presence.js";
import { rowsOf, Store, type AnyRow, type Pending } from "./store.js";

/** The state of the local rows. */
export interface SyncStatus {
  /**
   * `idle` before `ready()`; `offline` while the client tries again; `error` after a refusal on
   * which a person has to act, such as the end of a session.
   */
  readonly state: "idle" | "syncing" | "live" | "offline" | "error";
  /** The number of unconfirmed writes. */
  readonly pendingChanges: number;
  /** The time of the oldest write that waits for its outcome, in milliseconds since 1970. */
  readonly oldestPendingAt: number | undefined;
  /** The number of writes in `outbox.parked`. */
  readonly parkedChanges: number;
  /** The time of the last message of the coordinator, in milliseconds since 1970. */
  readonly lastSyncAt: number | undefined;
  readonly error: AbloError | undefined;
}

/** A delta of any model. */
export type Delta = wire.Delta;

/** @internal */ export const syncRequest = (
  lastSyncId: number | undefined,
  epoch?: string | undefined,
): wire.ClientFrame => ({
  type: "sync_request",
  payload: {
    cursor: null,
    versions: {},
    lastSyncId: lastSyncId ?? 0,
    epoch: epoch ?? null,
    capabilities: ["completeDeltas", ...(lastSyncId === undefined ? [] : ["resume"])],
  },
});

/** Returns why the log does not continue from the position of a client, if it does not. */
/** @internal */ export const discontinuity = (
  answer: wire.SyncResponse | undefined,
): "log_replaced" | "log_position_expired" | undefined =>
  answer?.requiresBootstrap !== true
    ? undefined
    : answer.bootstrapHint?.reason === "log_replaced"
      ? "log_replaced"
      : "log_position_expired";

/** Returns the deltas in a frame. */
/** @internal */ export function deltasOf({
  type,
  payload,
}: {
  type: string;
  payload?: unknown;
}): readonly wire.Delta[] {
  const content = payload as { deltas?: wire.Delta[] } | wire.Delta | undefined;
  if (
    typeof content !== "object" ||
    content === null ||
    (type !== "delta" && type !== "sync_response")
  )
    return [];
  if ("deltas" in content && Array.isArray(content.deltas)) return content.deltas;
  return type === "delta" && "actionType" in content ? [content] : [];
}

/**
 * The time after which a confirmed write is dropped if its delta never arrives, in milliseconds.
 */
const MISSING_DELTA_TIMEOUT = 15_000;
/** The time for which acknowledgements are collected, in milliseconds. */
const ACK_DELAY = 100;

/** A write of a held row: its transaction id, and the claim of its commit. */
type NotedWrite = { readonly id: string; readonly claim: string | undefined };

/** @internal */ export class Core {
  readonly http: Http;
  readonly store: Store;
  readonly schema: SchemaDescriptor;
  readonly options: ClientOptions;
  readonly presence: Presence;
  readonly outbox: Queue;
  /** Claims of this client by row. */
  readonly held: Map<
    string,
    { readonly claimId: string; readonly stamp: number; readonly isHeld: boolean }
  > = new Map();
  /** The writes of each held row: their transaction ids, and the claim of their commit. */
  readonly #written: WeakMap<object, readonly NotedWrite[]> = new WeakMap();
  readonly #leases: Leases;
  readonly #statusChanged: Listeners<[SyncStatus]> = new Listeners();
  readonly #reloaded: Listeners<["log_replaced" | "log_position_expired"]> = new Listeners();
  readonly #failed: Listeners<[AbloError, readonly Operation[]]> = new Listeners();
  #connection: Connection | undefined;
  #report: wire.PresenceReport = { status: "online" };
  #live = false;
  #starting: Promise<void> | undefined;
  #status: SyncStatus = {
    state: "idle",
    pendingChanges: 0,
    oldestPendingAt: undefined,
    parkedChanges: 0,
    lastSyncAt: undefined,
    error: undefined,
  };
  /** Deltas that arrive during a bootstrap. */
  #buffered: wire.Delta[] | undefined;
  #ackTimer: Timer | undefined;
  #receivedAt = 0;
  /** Counts calls that start or close the client; an earlier start has no effect any more. */
  #run = 0;
  /** Whether the connection has answered its sync request; earlier deltas are out of order. */
  #synced = false;
  /** The sync id after which the connection delivers every delta. */
  #streamFrom = Infinity;
  #stopListening: () => void = () => {};

  constructor(options: ClientOptions, schema: SchemaDescriptor) {
    this.options = options;
    this.schema = schema;
    this.http = new Http(options);
    this.store = new Store(schema.models);
    this.presence = new Presence((report) => {
      this.#report = report;
      this.connection().send({ type: "presence_update", payload: report });
    });
    this.presence.onChange(() => this.store.notify());
    this.outbox = new Queue(this.store, schema, {
      send: (entry) => this.#send(entry),
      confirmed: (entry, receipt) => this.#confirm(entry, receipt),
      refused: ({ operations }, error) =>
        this.#failed.notify(error, operations as readonly Operation[]),
      prepare: (operations, key) =>
        operations.map((own, at) => this.#prepare(own, {}, `${key}:${at}`, undefined)),
      changed: () => this.#setStatus({}),
    });
    this.#leases = new Leases((frame) => this.#connection?.send(frame));
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

  onReload(listener: (reason: "log_replaced" | "log_position_expired") => void): () => void {
    return this.#reloaded.add(listener);
  }

  #setStatus(change: Partial<SyncStatus>): void {
    this.#status = {
      ...this.#status,
      ...change,
      pendingChanges: this.store.pending,
      oldestPendingAt: this.outbox.oldest,
      parkedChanges: this.outbox.parked.length,
    };
    this.#statusChanged.notify(this.#status);
  }

  /** Loads the rows of models with `load: "instant"` and keeps them up to date. */
  ready(): Promise<void> {
    if (this.#starting === undefined) {
      this.#live = true;
      this.#setStatus({ state: "syncing", error: undefined });
      this.#starting = this.#load();
    }
    return this.#starting;
  }

  /** Follows the deltas after the bootstrap. */
  #resume(): void {
    const connection = this.connection();
    const follows = connection.isOpen && this.#streamFrom <= this.store.position;
    // The start of the deltas of a connection is final.
    if (connection.isOpen && !follows) connection.restart();
    this.#setStatus({ state: follows && this.#synced ? "live" : "syncing", error: undefined });
  }

  async #bootstrap(run: number): Promise<void> {
    const models = this.schema.models
      .filter((model) => model.load === "instant")
      .map((model) => model.typename);
    const query: [string, string][] = [
      ["models", models.join(",")],
      ["capabilities", "resume"],
    ];
    for (let reload = true; reload;) {
      // Deltas that arrive in the meantime are part of the snapshot or follow it.
      this.#buffered = [];
      try {
        const response = await this.http.send<wire.BootstrapResponse>(
          "GET",
          ["sync", "bootstrap"],
          undefined,
          query,
        );
        // The client may have been closed in the meantime.
        if (run !== this.#run) return;
        this.store.reset(response.lastSyncId, response.models ?? {}, response.failedModels ?? []);
        this.store.epoch = response.epoch;
        reload = this.store.position >= this.#streamFrom && this.store.apply(this.#buffered);
      } finally {
        if (run === this.#run) this.#buffered = undefined;
      }
    }
  }

  /** Returns the connection, which is opened on first use. */
  connection(): Connection {
    this.#connection ??= this.#connect();
    return this.#connection;
  }

  #connect(): Connection {
    const connection = new Connection(this.http, this.options, {
      onOpen: () => {
        this.presence.clear();
        this.#leases.expire(this.#receivedAt);
        this.#receivedAt = Date.now();
        const position = this.#live && this.store.position >= 0 ? this.store.position : undefined;
        this.#synced = false;
        this.#streamFrom = position ?? Infinity;
        if (this.#buffered !== undefined) this.#buffered = [];
        this.outbox.resume();
        return [
          ...this.#leases.frames(),
          { type: "presence_update", payload: this.#report },
          syncRequest(position, this.store.epoch),
        ];
      },
      onFrame: (frame) => this.#onFrame(frame),
      onDisconnect: (error) => {
        this.#leases.expire(this.#receivedAt);
        if (this.#live) this.#setStatus({ state: "offline", error });
      },
      onEnd: (error) => {
        this.#disconnect(error);
        if (this.#live) this.#setStatus({ state: "error", error });
      },
    });
    const stops = [
      onWake(() => {
        if (!connection.isOpen) this.#leases.expire(this.#receivedAt);
        this.outbox.resume();
      }),
      // A frozen page runs no timers.
      onPage(["freeze"], () => this.#acknowledge()),
    ];
    this.#stopListening = () => stops.forEach((stop) => stop());
    return connection;
  }

  #disconnect(error: AbloError): void {
    this.#stopListening();
    this.#connection?.close();
    this.#connection = this.#starting = undefined;
    this.#leases.fail(error);
  }

  #onFrame(frame: { type: string; payload?: unknown }): void {
    this.#receivedAt = Date.now();
    if (frame.type === "presence_update")
      return this.presence.receive((frame.payload ?? frame) as wire.PresenceUpdate);
    if (frame.type === "intent_queue")
      return this.presence.setQueue(frame.payload as wire.IntentQueue);
    this.#leases.receive(frame);
    if (frame.type === "sync_response" && this.#synchronize(frame.payload)) return;
    const deltas = deltasOf(frame);
    if (!this.#synced || deltas.length === 0) return;
    if (this.#buffered !== undefined) return void this.#buffered.push(...deltas);
    if (!this.#live || this.store.position < Math.max(this.#streamFrom, 0)) return;
    if (this.store.apply(deltas)) return this.#reload();
    this.#setStatus({ lastSyncAt: this.#receivedAt });
    if (this.#ackTimer !== undefined) return;
    this.#ackTimer = host.setTimeout(() => this.#acknowledge(), ACK_DELAY);
    this.#ackTimer.unref?.();
  }

  /** Handles the answer to a sync request. Returns whether all rows are read again. */
  #synchronize(answer: unknown): boolean {
    const response = answer as wire.SyncResponse | undefined;
    const head = response?.currentSyncId ?? Infinity;
    this.#streamFrom = Math.min(this.#streamFrom, head);
    this.#synced = true;
    if (!this.#live || this.store.position < 0 || this.#buffered !== undefined) return false;
    const reason = head < this.store.position ? "log_replaced" : discontinuity(response);
    if (reason !== undefined) {
      this.#reload();
      this.#reloaded.notify(reason);
      return true;
    }
    this.#setStatus({ state: "live", lastSyncAt: this.#receivedAt, error: undefined });
    return false;
  }

  /** Reads all rows again: the visible ones have changed, or the sync log is another one. */
  #reload(): void {
    // Errors are reported by the status.
    if (this.#buffered === undefined) this.#load().catch(() => {});
  }

  /** Bootstraps, with retries, and follows the deltas after it. */
  async #load(): Promise<void> {
    const run = (this.#run += 1);
    for (let attempt = 1; ; attempt += 1) {
      try {
        await this.#bootstrap(run);
        if (run !== this.#run) return;
        this.#resume();
        this.outbox.resume();
        return;
      } catch (cause) {
        if (run !== this.#run) return;
        const error =
          cause instanceof AbloError
            ? cause
            : errorOf("the rows cannot be read", { code: "response_unreadable", cause });
        if (isFinal(error.code, error.status)) {
          this.#starting = undefined;
          this.#setStatus({ state: "error", error });
          throw error;
        }
        this.#setStatus({ state: "offline", error });
      }
      // Deltas that arrive in the meantime must not be applied to the outdated rows.
      this.#buffered = [];
      await pause(backoff(attempt));
      if (run !== this.#run) return;
    }
  }

  /** Acknowledges the applied deltas. */
  #acknowledge(): void {
    if (this.#ackTimer === undefined) return;
    host.clearTimeout(this.#ackTimer);
    this.#ackTimer = undefined;
    this.#connection?.send({
      type: "ack",
      payload: { lastSyncId: this.store.position, versions: {} },
    });
  }

  /** Requests a claim. */
  async lease(model: string, options: ClaimOptions): Promise<Lease> {
    const lease = new Lease(model, options);
    if (this.options.httpOnly === true || !hasSocket(this.options))
      void keepOverHttp(this.http, lease);
    else {
      this.connection();
      this.#leases.begin(lease);
    }
    return lease;
  }

  /** Returns whether a claim belongs to this client. */
  holds(claimId: string): boolean {
    return [...this.held.values()].some((claim) => claim.claimId === claimId);
  }

  /** Applies all operations or none. */
  async commit(operations: readonly Operation[], options: WriteOptions): Promise<Committed> {
    const { idempotencyKey: key = freshKey(), causedByTaskId } = options;
    const claim =
      options.claim ?? operations.map((own) => this.#claimOn(own)).find((own) => own !== undefined);
    const prepared = operations.map((operation, at) =>
      this.#prepare(operation, options, `${key}:${at}`, claim?.claimId),
    );
    const { wait, ...others } = options;
    const plain = Object.values(others).every((option) => option === undefined);
    const entry: Entry = {
      key,
      at: Date.now(),
      operations: prepared,
      pending: this.#live ? prepared.map((own) => pendingOf(own, this.schema)) : [],
      claim: claim?.claimId,
      causedByTaskId,
      known: prepared.flatMap((own) => this.#writesOn(own).map(({ id }) => id)),
      isPatch:
        this.#live &&
        plain &&
        claim === undefined &&
        prepared.length === 1 &&
        prepared[0]?.action === "update",
      isKept: this.#live,
      isLate: this.#isAway,
      waiters: [],
    };
    const confirmed =
      wait === "queued" && this.#live
        ? undefined
        : new Promise<wire.CommitReceipt>((resolve, reject) =>
            entry.waiters.push({ resolve, reject }),
          );
    const sent = this.outbox.add(entry);
    const stamp = (await confirmed)?.lastSyncId ?? 0;
    const ids = (of: "id" | "transactionId"): string[] => sent.operations.map((own) => own[of]);
    return { id: sent.key, stamp, rows: ids("id"), operations: ids("transactionId") };
  }

  #send({ key, operations, claim, causedByTaskId }: Entry): Promise<wire.CommitReceipt> {
    const body = {
      clientTxId: key,
      idempotencyKey: key,
      operations,
      intent: claim,
      causedByTaskId,
    };
    return this.http.send("POST", ["v1", "commits"], body, undefined, key);
  }

  #confirm({ pending, operations, claim }: Entry, { lastSyncId = 0 }: wire.CommitReceipt): void {
    this.store.confirm(pending, lastSyncId);
    if (pending.length > 0 && lastSyncId > this.store.position) this.#expire(pending);
    this.#setStatus({});
    this.#note(operations, claim);
  }

  /** Drops a confirmed write whose delta never arrives: its writer may not see the row. */
  #expire(pending: readonly Pending[]): void {
    const check = (): void =>
      this.#live && this.#status.state !== "live" ? this.#expire(pending) : this.#drop(pending);
    host.setTimeout(check, MISSING_DELTA_TIMEOUT).unref?.();
  }

  /** Whether the rows do not follow the log, so that writes are based on those of earlier. */
  get #isAway(): boolean {
    return this.#live && (this.#status.state === "offline" || this.#status.state === "error");
  }

  /** Applies one operation. */
  async write(
    operation: Operation & { readonly id: string },
    options: WriteOptions,
  ): Promise<Written> {
    const { id: commit, stamp, operations } = await this.commit([operation], options);
    const data = this.store.get(operation.model, operation.id);
    return { id: operation.id, commit, stamp, operations, data };
  }

  /** Remembers the writes of held rows: a commit has one claim, its rows may have several. */
  #note(written: readonly Prepared[], claim: string | undefined): void {
    for (const own of written) {
      const held = this.#claimOn(own);
      if (held === undefined) continue;
      const known = this.#writesOn(own);
      this.#written.set(held, [...known, { id: own.transactionId, claim }].slice(-MAX_AFTER));
    }
  }

  #drop(pending: readonly Pending[]): void {
    this.store.drop(pending);
    this.#setStatus({});
  }

  #claimOn({
    model,
    id,
  }: Pick<Operation, "model" | "id">):
    { readonly claimId: string; readonly stamp: number } | undefined {
    const held = this.held.get(`${model}\0${id}`);
    return held?.isHeld ? held : undefined;
  }

  #writesOn(row: Pick<Operation, "model" | "id">): readonly NotedWrite[] {
    const held = this.#claimOn(row);
    return (held && this.#written.get(held)) ?? [];
  }

  /** Completes an operation with an id and, if the row is held or old, the stale guard. */
  #prepare(
    operation: Operation,
    options: WriteOptions,
    transactionId: string,
    claim: string | undefined,
  ): Prepared {
    const { action, model, data, relative } = operation;
    const id =
      operation.id ??
      (data as { id?: string } | undefined)?.id ??
      (action === "create" ? uuid() : undefined);
    if (id === undefined) throw invalid("the operation has no `id`");
    const held = this.#claimOn({ model, id });
    // What was written offline must not overwrite what others changed in the meantime.
    const base =
      this.#isAway &&
      options.onStale === undefined &&
      action !== "create" &&
      relative === undefined &&
      this.store.has(model, id)
        ? this.store.position
        : undefined;
    const readAt = options.readAt ?? held?.stamp ?? base ?? null;
    const onStale = options.onStale ?? (held || base !== undefined ? "reject" : null);
    // A read that the caller names does not contain this client's unconfirmed writes; the local
    // row, on which a write under a claim is based, does.
    const own = options.readAt === undefined ? this.store.unconfirmed(model, id) : [];
    // The guard knows the writes under the claim of this commit.
    const others = this.#writesOn({ model, id }).filter((own) => own.claim !== claim);
    const named = (options.after ?? []).flatMap((earlier) => earlier.operations);
    const after =
      readAt === null
        ? undefined
        : [...named, ...others.map((other) => other.id), ...own].slice(-MAX_AFTER);
    const prepared = {
      action: relative === undefined ? action : "adjust",
      model,
      id,
      data,
      relative,
      transactionId,
      readAt: readAt === 0 ? null : readAt,
      onStale,
      after: after?.[0] && after,
    };
    // Members that are undefined are not sent, so the local row does not have them, either.
    return JSON.parse(JSON.stringify(prepared)) as Prepared;
  }

  /** Reads rows at one sync id. */
  async rows(ids: {
    readonly [model: string]: string | readonly string[] | undefined;
  }): Promise<{ stamp: number; rows: { [model: string]: { [id: string]: AnyRow } } }> {
    const queries = Object.entries(ids)
      .filter(([, own]) => own !== undefined)
      .map(([model, own]) => ({ model, ids: [own ?? []].flat() }));
    const response = await this.http.send<wire.QueryResponse>("POST", ["sync", "query"], {
      queries,
    });
    const found = queries.map(({ model }, at) => [
      model,
      Object.fromEntries(rowsOf(response.results[at]).map((row) => [row["id"], row])),
    ]);
    return { stamp: response.lastSyncId ?? 0, rows: Object.fromEntries(found) };
  }

  close(): void {
    this.#live = false;
    this.#run += 1;
    this.#buffered = undefined;
    this.outbox.close();
    this.#disconnect(claimLost("the client was closed"));
    this.#setStatus({ state: "idle" });
  }
}
