// The interfaces that an application implements, and the types of requests.

import type * as wire from "./wire.js";

/** The part of `Request` that the handler uses. */
export interface Incoming {
  readonly method: string;
  readonly headers: { get(name: string): string | null };
  readonly body: {
    getReader(): {
      read(): Promise<{ done: boolean; value?: Uint8Array | undefined }>;
      cancel(): Promise<void>;
    };
  } | null;
}

/** `Response`, if the environment declares it. */
export type Outgoing = typeof globalThis extends { Response: { prototype: infer Response } }
  ? Response
  : unknown;

// Globals are accessed through `host`, which makes the file independent of `lib`.
/** @internal */ export interface Host {
  Response: new (
    body: string,
    init: { status: number; headers: Record<string, string> },
  ) => Outgoing;
  TextEncoder: new () => { encode(text: string): Uint8Array };
  TextDecoder: new (
    label: string,
    options: { fatal: boolean },
  ) => { decode(bytes: Uint8Array): string };
  atob(base64: string): string;
  crypto: {
    subtle: {
      importKey(
        format: "raw",
        key: Uint8Array,
        algorithm: { name: string; hash: string },
        extractable: boolean,
        usages: string[],
      ): Promise<unknown>;
      verify(
        algorithm: string,
        key: unknown,
        signature: Uint8Array,
        data: Uint8Array,
      ): Promise<boolean>;
    };
  };
}

/** @internal */ export const host: Host = globalThis as unknown as Host;

/** The context of a request: its signature and scope. */
export interface Call {
  /** The id of the signed message. */
  readonly messageId: string;
  /** The time of the signature, in seconds since 1970. */
  readonly signedAt: number;
  /** The participant and organisation that the request is made for. */
  readonly scope: wire.SourceScope;
  /** Whether the request is for test data. */
  readonly isTest: boolean;
}

/** The kind of a request. */
export type Scope = "load" | "list" | "commit" | "events";

/** A page of rows. */
export interface Page<Row> {
  rows: Row[];
  /** The cursor of the next page; absent on the last page. */
  nextCursor?: string;
}

/** Reads and writes the rows of a model in a transaction. */
export interface Table<Tx, Row, Create, Patch> {
  /** Loads a row by id. Returns null if it does not exist in the caller's organisation. */
  load(tx: Tx, id: string, call: Call): Promise<Row | null>;
  /** Lists a page of rows. */
  list(tx: Tx, query: wire.SourceQuery, call: Call): Promise<Page<Row>>;
  /** Creates a row, with a new id if `id` is null. */
  create(tx: Tx, id: string | null, data: Create, call: Call): Promise<Row>;
  /** Updates a row and returns it. Returns null if it does not exist. */
  update(tx: Tx, id: string, data: Patch, call: Call): Promise<Row | null>;
  /** Deletes a row and returns its last state. Returns null if it does not exist. */
  delete(tx: Tx, id: string, call: Call): Promise<Row | null>;
  /** Archives or restores a row and returns it. Returns null if it does not exist. */
  archive?(tx: Tx, id: string, archived: boolean, call: Call): Promise<Row | null>;
}

/** Your database: transactions, the answers of applied commits and the outbox. */
export interface Ledger<Tx> {
  /** Runs work in one transaction, which is rolled back if it throws. */
  transaction<T>(call: Call, work: (tx: Tx) => Promise<T>): Promise<T>;
  /**
   * Reserves the id of a commit for this transaction and returns null, or returns the stored answer
   * if the commit was applied before. A second transaction with the same id waits for the first.
   */
  reserveCommit(tx: Tx, commit: string): Promise<string | null>;
  /** Stores the answer of a commit. */
  storeAnswer(tx: Tx, commit: string, rows: string): Promise<void>;
  /** Appends an event to the outbox. */
  appendEvent(tx: Tx, event: wire.SourceEvent): Promise<void>;
  /**
   * Reads the events of the caller's organisation after a cursor. The order is final: no later call
   * returns an event that belongs before one that was returned.
   */
  readEvents(
    tx: Tx,
    cursor: string | null,
    limit: number,
    call: Call,
  ): Promise<{ events: wire.SourceEvent[]; nextCursor?: string }>;
}

/** The options of an endpoint. */
export interface SourceOptions<Tx, Tables> {
  /** The key with which the coordinator signs; several during a key rotation. */
  key:
    | string
    | readonly string[]
    | (() => string | readonly string[] | Promise<string | readonly string[]>);
  ledger: Ledger<Tx>;
  /** The tables by model key. Requests for other models are refused as not configured. */
  models: Tables;
  /**
   * Returns the permitted kinds of requests. Default: all. A thrown `SourceError` is returned to
   * the coordinator.
   */
  authorize?:
    | ((call: Call) => readonly Scope[] | undefined | Promise<readonly Scope[] | undefined>)
    | ((call: Call) => void | Promise<void>);
  /** Receives unexpected errors, whose details are not sent to the coordinator. */
  onError?(error: unknown): void;
  /**
   * The maximum difference between the time of a message and the local time, in seconds. Default:
   * 300.
   */
  tolerance?: number;
}

/** A refusal that is returned to the coordinator. */
export class SourceError extends Error {
  readonly code: wire.SourceErrorCode;
  readonly status: number;
  readonly details: Partial<wire.SourceFailure>;

  constructor(
    code: wire.SourceErrorCode,
    message?: string,
    status: number = 400,
    details: Partial<wire.SourceFailure> = {},
  ) {
    super(message ?? code);
    this.name = "SourceError";
    [this.code, this.status, this.details] = [code, status, details];
  }
}

/** @internal */ export interface Operation {
  type: string;
  model: string;
  id?: string | null;
  input?: unknown;
}

/** Rows as JSON. Rows returned by a table are not validated. */
/** @internal */ export type AnyRow = { readonly id: string };
/** @internal */ export type AnyTable = Table<unknown, AnyRow, unknown, unknown>;
