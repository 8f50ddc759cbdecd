// The options and results of a model's methods.

import type * as wire from "./wire.js";
import { type ClaimOptions } from "./claims.js";
import { type AbloError } from "./errors.js";
import { type Where } from "./filter.js";
import { type Duration } from "./platform.js";

/** A row with the sync id at which it was read. */
export interface Read<Row> {
  data: Row;
  /** The sync id of the read: the `readAt` of writes based on it. */
  stamp: number;
  /** The holder of the row and its waiters. */
  claims: readonly wire.ModelClaim[];
}

/** The options of `retrieve`. */
export interface RetrieveOptions {
  id: string;
  /** The behaviour if another participant holds the row. Default: `return`. */
  ifClaimed?: "return" | "fail" | "wait";
  /** The maximum time to wait. Default: 30 seconds. */
  claimedTimeout?: Duration;
}

/** The selection and order of rows. */
export interface ListOptions<Row, Patch = object> {
  where?: Where<Row, Patch>;
  orderBy?: { readonly [name in keyof Where<Row>]?: "asc" | "desc" };
  /** The number of rows in a page, at most 100. Default: 20. */
  limit?: number;
  /** The `next` of the previous page. */
  after?: string;
}

/** A page of rows. */
export interface Page<Row> extends Array<Row> {
  /** The cursor of the next page; null on the last page. */
  next: string | null;
  /** The sync id of the read. */
  stamp: number | undefined;
}

/** A lazy list: `await` reads one page, `for await` iterates over the rows of all pages. */
export interface List<Row> extends PromiseLike<Page<Row>>, AsyncIterable<Row> {
  pages(): AsyncIterableIterator<Page<Row>>;
}

/** The selection and order of local rows. */
export interface LocalOptions<Row, Patch = object> {
  where?: Where<Row, Patch>;
  filter?: (row: Row) => boolean;
  orderBy?: { readonly [name in keyof Where<Row>]?: "asc" | "desc" };
  limit?: number;
  offset?: number;
  /** Default: `live`, which excludes archived rows. */
  state?: "live" | "archived" | "all";
}

/** The options of a write. */
export interface WriteOptions {
  /** Identifies the write: repeating a key has no further effect. Default: a random key. */
  idempotencyKey?: string;
  /**
   * The sync id that the write is based on. The write is refused if the same fields were changed
   * since, also by this participant: other programs may have its key, and the read may be older
   * than this client's own writes.
   */
  readAt?: number;
  /** Earlier writes of this client on which the write is based, beside `readAt`. */
  after?: readonly { readonly operations: readonly string[] }[];
  onStale?: wire.OnStale;
  /**
   * The claim under which the write is made. Default: the claim that this client holds on the row.
   */
  claim?: { readonly claimId: string };
  /** The id of the agent turn that causes the write. */
  causedByTaskId?: string;
  /**
   * When the write settles: `confirmed` by the coordinator, or `queued`, which a client that is not
   * live ignores. Default: `confirmed`, which takes as long as an outage.
   */
  wait?: "queued" | "confirmed";
}

/**
 * A change of a row: the members in `data` are set, those in `relative` start from their current
 * values.
 */
export type Update<Patch, Relative> =
  | { data: Patch; relative?: Relative }
  | { data?: Patch; relative: Relative };

/** A write that is confirmed or queued. */
export interface Written<Row = unknown> {
  /** The id of the row. */
  id: string;
  /** The id of the commit. */
  commit: string;
  /** The sync id of the write; 0 if it is not confirmed. */
  stamp: number;
  /** The local row after the write; undefined if it was deleted, or without `ready()`. */
  data?: Row | undefined;
  /** The transaction id of the operation. */
  operations: readonly string[];
}

/** A claim that is held. `await using` releases it. */
export interface Claim<Row, Patch, Relative = never> extends AsyncDisposable {
  readonly object: "claim";
  readonly claimId: string;
  readonly target: { readonly model: string; readonly id: string };
  /** The row at the time of the grant; undefined if it does not exist. */
  readonly data: Row | undefined;
  /** The sync id at which `data` was read. */
  readonly stamp: number;
  readonly isHeld: boolean;
  /** Resolves with the reason if the claim is lost before it is released. */
  readonly lost: Promise<AbloError>;
  /** Updates the row; refused if others have changed the same fields since `stamp`. */
  update(options: Update<Patch, Relative> & WriteOptions): Promise<Written<Row>>;
  delete(options?: WriteOptions): Promise<Written<Row>>;
  /** Reads the row again and updates `data` and `stamp`. */
  refresh(): Promise<Row | undefined>;
  release(): Promise<void>;
}

/** Claims on the rows of a model. */
export interface Claims<Row, Patch, Relative = never> {
  /** Claims a row. Waits in its claim queue if another client holds it, of any participant. */
  (options: ClaimOptions): Promise<Claim<Row, Patch, Relative>>;
  /** Returns the claim of the other client that holds a row, of any participant. */
  state(options: { id: string }): Promise<wire.ModelClaim | null>;
  /** Returns the claim queue of a row, next first. */
  queue(options: { id: string }): Promise<readonly wire.ModelClaim[]>;
  /** Moves these waiters to the front of the claim queue, in this order. */
  reorder(options: {
    id: string;
    order: readonly { readonly id: string; readonly actor: string }[];
  }): Promise<void>;
  /** Releases this client's claims on a row and returns whether there were any. */
  release(options: { id: string }): Promise<boolean>;
  /**
   * Returns the claim of the other client that holds a row, of any participant, as last received;
   * requires `ready()`.
   */
  holder(id: string): wire.ActiveIntent | undefined;
}
