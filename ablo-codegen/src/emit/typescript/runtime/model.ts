// One model: its rows, the writes to them, and the claims on them.

import type * as wire from "./wire.js";
import type { ModelDescriptor } from "./descriptors.js";
import { type ClaimOptions, type Lease } from "./claims.js";
import { type Core } from "./core.js";
import { AbloError, claimLost, errorOf, invalid } from "./errors.js";
import { clauses, compare, matches, parameters, type Clause, type Where } from "./filter.js";
import { type Duration, milliseconds, sleep, uuid } from "./platform.js";
import { isArchived, rowsOf, type AnyRow } from "./store.js";

/** A row, and where in the log it was read. */
export interface Read<Row> {
  data: Row;
  /** Writes may be based on it: `readAt`. */
  stamp: number;
  /** Who holds the row, and who waits for it. */
  claims: readonly wire.ModelClaim[];
}

/** What is done about a row that another holds. */
export interface RetrieveOptions {
  id: string;
  /** `return` without it. */
  ifClaimed?: "return" | "fail" | "wait";
  /** How long to wait; half a minute without it. */
  claimedTimeout?: Duration;
}

/** Which rows, in what order, and how many. */
export interface ListOptions<Row> {
  where?: Where<Row>;
  orderBy?: { readonly [name in keyof Where<Row>]?: "asc" | "desc" };
  /** Rows of a page, at most 100; 20 without it. */
  limit?: number;
  /** The `next` of an earlier page. */
  after?: string;
}

/** Some rows, with what leads to more. */
export interface Page<Row> extends Array<Row> {
  /** Where the next page begins; null after the last one. */
  next: string | null;
  /** Where in the log they were read. */
  stamp: number | undefined;
}

/** Rows that are still to be asked for: awaited it is a page, iterated every row of every page. */
export interface List<Row> extends PromiseLike<Page<Row>>, AsyncIterable<Row> {
  pages(): AsyncIterableIterator<Page<Row>>;
}

/** Which of the rows that are here, and in what order. */
export interface LocalOptions<Row> {
  where?: Where<Row>;
  filter?: (row: Row) => boolean;
  orderBy?: { readonly [name in keyof Where<Row>]?: "asc" | "desc" };
  limit?: number;
  offset?: number;
  /** Rows that are archived are left out without it. */
  state?: "live" | "archived" | "all";
}

/** How a write is made. */
export interface WriteOptions {
  /** The same key again is the same write; made for you when absent. */
  idempotencyKey?: string;
  /** The write is refused when others changed the same fields after this place in the log. */
  readAt?: number;
  onStale?: wire.OnStale;
  /** A claim it is made under; one that this client holds on the row counts by itself. */
  claim?: { readonly claimId: string };
  /** The turn of an agent that caused it. */
  causedByTaskId?: string;
}

/** A write that is confirmed. */
export interface Written {
  /** The row. */
  id: string;
  /** The commit. */
  commit: string;
  /** Where in the log it is. */
  stamp: number;
}

/** A row that is held. `await using` releases it. */
export interface Claim<Row, Patch> extends AsyncDisposable {
  readonly object: "claim";
  readonly claimId: string;
  readonly target: { readonly model: string; readonly id: string };
  /** The row as it was when it was granted; undefined where there is none yet. */
  readonly data: Row | undefined;
  /** Where in the log that was. */
  readonly stamp: number;
  readonly isHeld: boolean;
  /** Settles when the claim is lost before it was released, with the reason. */
  readonly lost: Promise<AbloError>;
  /** Writes to the row; refused when others changed the same fields since it was granted. */
  update(options: { data: Patch } & WriteOptions): Promise<Written>;
  delete(options?: WriteOptions): Promise<Written>;
  /** Reads the row again; writes are based on that from then on. */
  refresh(): Promise<Row | undefined>;
  release(): Promise<void>;
}

/** Claims on the rows of a model. */
export interface Claims<Row, Patch> {
  /** Waits for its turn, then gives the fresh row. */
  (options: ClaimOptions): Promise<Claim<Row, Patch>>;
  /** Who holds a row. */
  state(options: { id: string }): Promise<wire.ModelClaim | null>;
  /** Who waits for a row, the next one first. */
  queue(options: { id: string }): Promise<readonly wire.ModelClaim[]>;
  /** Puts these first in the line, in this order. */
  reorder(options: { id: string; order: readonly { readonly id: string; readonly actor: string }[] }): Promise<void>;
  /** Gives up whatever this participant holds of a row; whether that was anything. */
  release(options: { id: string }): Promise<boolean>;
  /** Who else holds a row, as it was told last; needs `ready()`. */
  holder(id: string): wire.ActiveIntent | undefined;
}

/** How often to look whether a row is free, in milliseconds. */
const LOOK = 500;
/** Rows that one query gives at most. */
const MOST = 1000;

/** The rows of one model. */
export class Model<Row extends { id: string }, Create, Patch> {
  readonly descriptor: ModelDescriptor;
  readonly claim: Claims<Row, Patch>;
  readonly #core: Core;

  /** @internal */
  constructor(core: Core, descriptor: ModelDescriptor) {
    this.#core = core;
    this.descriptor = descriptor;
    const key = descriptor.key;
    const line = (id: string): Promise<wire.IntentList> =>
      core.http.send("GET", ["v1", "intents"], undefined, [["model", key], ["id", id]]);
    const path = (id: string, ...more: string[]): string[] => ["v1", "models", key, id, "claim", ...more];
    this.claim = Object.assign((options: ClaimOptions) => this.#claim(options), {
      state: async ({ id }: { id: string }) => (await line(id)).intents[0] ?? null,
      queue: async ({ id }: { id: string }) => (await line(id)).queue,
      reorder: async ({ id, order }: { id: string; order: readonly { readonly id: string; readonly actor: string }[] }) => {
        const body = { order: order.map((claim) => ({ heldBy: claim.actor, intentId: claim.id })) };
        await core.http.send("POST", path(id, "reorder"), body);
      },
      release: async ({ id }: { id: string }) => {
        const answer = await core.http.send<wire.ClaimReleased>("DELETE", path(id));
        return answer.released ?? answer.ok;
      },
      holder: (id: string) => core.presence.holder(key, id),
    });
  }

  /** One row, as the coordinator has it. */
  async retrieve({ id, ifClaimed = "return", claimedTimeout = 30 }: RetrieveOptions): Promise<Read<Row>> {
    const until = Date.now() + (ifClaimed === "wait" ? milliseconds(claimedTimeout) : 0);
    for (;;) {
      const read = await this.#read(id);
      if (ifClaimed === "return") return read;
      const holder = read.claims.find((claim) => claim.status !== "queued" && !this.#core.holds(claim.id));
      if (holder === undefined) return read;
      if (Date.now() + LOOK >= until) {
        const code = ifClaimed === "fail" ? "model_claimed" : "model_claimed_timeout";
        const details = { claims: read.claims, heldBy: holder.actor, heldByExpiresAt: holder.expiresAt };
        throw errorOf(`"${id}" is held by ${holder.actor}`, { code, status: 409, details });
      }
      await sleep(LOOK);
    }
  }

  #read(id: string): Promise<Read<Row>> {
    return this.#core.store.reading(this.descriptor.key, async () => {
      const path = ["v1", "models", this.descriptor.key, id];
      const { data, stamp, claims } = await this.#core.http.send<wire.Read>("GET", path);
      return { rows: [data as AnyRow], stamp, value: { data: data as unknown as Row, stamp, claims } };
    });
  }

  /** Rows, a page at a time. */
  list(options: ListOptions<Row> = {}): List<Row> {
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

  #page(options: ListOptions<Row>, plain: [string, string][], after: string | undefined): Promise<Page<Row>> {
    const query = [...plain];
    const [name, order] = orderOf(options.orderBy);
    if (name !== undefined) query.push(["order_by", name], ["order", order]);
    if (options.limit !== undefined) query.push(["limit", String(options.limit)]);
    if (after !== undefined) query.push(["starting_after", after]);
    return this.#core.store.reading(this.descriptor.key, async () => {
      const path = ["v1", "models", this.descriptor.key];
      const page = await this.#core.http.send<wire.ListPage>("GET", path, undefined, query);
      return { rows: page.data as AnyRow[], stamp: page.stamp, value: pageOf(page.data, page.next_cursor, page.stamp) };
    });
  }

  // Pages know equality alone. Without an order there are pages of a query too: what comes after an id.
  #query(options: ListOptions<Row>, found: Clause[], after: string | undefined): Promise<Page<Row>> {
    const [name, order] = orderOf(options.orderBy);
    const limit = Math.min(options.limit ?? 20, MOST);
    const where = [...found, ...(after === undefined ? [] : [["id", ">", after] as const])];
    if (name !== undefined && after !== undefined) throw invalid("pages of a query have the order of their ids: leave out `orderBy`, or `after`");
    const query: wire.Query = { model: this.descriptor.key, where: where.map((clause) => [...clause]), limit, orderBy: name ?? "id", order };
    return this.#core.store.reading(this.descriptor.key, async () => {
      const answer = await this.#core.http.send<wire.QueryResponse>("POST", ["sync", "query"], { queries: [query] });
      const rows = rowsOf(answer.results[0]);
      const more = name === undefined && rows.length === limit ? String(rows[rows.length - 1]!["id"]) : null;
      return { rows, stamp: answer.lastSyncId, value: pageOf<Row>(rows, more, answer.lastSyncId) };
    });
  }

  /** Makes a row. Its id is known before anything is sent, so that a repeated create is the same row. */
  create({ data, id, ...options }: { data: Create; id?: string } & WriteOptions): Promise<Written> {
    const own = id ?? (data as { id?: string }).id ?? uuid();
    return this.#write("create", own, data, options);
  }

  /** Changes what is in `data`: null clears, absent keeps. */
  update({ id, data, ...options }: { id: string; data: Patch } & WriteOptions): Promise<Written> {
    return this.#write("update", id, data, options);
  }

  delete({ id, ...options }: { id: string } & WriteOptions): Promise<Written> {
    return this.#write("delete", id, undefined, options);
  }

  async #write(action: "create" | "update" | "delete", id: string, data: unknown, options: WriteOptions): Promise<Written> {
    const operation = { action, model: this.descriptor.key, id, ...(action === "delete" ? {} : { data: data as AnyRow }) };
    const { id: commit, stamp } = await this.#core.commit([operation], options);
    return { id, commit, stamp };
  }

  async #claim(options: ClaimOptions): Promise<Claim<Row, Patch>> {
    const lease = await this.#core.lease(this.descriptor.key, options);
    try {
      await lease.granted(options);
      const handle = new Held<Row, Patch>(this.#core, this.descriptor.key, options.id, lease, () => this.#fresh(options.id));
      await handle.refresh();
      return handle;
    } catch (error) {
      lease.end();
      throw error;
    }
  }

  // A row that is still to be made can be claimed too.
  async #fresh(id: string): Promise<{ data: Row | undefined; stamp: number }> {
    try {
      return await this.#read(id);
    } catch (error) {
      if (error instanceof AbloError && error.status === 404) return { data: undefined, stamp: 0 };
      throw error;
    }
  }

  /** A row that is here, with what this client is writing to it; needs `ready()`. The same object until it changes. */
  get(id: string): Row | undefined {
    return this.#core.store.get(this.descriptor.key, id) as unknown as Row | undefined;
  }

  /** Rows that are here; needs `ready()`. Without options the same array until one of them changes. */
  getAll(options?: LocalOptions<Row>): readonly Row[] {
    const { where, filter, orderBy, limit, offset = 0, state = "live" } = options ?? {};
    const rows = this.#core.store.rows(this.descriptor.key, state === "live" ? "live" : "all");
    if (options === undefined) return rows as unknown as readonly Row[];
    const found = clauses(where ?? {});
    const meant = rows.filter((row) => {
      return (state !== "archived" || isArchived(row)) && matches(row, found) && (filter === undefined || filter(row as unknown as Row));
    });
    const [name, order] = orderOf(orderBy);
    if (name !== undefined) {
      const sign = order === "desc" ? -1 : 1;
      meant.sort((one, other) => sign * compare(one[name], other[name]));
    }
    return meant.slice(offset, limit === undefined ? undefined : offset + limit) as unknown as readonly Row[];
  }

  getCount(options?: LocalOptions<Row>): number {
    return this.getAll(options).length;
  }

  /** Runs with the rows now and whenever one of the model changes; gives what ends that. */
  onChange(listener: (rows: readonly Row[]) => void, options?: LocalOptions<Row>): () => void {
    const tell = (): void => listener(this.getAll(options));
    tell();
    return this.subscribe(tell);
  }

  /** Runs whenever a row of the model changes: the first half of what `useSyncExternalStore` takes; `getAll` is the other. */
  readonly subscribe = (listener: () => void): (() => void) => this.#core.store.subscribe(listener, this.descriptor.key);
}

function orderOf(orderBy: object | undefined): [string | undefined, "asc" | "desc"] {
  const entries = Object.entries(orderBy ?? {}).filter(([, order]) => order !== undefined);
  if (entries.length > 1) throw invalid("rows are ordered by one field");
  return [entries[0]?.[0], entries[0]?.[1] ?? "asc"] as [string | undefined, "asc" | "desc"];
}

const pageOf = <Row>(rows: readonly unknown[], next: string | null, stamp: number | undefined): Page<Row> =>
  Object.assign(rows as Row[], { next, stamp });

class Held<Row, Patch> implements Claim<Row, Patch> {
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

  constructor(core: Core, model: string, id: string, lease: Lease, read: () => Promise<{ data: Row | undefined; stamp: number }>) {
    this.#core = core;
    this.#lease = lease;
    this.#read = read;
    this.claimId = lease.id;
    this.target = { model, id };
    this.lost = new Promise((tell) => {
      const look = (): void => {
        if (lease.standing === "over" && !this.#released) tell(lease.error ?? claimLost("expired"));
      };
      lease.changed.add(look);
      look();
    });
    core.held.set(`${model}\0${id}`, this);
  }

  get isHeld(): boolean {
    return this.#lease.standing === "held";
  }

  update({ data, ...options }: { data: Patch } & WriteOptions): Promise<Written> {
    return this.#write({ action: "update", data: data as AnyRow }, options);
  }

  delete(options: WriteOptions = {}): Promise<Written> {
    return this.#write({ action: "delete" }, options);
  }

  async #write(what: { action: "update" | "delete"; data?: AnyRow }, options: WriteOptions): Promise<Written> {
    if (!this.isHeld) throw this.#lease.error ?? claimLost("expired");
    const { id: commit, stamp } = await this.#core.commit([{ ...what, ...this.target }], { ...options, claim: this });
    return { id: this.target.id, commit, stamp };
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
    // The answer says that the next one may have it.
    const ended = this.#core.http.send("DELETE", ["v1", "intents", this.claimId]);
    this.#lease.end();
    await ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // What was done in the block is done: where nobody can be told, the claim ends with its time.
    await this.release().catch(() => {});
  }
}
