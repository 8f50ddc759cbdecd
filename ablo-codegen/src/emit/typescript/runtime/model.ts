// The client of one model: reads, writes and claims.

import type * as wire from "./wire.js";
import type { ModelDescriptor } from "./descriptors.js";
import { type ClaimOptions, type Lease } from "./claims.js";
import { type Core } from "./core.js";
import { AbloError, claimLost, errorOf, invalid } from "./errors.js";
import { clauses, compare, matches, parameters, type Clause } from "./filter.js";
import { milliseconds, sleep, uuid } from "./platform.js";
import { CLAIMED_POLL_INTERVAL } from "./policy.js";
import { isArchived, rowsOf, type AnyRow } from "./store.js";
import type {
  Claim,
  Claims,
  List,
  ListOptions,
  LocalOptions,
  Page,
  Read,
  RetrieveOptions,
  Update,
  WriteOptions,
  Written,
} from "./types.js";

/** The maximum number of rows in the response to a query. */
const MAX_QUERY_ROWS = 1000;

/** The client of one model. */
export class Model<Row extends { id: string }, Create, Patch, Relative = never> {
  readonly descriptor: ModelDescriptor;
  readonly claim: Claims<Row, Patch, Relative>;
  readonly #core: Core;

  /** @internal */
  constructor(core: Core, descriptor: ModelDescriptor) {
    this.#core = core;
    this.descriptor = descriptor;
    const key = descriptor.key;
    const claimsOn = (id: string): Promise<wire.IntentList> =>
      core.http.send("GET", ["v1", "intents"], undefined, [
        ["model", key],
        ["id", id],
      ]);
    const path = (id: string, ...more: string[]): string[] => [
      "v1",
      "models",
      key,
      id,
      "claim",
      ...more,
    ];
    this.claim = Object.assign((options: ClaimOptions) => this.#claim(options), {
      state: async ({ id }: { id: string }) => (await claimsOn(id)).intents[0] ?? null,
      queue: async ({ id }: { id: string }) => (await claimsOn(id)).queue,
      reorder: async ({
        id,
        order,
      }: {
        id: string;
        order: readonly { readonly id: string; readonly actor: string }[];
      }) => {
        const body = { order: order.map((claim) => ({ heldBy: claim.actor, intentId: claim.id })) };
        await core.http.send("POST", path(id, "reorder"), body);
      },
      release: async ({ id }: { id: string }) => {
        const response = await core.http.send<wire.ClaimReleased>("DELETE", path(id));
        return response.released ?? response.ok;
      },
      holder: (id: string) => core.presence.holder(key, id),
    });
  }

  /** Reads one row from the coordinator. */
  async retrieve({
    id,
    ifClaimed = "return",
    claimedTimeout = 30,
  }: RetrieveOptions): Promise<Read<Row>> {
    const until = Date.now() + (ifClaimed === "wait" ? milliseconds(claimedTimeout) : 0);
    for (;;) {
      const read = await this.#read(id);
      if (ifClaimed === "return") return read;
      const holder = read.claims.find(
        (claim) => claim.status !== "queued" && !this.#core.holds(claim.id),
      );
      if (holder === undefined) return read;
      if (Date.now() + CLAIMED_POLL_INTERVAL >= until) {
        const code = ifClaimed === "fail" ? "model_claimed" : "model_claimed_timeout";
        const details = {
          claims: read.claims,
          heldBy: holder.actor,
          heldByExpiresAt: holder.expiresAt,
        };
        throw errorOf(`"${id}" is held by ${holder.actor}`, { code, status: 409, details });
      }
      await sleep(CLAIMED_POLL_INTERVAL);
    }
  }

  #read(id: string): Promise<Read<Row>> {
    return this.#core.store.reading(this.descriptor.key, async () => {
      const path = ["v1", "models", this.descriptor.key, id];
      const { data, stamp, claims } = await this.#core.http.send<wire.Read>("GET", path);
      return {
        rows: [data as AnyRow],
        stamp,
        value: { data: data as unknown as Row, stamp, claims },
      };
    });
  }

  /** Lists rows from the coordinator, page by page. */
  list(options: ListOptions<Row, Patch> = {}): List<Row> {
    const found = clauses(options.where ?? {});
    const plain = parameters(found);
    const page = (after: string | undefined): Promise<Page<Row>> =>
      plain === undefined ? this.#query(options, found, after) : this.#page(options, plain, after);
    async function* pages(): AsyncIterableIterator<Page<Row>> {
      let after = options.after;
      do {
        const next = await page(after);
        yield next;
        after = next.next ?? undefined;
      } while (after !== undefined);
    }
    return {
      then: (done, failed) => page(options.after).then(done, failed),
      pages,
      async *[Symbol.asyncIterator]() {
        for await (const rows of pages()) yield* rows;
      },
    };
  }

  #page(
    options: ListOptions<Row, Patch>,
    plain: [string, string][],
    after: string | undefined,
  ): Promise<Page<Row>> {
    const query = [...plain];
    const [name, order] = orderOf(options.orderBy);
    if (name !== undefined) query.push(["order_by", name], ["order", order]);
    if (options.limit !== undefined) query.push(["limit", String(options.limit)]);
    if (after !== undefined) query.push(["starting_after", after]);
    return this.#core.store.reading(this.descriptor.key, async () => {
      const path = ["v1", "models", this.descriptor.key];
      const page = await this.#core.http.send<wire.ListPage>("GET", path, undefined, query);
      return {
        rows: page.data as AnyRow[],
        stamp: page.stamp,
        value: pageOf(page.data, page.next_cursor, page.stamp),
      };
    });
  }

  // List requests support equality only. A query is paged by id, unless it has another order.
  #query(
    options: ListOptions<Row, Patch>,
    found: Clause[],
    after: string | undefined,
  ): Promise<Page<Row>> {
    const [name, order] = orderOf(options.orderBy);
    const limit = Math.min(options.limit ?? 20, MAX_QUERY_ROWS);
    const where = [...found, ...(after === undefined ? [] : [["id", ">", after] as const])];
    if (name !== undefined && after !== undefined)
      throw invalid("`after` and `orderBy` cannot be combined with these conditions");
    const query: wire.Query = {
      model: this.descriptor.key,
      where: where.map((clause) => [...clause]),
      limit,
      orderBy: name ?? "id",
      order,
    };
    return this.#core.store.reading(this.descriptor.key, async () => {
      const response = await this.#core.http.send<wire.QueryResponse>("POST", ["sync", "query"], {
        queries: [query],
      });
      const rows = rowsOf(response.results[0]);
      const more = name === undefined && rows.length === limit ? String(rows.at(-1)?.["id"]) : null;
      return {
        rows,
        stamp: response.lastSyncId,
        value: pageOf<Row>(rows, more, response.lastSyncId),
      };
    });
  }

  /** Creates a row. The client chooses the id, so that a retried create is idempotent. */
  create({
    data,
    id,
    ...options
  }: { data: Create; id?: string } & WriteOptions): Promise<Written<Row>> {
    const own = id ?? (data as { id?: string }).id ?? uuid();
    return this.#write("create", own, data, options);
  }

  /**
   * Updates the members in `data`: null clears a value, absent members keep theirs. Those in
   * `relative` start from their current values.
   */
  update({
    id,
    data,
    relative,
    ...options
  }: { id: string } & Update<Patch, Relative> & WriteOptions): Promise<Written<Row>> {
    return this.#write("update", id, data, options, relative);
  }

  delete({ id, ...options }: { id: string } & WriteOptions): Promise<Written<Row>> {
    return this.#write("delete", id, undefined, options);
  }

  #write(
    action: "create" | "update" | "delete",
    id: string,
    data: unknown,
    options: WriteOptions,
    relative?: unknown,
  ): Promise<Written<Row>> {
    const operation = {
      action,
      model: this.descriptor.key,
      id,
      data: data as AnyRow | undefined,
      relative: relative as AnyRow | undefined,
    };
    return this.#core.write(operation, options) as Promise<Written<Row>>;
  }

  async #claim(options: ClaimOptions): Promise<Claim<Row, Patch, Relative>> {
    const lease = await this.#core.lease(this.descriptor.key, options);
    try {
      await lease.granted(options);
      const handle = new ClaimHandle<Row, Patch, Relative>(
        this.#core,
        this.descriptor.key,
        options.id,
        lease,
        () => this.#readIfPresent(options.id),
      );
      await handle.refresh();
      return handle;
    } catch (error) {
      lease.end();
      throw error;
    }
  }

  // A row can be claimed before it exists.
  async #readIfPresent(id: string): Promise<{ data: Row | undefined; stamp: number }> {
    try {
      return await this.#read(id);
    } catch (error) {
      if (error instanceof AbloError && error.status === 404) return { data: undefined, stamp: 0 };
      throw error;
    }
  }

  /**
   * Returns a local row with pending writes applied; requires `ready()`. The object is the same
   * until the row changes.
   */
  get(id: string): Row | undefined {
    return this.#core.store.get(this.descriptor.key, id) as unknown as Row | undefined;
  }

  /**
   * Returns local rows; requires `ready()`. Without options, the array is the same until a row
   * changes.
   */
  getAll(options?: LocalOptions<Row, Patch>): readonly Row[] {
    const { where, filter, orderBy, limit, offset = 0, state = "live" } = options ?? {};
    const rows = this.#core.store.rows(this.descriptor.key, state === "live" ? "live" : "all");
    if (options === undefined) return rows as unknown as readonly Row[];
    const found = clauses(where ?? {});
    const selected = rows.filter((row) => {
      return (
        (state !== "archived" || isArchived(row)) &&
        matches(row, found) &&
        (filter === undefined || filter(row as unknown as Row))
      );
    });
    const [name, order] = orderOf(orderBy);
    if (name !== undefined) {
      const sign = order === "desc" ? -1 : 1;
      selected.sort(
        (one, other) => sign * (compare(one[name], other[name]) || compare(one["id"], other["id"])),
      );
    }
    return selected.slice(
      offset,
      limit === undefined ? undefined : offset + limit,
    ) as unknown as readonly Row[];
  }

  getCount(options?: LocalOptions<Row, Patch>): number {
    return this.getAll(options).length;
  }

  /**
   * Calls the listener with the rows, now and on every change of the model. Returns a function that
   * removes the listener.
   */
  onChange(
    listener: (rows: readonly Row[]) => void,
    options?: LocalOptions<Row, Patch>,
  ): () => void {
    const notify = (): void => listener(this.getAll(options));
    notify();
    return this.subscribe(notify);
  }

  /**
   * Calls the listener on every change of the model: the `subscribe` of `useSyncExternalStore`,
   * with `getAll` as `getSnapshot`.
   */
  readonly subscribe = (listener: () => void): (() => void) =>
    this.#core.store.subscribe(listener, this.descriptor.key);
}

function orderOf(orderBy: object | undefined): [string | undefined, "asc" | "desc"] {
  const entries = Object.entries(orderBy ?? {}).filter(([, order]) => order !== undefined);
  if (entries.length > 1) throw invalid("`orderBy` accepts one field");
  return [entries[0]?.[0], entries[0]?.[1] ?? "asc"] as [string | undefined, "asc" | "desc"];
}

const pageOf = <Row>(
  rows: readonly unknown[],
  next: string | null,
  stamp: number | undefined,
): Page<Row> => Object.assign(rows as Row[], { next, stamp });

/** A change of the row of a claim. */
type Change = { action: "update" | "delete"; data?: AnyRow; relative?: AnyRow };

class ClaimHandle<Row, Patch, Relative> implements Claim<Row, Patch, Relative> {
  readonly object = "claim";
  readonly claimId: string;
  readonly target: { readonly model: string; readonly id: string };
  readonly lost: Promise<AbloError>;
  data: Row | undefined;
  stamp = 0;
  readonly #core: Core;
  readonly #lease: Lease;
  readonly #read: () => Promise<{ data: Row | undefined; stamp: number }>;
  #released = false;

  constructor(
    core: Core,
    model: string,
    id: string,
    lease: Lease,
    read: () => Promise<{ data: Row | undefined; stamp: number }>,
  ) {
    this.#core = core;
    this.#lease = lease;
    this.#read = read;
    this.claimId = lease.id;
    this.target = { model, id };
    this.lost = new Promise((resolve) => {
      const check = (): void => {
        if (lease.state === "ended" && !this.#released)
          resolve(lease.error ?? claimLost("expired"));
      };
      lease.changed.add(check);
      check();
    });
    core.held.set(`${model}\0${id}`, this);
  }

  get isHeld(): boolean {
    return this.#lease.state === "held";
  }

  update({
    data,
    relative,
    ...options
  }: Update<Patch, Relative> & WriteOptions): Promise<Written<Row>> {
    return this.#write({ action: "update", data, relative } as Change, options);
  }

  delete(options: WriteOptions = {}): Promise<Written<Row>> {
    return this.#write({ action: "delete" }, options);
  }

  async #write(operation: Change, options: WriteOptions): Promise<Written<Row>> {
    if (!this.isHeld) throw this.#lease.error ?? claimLost("expired");
    return this.#core.write(
      { ...operation, ...this.target },
      { ...options, claim: this },
    ) as Promise<Written<Row>>;
  }

  async refresh(): Promise<Row | undefined> {
    ({ data: this.data, stamp: this.stamp } = await this.#read());
    return this.data;
  }

  async release(): Promise<void> {
    this.#released = true;
    const key = `${this.target.model}\0${this.target.id}`;
    if (this.#core.held.get(key) === this) this.#core.held.delete(key);
    if (!this.isHeld) return;
    // The response confirms that the row is free.
    const ended = this.#core.http.send("DELETE", ["v1", "intents", this.claimId]);
    this.#lease.end();
    await ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Errors are ignored: without a release, the claim ends when its lease expires.
    await this.release().catch(() => {});
  }
}
