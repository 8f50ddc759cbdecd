// Your own database stays canonical: the endpoint that a coordinator asks for rows, and tells what to commit.
//
// A signed request comes in, an answer goes out, both of the web's standard. Nothing is read before its signature is checked. What a commit
// does is one transaction of yours: the ledger, the rows and the outbox.

import type * as wire from "./wire.js";

/** A piece of `Request`. */
export interface Incoming {
  readonly method: string;
  readonly headers: { get(name: string): string | null };
  readonly body: { getReader(): { read(): Promise<{ done: boolean; value?: Uint8Array | undefined }>; cancel(): Promise<void> } } | null;
}

/** `Response`, where the program's surroundings have it. */
export type Outgoing = typeof globalThis extends { Response: { prototype: infer Response } } ? Response : unknown;

// Nothing global is named, so that no `lib` is needed.
interface Host {
  Response: new (body: string, init: { status: number; headers: Record<string, string> }) => Outgoing;
  TextEncoder: new () => { encode(text: string): Uint8Array };
  TextDecoder: new (label: string, options: { fatal: boolean }) => { decode(bytes: Uint8Array): string };
  atob(base64: string): string;
  crypto: {
    subtle: {
      importKey(format: "raw", key: Uint8Array, algorithm: { name: string; hash: string }, extractable: boolean, usages: string[]): Promise<unknown>;
      verify(algorithm: string, key: unknown, signature: Uint8Array, data: Uint8Array): Promise<boolean>;
    };
  };
}

const host: Host = globalThis as unknown as Host;

/** A request, as its signature and its scope say. */
export interface Call {
  /** The message. */
  readonly messageId: string;
  /** When it was signed, in seconds since 1970. */
  readonly signedAt: number;
  /** For whom it is made. */
  readonly scope: wire.SourceScope;
  /** Whether it is about data of development. */
  readonly isTest: boolean;
}

/** What a request may be about. */
export type Scope = "load" | "list" | "commit" | "events";

/** A page of rows, and where the next one starts; nowhere where it is the last. */
export interface Page<Row> {
  rows: Row[];
  nextCursor?: string;
}

/** The rows of a model, read and written in a transaction. */
export interface Table<Tx, Row, Create, Patch> {
  /** A row by its id; null where there is none that the caller's organisation may see. */
  load(tx: Tx, id: string, call: Call): Promise<Row | null>;
  /** A page of rows. */
  list(tx: Tx, query: wire.SourceQuery, call: Call): Promise<Page<Row>>;
  /** A new row; its id is made here where none is given. */
  create(tx: Tx, id: string | null, data: Create, call: Call): Promise<Row>;
  /** The row after the change; null where there is none. */
  update(tx: Tx, id: string, data: Patch, call: Call): Promise<Row | null>;
  /** The row as it was; null where there was none. */
  delete(tx: Tx, id: string, call: Call): Promise<Row | null>;
  /** The row, put away or brought back; null where there is none. */
  archive?(tx: Tx, id: string, archived: boolean, call: Call): Promise<Row | null>;
}

/** Your database, as far as it is the same for every model. */
export interface Ledger<Tx> {
  /** Runs work in one transaction: all of it is kept, or none where it throws. */
  transaction<T>(call: Call, work: (tx: Tx) => Promise<T>): Promise<T>;
  /**
   * Takes a commit for this transaction and gives null, or what it was answered with before. Two of the same that come at once follow
   * each other.
   */
  claim(tx: Tx, commit: string): Promise<string | null>;
  /** Remembers what a commit was answered with. */
  answer(tx: Tx, commit: string, rows: string): Promise<void>;
  /** Puts an event into the outbox. */
  tell(tx: Tx, event: wire.SourceEvent): Promise<void>;
  /** Events behind a cursor, of the caller's organisation, in an order in which nothing comes in before what was given. */
  told(tx: Tx, cursor: string | null, limit: number, call: Call): Promise<{ events: wire.SourceEvent[]; nextCursor?: string }>;
}

/** An endpoint. */
export interface SourceOptions<Tx, Tables> {
  /** The key that the coordinator signs with; several while one takes the place of another. */
  key: string | readonly string[] | (() => string | readonly string[] | Promise<string | readonly string[]>);
  ledger: Ledger<Tx>;
  /** Each model's rows, by its key; what is left out is refused as not configured. */
  models: Tables;
  /** What a request may do; everything where nothing is given. What it throws is answered. */
  authorize?(call: Call): readonly Scope[] | void | Promise<readonly Scope[] | void>;
  /** Hears why something failed; the coordinator hears only that it did. */
  onError?(error: unknown): void;
  /** How far a message's time may be from ours, in seconds. */
  tolerance?: number;
}

/** A refusal that the coordinator hands on. */
export class SourceError extends Error {
  readonly code: wire.SourceErrorCode;
  readonly status: number;
  readonly details: Partial<wire.SourceFailure>;

  constructor(code: wire.SourceErrorCode, message?: string, status: number = 400, details: Partial<wire.SourceFailure> = {}) {
    super(message ?? code);
    this.name = "SourceError";
    [this.code, this.status, this.details] = [code, status, details];
  }
}

interface Operation {
  type: string;
  model: string;
  id?: string | null;
  input?: unknown;
}

/** Rows as JSON: what a table gives is trusted to be of its model. */
type AnyRow = { readonly id: string };
type AnyTable = Table<unknown, AnyRow, unknown, unknown>;

const LARGEST = 4 << 20;
const REMEMBERED = 65536;
const SCOPES: readonly Scope[] = ["load", "list", "commit", "events"];
const VERBS = ["CREATE", "UPDATE", "DELETE", "ARCHIVE", "UNARCHIVE"];

function refuse(code: wire.SourceErrorCode, status: number, message?: string, details: Partial<wire.SourceFailure> = {}): SourceError {
  return new SourceError(code, message, status, details);
}

function json(status: number, body: unknown): Outgoing {
  return new host.Response(JSON.stringify(body), { status, headers: { "content-type": "application/json" } });
}

/** The bytes of a body, up to a limit. */
async function read(request: Incoming): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let length = 0;
  const reader = request.body?.getReader();
  for (;;) {
    const { value } = (await reader?.read()) ?? {};
    if (value === undefined) break;
    length += value.length;
    if (length > LARGEST) {
      await reader?.cancel();
      throw refuse("source_body_too_large", 413);
    }
    parts.push(value);
  }
  const whole = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

function bytes(base64: string): Uint8Array | null {
  try {
    return Uint8Array.from(host.atob(base64), (letter) => letter.charCodeAt(0));
  } catch {
    return null;
  }
}

/** Checks signatures, and takes a message once. */
class Verifier {
  readonly #seen: Map<string, number> = new Map();
  readonly #tolerance: number;

  constructor(tolerance: number) {
    this.#tolerance = tolerance;
  }

  /** The key that has signed it. */
  async verify(keys: readonly string[], request: Incoming, body: Uint8Array): Promise<{ key: string; id: string; at: number }> {
    const refused = (code: wire.SourceErrorCode): SourceError => refuse(code, 401);
    if (keys.length === 0) throw refused("source_api_key_missing");
    const id = request.headers.get("webhook-id");
    if (!id) throw refused("source_id_missing");
    const said = request.headers.get("webhook-timestamp");
    if (!said) throw refused("source_timestamp_missing");
    if (!/^\d{1,15}$/.test(said.trim())) throw refused("source_timestamp_invalid");
    const at = Number(said);
    const now = Math.floor(Date.now() / 1000);
    if (Math.abs(now - at) > this.#tolerance) throw refused("source_timestamp_expired");
    const given = (request.headers.get("webhook-signature") ?? "")
      .split(" ")
      .flatMap((part) => (part.startsWith("v1,") ? [bytes(part.slice(3))] : []))
      .filter((part) => part !== null)
      .slice(0, 16);
    if (given.length === 0) throw refused("source_signature_missing");
    const encoder = new host.TextEncoder();
    const head = encoder.encode(`${id}.${said.trim()}.`);
    const message = new Uint8Array(head.length + body.length);
    message.set(head);
    message.set(body, head.length);
    // Every key is tried with every signature, each in constant time: how long it takes says nothing.
    let found: string | undefined;
    for (const key of keys) {
      const hmac = await host.crypto.subtle.importKey("raw", encoder.encode(key), { name: "HMAC", hash: "SHA-256" }, false, ["verify"]);
      for (const signature of given) {
        if (await host.crypto.subtle.verify("HMAC", hmac, signature, message)) found = key;
      }
    }
    if (found === undefined) throw refused("source_signature_invalid");
    const name = `${at}.${id}`;
    if (this.#seen.has(name)) throw refused("source_message_replayed");
    this.#remember(name, at, now);
    return { key: found, id, at };
  }

  #remember(name: string, at: number, now: number): void {
    this.#seen.set(name, at);
    for (const [known, when] of this.#seen) {
      if (this.#seen.size <= REMEMBERED && now - when <= this.#tolerance) break;
      this.#seen.delete(known);
    }
  }
}

function text(value: unknown): value is string {
  return typeof value === "string" && value !== "";
}

/** The operations of a commit that can be told apart from others. */
function operations(body: wire.SourceCommit): Operation[] {
  if (!text(body.clientTxId)) throw refuse("source_commit_requires_client_tx_id", 400);
  const invalid = (why: string): SourceError => refuse("source_commit_invalid", 400, why);
  if (!Array.isArray(body.operations) || body.operations.length === 0) throw invalid("a commit has operations");
  const all = body.operations as readonly Operation[];
  all.forEach(({ type, model, id }, at) => {
    if (!VERBS.includes(type)) throw invalid(`operation ${at}: \`${type}\` is no verb`);
    if (!text(model)) throw invalid(`operation ${at}: the model is empty`);
    if (type === "CREATE" ? id !== undefined && id !== null && !text(id) : !text(id)) throw invalid(`operation ${at}: the id is missing`);
  });
  return [...all];
}

/** A source behind signatures: a handler for a route. */
export class SourceHandler<Tx> {
  readonly #options: SourceOptions<Tx, object>;
  readonly #verifier: Verifier;

  constructor(options: SourceOptions<Tx, object>) {
    this.#options = options;
    this.#verifier = new Verifier(options.tolerance ?? 300);
  }

  /** Answers a request. */
  async handle(request: Incoming): Promise<Outgoing> {
    try {
      return json(200, await this.#answer(request));
    } catch (error) {
      if (error instanceof SourceError) return json(error.status, { error: error.code, message: error.message, ...error.details });
      this.#options.onError?.(error);
      return json(500, { error: "source_failed", message: "the source failed" });
    }
  }

  async #answer(request: Incoming): Promise<unknown> {
    if (request.method !== "POST") throw refuse("method_not_allowed", 405);
    const body = await read(request);
    const configured = typeof this.#options.key === "function" ? await this.#options.key() : this.#options.key;
    const keys = (typeof configured === "string" ? [configured] : configured).filter((key) => key !== "");
    const { key, id, at } = await this.#verifier.verify(keys, request, body);
    const asked = parse(body);
    const scope = asked.scope ?? {};
    const mode = key.startsWith("sk_test_") ? "test" : key.startsWith("sk_live_") ? "live" : undefined;
    const isTest = (scope.mode ?? mode) === "test";
    // A key of development never reaches real rows, nor the other way round.
    if (mode !== undefined && (mode === "test") !== isTest) throw refuse("source_forbidden", 403, "the key is of the other mode");
    const call: Call = { messageId: id, signedAt: at, scope, isTest };
    const kind = SCOPES.find((known) => known === asked.type);
    const granted = (await this.#options.authorize?.(call)) ?? SCOPES;
    if (kind === undefined) throw refuse("unknown_source_request", 400);
    if (!granted.includes(kind)) throw refuse("source_forbidden", 403, undefined, { required: kind, granted: [...granted] });
    const { ledger } = this.#options;
    if (asked.type === "commit") return this.#commit(asked as wire.SourceCommit, call);
    if (asked.type === "events") return this.#events(asked as wire.SourceEvents, call);
    if (asked.type === "load") {
      const { model, id: row } = asked as wire.SourceLoad;
      const table = this.#table(model, "source_load_not_configured");
      return ledger.transaction(call, async (tx) => ({ row: await table.load(tx, String(row), call) }));
    }
    const { model, query } = asked as wire.SourceList;
    const table = this.#table(model, "source_list_not_configured");
    return ledger.transaction(call, (tx) => table.list(tx, query ?? {}, call));
  }

  #table(model: string, code: wire.SourceErrorCode): AnyTable {
    const models = this.#options.models as { [key: string]: AnyTable | undefined };
    const table = Object.hasOwn(models, model) ? models[model] : undefined;
    if (table === undefined) throw refuse(code, 404, undefined, { model: String(model) });
    return table;
  }

  async #commit(asked: wire.SourceCommit, call: Call): Promise<{ rows: AnyRow[] }> {
    const all = operations(asked);
    const tables = all.map(({ model }) => this.#table(model, "source_commit_not_configured"));
    const { ledger } = this.#options;
    const organization = call.scope.organizationId;
    const commit = `${organization ?? ""}/${asked.clientTxId}`;
    return ledger.transaction(call, async (tx) => {
      const before = await ledger.claim(tx, commit);
      if (before !== null) return { rows: JSON.parse(before) as AnyRow[] };
      const rows: AnyRow[] = [];
      for (const [at, operation] of all.entries()) {
        const row = await apply(tables[at] as AnyTable, tx, operation, call);
        const entityId = row === null ? String(operation.id) : row.id;
        const data = operation.type === "DELETE" ? null : row;
        await ledger.tell(tx, {
          id: `${commit}:${at}`, model: operation.model, entityId, type: operation.type, data, occurredAt: Date.now(),
          ...(organization === undefined ? {} : { organizationId: organization }),
          ...(asked.clientTxId === undefined ? {} : { clientTxId: asked.clientTxId }),
        });
        if (row !== null) rows.push(row);
      }
      await ledger.answer(tx, commit, JSON.stringify(rows));
      return { rows };
    });
  }

  /** A page of the outbox, each event with its row as that is now: the order of transactions is not that in which they changed a row. */
  async #events(asked: wire.SourceEvents, call: Call): Promise<unknown> {
    const { ledger } = this.#options;
    const limit = Math.min(Math.max(Math.trunc(asked.limit ?? 100), 1), 1000);
    return ledger.transaction(call, async (tx) => {
      const page = await ledger.told(tx, asked.cursor ?? null, limit, call);
      const events: wire.SourceEvent[] = [];
      for (const event of page.events) {
        const { data: _, ...bare } = event;
        const models = this.#options.models as { [key: string]: AnyTable | undefined };
        const row = await models[event.model]?.load(tx, event.entityId, call);
        if (row !== undefined && row !== null) events.push({ ...bare, type: event.type === "DELETE" ? "UPDATE" : event.type, data: row });
        else events.push(event.type === "DELETE" ? { ...bare, data: null } : bare);
      }
      return page.nextCursor === undefined ? { events } : { events, nextCursor: page.nextCursor };
    });
  }
}

type Asked = { type?: unknown; scope?: wire.SourceScope };

function parse(body: Uint8Array): Asked {
  let asked: unknown;
  try {
    asked = JSON.parse(new host.TextDecoder("utf-8", { fatal: true }).decode(body));
  } catch {
    throw refuse("invalid_json", 400);
  }
  if (typeof asked !== "object" || asked === null) throw refuse("unknown_source_request", 400);
  return asked;
}

async function apply(table: AnyTable, tx: unknown, { type, model, id, input }: Operation, call: Call): Promise<AnyRow | null> {
  if (type === "CREATE") return table.create(tx, id ?? null, input ?? {}, call);
  const named = String(id);
  if (type === "DELETE") return table.delete(tx, named, call);
  if (type !== "UPDATE" && table.archive === undefined) throw refuse("source_commit_not_configured", 404, undefined, { model });
  const row = type === "UPDATE" ? await table.update(tx, named, input ?? {}, call) : await table.archive?.(tx, named, type === "ARCHIVE", call);
  if (row === undefined || row === null) throw refuse("entity_not_found", 404, `there is no ${model}/${named}`);
  return row;
}

/** Runs SQL in a transaction and gives the rows, as `client.query(text, values).then(({ rows }) => rows)` of `pg` does. */
export type Query<Tx> = (tx: Tx, sql: string, values: readonly (string | number | null)[]) => Promise<readonly { readonly [column: string]: unknown }[]>;

/** A ledger in the tables `ablo_idempotency` and `ablo_outbox` of PostgreSQL, as `ablo generate --target postgres` makes them. */
export function postgresLedger<Tx>(query: Query<Tx>, transaction: Ledger<Tx>["transaction"]): Ledger<Tx> {
  return {
    transaction,
    async claim(tx, commit) {
      const claimed = await query(tx, `INSERT INTO ablo_idempotency (client_tx_id, response) VALUES ($1, '[]') ON CONFLICT (client_tx_id) DO NOTHING RETURNING client_tx_id`, [commit]);
      if (claimed.length > 0) return null;
      const [known] = await query(tx, "SELECT response::text AS response FROM ablo_idempotency WHERE client_tx_id = $1", [commit]);
      return String(known?.["response"] ?? "[]");
    },
    async answer(tx, commit, rows) {
      await query(tx, "UPDATE ablo_idempotency SET response = $2::jsonb WHERE client_tx_id = $1", [commit, rows]);
    },
    async tell(tx, { id, model, entityId, type, organizationId, clientTxId, occurredAt }) {
      const values = [id, model, entityId, type, organizationId ?? null, clientTxId ?? null, occurredAt ?? null];
      await query(tx, "INSERT INTO ablo_outbox (id, model, entity_id, type, organization_id, client_tx_id, occurred_at) VALUES ($1, $2, $3, $4, $5, $6, $7)", values);
    },
    async told(tx, cursor, limit, { scope }) {
      const place = /^(\d{1,20})\.(\d{1,19})$/.exec(cursor ?? "0.0");
      if (place === null) throw refuse("invalid_request", 400, "the cursor is none of this outbox's");
      // Only what no transaction under way can come before: numbers are drawn before the commit.
      const rows = await query(
        tx,
        `SELECT written_in::text AS written, cursor::text AS place, id, model, entity_id, type, organization_id, client_tx_id, occurred_at::text AS at
         FROM ablo_outbox WHERE written_in < pg_snapshot_xmin(pg_current_snapshot()) AND (written_in, cursor) > ($1::text::xid8, $2::text::bigint)
         AND ($3::text IS NULL OR coalesce(organization_id, $3) = $3) ORDER BY ablo_outbox.written_in, ablo_outbox.cursor LIMIT $4`,
        [place[1] ?? "0", place[2] ?? "0", scope.organizationId ?? null, limit],
      );
      const events = rows.map((row): wire.SourceEvent => ({
        id: String(row["id"]), model: String(row["model"]), entityId: String(row["entity_id"]), type: String(row["type"]),
        ...(row["organization_id"] === null ? {} : { organizationId: String(row["organization_id"]) }),
        ...(row["client_tx_id"] === null ? {} : { clientTxId: String(row["client_tx_id"]) }),
        ...(row["at"] === null ? {} : { occurredAt: Number(row["at"]) }),
      }));
      const last = rows.at(-1);
      return last === undefined ? { events } : { events, nextCursor: `${last["written"]}.${last["place"]}` };
    },
  };
}
