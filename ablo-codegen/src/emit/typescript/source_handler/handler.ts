// Handles signed requests and applies commits.

import type * as wire from "./wire.js";
import {
  SourceError,
  host,
  type AnyRow,
  type AnyTable,
  type Call,
  type Incoming,
  type Operation,
  type Outgoing,
  type Scope,
  type SourceOptions,
} from "./types.js";
import { Verifier, json, read, refuse } from "./verify.js";

const VERBS = ["CREATE", "UPDATE", "DELETE", "ARCHIVE", "UNARCHIVE"];
const SCOPES: readonly Scope[] = ["load", "list", "commit", "events"];

function text(value: unknown): value is string {
  return typeof value === "string" && value !== "";
}

/** Validates a commit and returns its operations. */
function operations(body: wire.SourceCommit): Operation[] {
  if (!text(body.clientTxId)) throw refuse("source_commit_requires_client_tx_id", 400);
  const invalid = (reason: string): SourceError => refuse("source_commit_invalid", 400, reason);
  if (!Array.isArray(body.operations) || body.operations.length === 0)
    throw invalid("the commit has no operations");
  const all = body.operations as readonly Operation[];
  all.forEach(({ type, model, id }, at) => {
    if (!VERBS.includes(type)) throw invalid(`operation ${at}: unknown verb \`${type}\``);
    if (!text(model)) throw invalid(`operation ${at}: the model is empty`);
    if (type === "CREATE" ? id !== undefined && id !== null && !text(id) : !text(id))
      throw invalid(`operation ${at}: the id is missing`);
  });
  return [...all];
}

/** The handler of a data-source endpoint. */
export class SourceHandler<Tx> {
  readonly #options: SourceOptions<Tx, object>;
  readonly #verifier: Verifier;

  constructor(options: SourceOptions<Tx, object>) {
    this.#options = options;
    this.#verifier = new Verifier(options.tolerance ?? 300);
  }

  /** Handles a request. */
  async handle(request: Incoming): Promise<Outgoing> {
    try {
      return json(200, await this.#dispatch(request));
    } catch (error) {
      if (error instanceof SourceError)
        return json(error.status, { error: error.code, message: error.message, ...error.details });
      this.#options.onError?.(error);
      return json(500, { error: "source_failed", message: "the source failed" });
    }
  }

  async #dispatch(request: Incoming): Promise<unknown> {
    if (request.method !== "POST") throw refuse("method_not_allowed", 405);
    const body = await read(request);
    const configured =
      typeof this.#options.key === "function" ? await this.#options.key() : this.#options.key;
    const keys = (typeof configured === "string" ? [configured] : configured).filter(
      (key) => key !== "",
    );
    const { key, id, at } = await this.#verifier.verify(keys, request, body);
    const parsed = parse(body);
    const scope = parsed.scope ?? {};
    const mode = key.startsWith("sk_test_")
      ? "test"
      : key.startsWith("sk_live_")
        ? "live"
        : undefined;
    const isTest = (scope.mode ?? mode) === "test";
    // A test key must not reach live rows, nor a live key test rows.
    if (mode !== undefined && (mode === "test") !== isTest)
      throw refuse(
        "source_forbidden",
        403,
        "the mode of the key differs from the mode of the request",
      );
    const call: Call = { messageId: id, signedAt: at, scope, isTest };
    const kind = SCOPES.find((known) => known === parsed.type);
    const granted = (await this.#options.authorize?.(call)) ?? SCOPES;
    if (kind === undefined) throw refuse("unknown_source_request", 400);
    if (!granted.includes(kind))
      throw refuse("source_forbidden", 403, undefined, { required: kind, granted: [...granted] });
    const { ledger } = this.#options;
    if (parsed.type === "commit") return this.#commit(parsed as wire.SourceCommit, call);
    if (parsed.type === "events") return this.#events(parsed as wire.SourceEvents, call);
    if (parsed.type === "load") {
      const { model, id: row } = parsed as wire.SourceLoad;
      const table = this.#table(model, "source_load_not_configured");
      return ledger.transaction(call, async (tx) => ({
        row: await table.load(tx, String(row), call),
      }));
    }
    const { model, query } = parsed as wire.SourceList;
    const table = this.#table(model, "source_list_not_configured");
    return ledger.transaction(call, (tx) => table.list(tx, query ?? {}, call));
  }

  #table(model: string, code: wire.SourceErrorCode): AnyTable {
    const models = this.#options.models as { [key: string]: AnyTable | undefined };
    const table = Object.hasOwn(models, model) ? models[model] : undefined;
    if (table === undefined) throw refuse(code, 404, undefined, { model: String(model) });
    return table;
  }

  async #commit(request: wire.SourceCommit, call: Call): Promise<{ rows: AnyRow[] }> {
    const all = operations(request);
    const tables = all.map(({ model }) => this.#table(model, "source_commit_not_configured"));
    const { ledger } = this.#options;
    const organization = call.scope.organizationId;
    const commit = `${organization ?? ""}/${request.clientTxId}`;
    return ledger.transaction(call, async (tx) => {
      const before = await ledger.reserveCommit(tx, commit);
      if (before !== null) return { rows: JSON.parse(before) as AnyRow[] };
      const rows: AnyRow[] = [];
      for (const [at, operation] of all.entries()) {
        const row = await apply(tables[at] as AnyTable, tx, operation, call);
        const entityId = row === null ? String(operation.id) : row.id;
        const data = operation.type === "DELETE" ? null : row;
        await ledger.appendEvent(tx, {
          id: `${commit}:${at}`,
          model: operation.model,
          entityId,
          type: operation.type,
          data,
          occurredAt: Date.now(),
          ...(organization === undefined ? {} : { organizationId: organization }),
          ...(request.clientTxId === undefined ? {} : { clientTxId: request.clientTxId }),
        });
        if (row !== null) rows.push(row);
      }
      await ledger.storeAnswer(tx, commit, JSON.stringify(rows));
      return { rows };
    });
  }

  /**
   * Returns a page of the outbox, each event with its current row: transactions can be ordered
   * differently from their changes of a row.
   */
  async #events(request: wire.SourceEvents, call: Call): Promise<unknown> {
    const { ledger } = this.#options;
    const limit = Math.min(Math.max(Math.trunc(request.limit ?? 100), 1), 1000);
    return ledger.transaction(call, async (tx) => {
      const page = await ledger.readEvents(tx, request.cursor ?? null, limit, call);
      const events: wire.SourceEvent[] = [];
      for (const event of page.events) {
        const { data, ...bare } = event;
        // The current row takes its place.
        void data;
        const models = this.#options.models as { [key: string]: AnyTable | undefined };
        const row = await models[event.model]?.load(tx, event.entityId, call);
        if (row !== undefined && row !== null)
          events.push({
            ...bare,
            type: event.type === "DELETE" ? "UPDATE" : event.type,
            data: row,
          });
        else events.push(event.type === "DELETE" ? { ...bare, data: null } : bare);
      }
      return page.nextCursor === undefined ? { events } : { events, nextCursor: page.nextCursor };
    });
  }
}

type SourceBody = { type?: unknown; scope?: wire.SourceScope };

function parse(body: Uint8Array): SourceBody {
  let parsed: unknown;
  try {
    parsed = JSON.parse(new host.TextDecoder("utf-8", { fatal: true }).decode(body));
  } catch {
    throw refuse("invalid_json", 400);
  }
  if (typeof parsed !== "object" || parsed === null) throw refuse("unknown_source_request", 400);
  return parsed;
}

async function apply(
  table: AnyTable,
  tx: unknown,
  { type, model, id, input }: Operation,
  call: Call,
): Promise<AnyRow | null> {
  if (type === "CREATE") return table.create(tx, id ?? null, input ?? {}, call);
  const rowId = String(id);
  if (type === "DELETE") return table.delete(tx, rowId, call);
  if (type !== "UPDATE" && table.archive === undefined)
    throw refuse("source_commit_not_configured", 404, undefined, { model });
  const row =
    type === "UPDATE"
      ? await table.update(tx, rowId, input ?? {}, call)
      : await table.archive?.(tx, rowId, type === "ARCHIVE", call);
  if (row === undefined || row === null)
    throw refuse("entity_not_found", 404, `row \`${rowId}\` of model \`${model}\` does not exist`);
  return row;
}
