// An application with its own PostgreSQL database as a data source: the generated handler over the
// generated tables.

import * as descriptors from "./typescript/descriptors.js";
import type { Report, ReportCreate, ReportPatch } from "./typescript/models.js";
import { dataSource } from "./typescript/source.js";
import {
  postgresLedger,
  SourceError,
  type Call,
  type Page,
  type Table,
} from "./typescript/source_handler.js";
import type { SourceQuery } from "./typescript/wire.js";

type Row = { readonly [column: string]: unknown };

interface Connection {
  query(sql: string, values?: readonly unknown[]): Promise<{ rows: Row[] }>;
  release(): void;
}

interface Web {
  Request: new (url: string, init: object) => Parameters<ReturnType<typeof dataSource>>[0];
  crypto: { randomUUID(): string };
}

declare const process: { argv: string[] };
declare const console: { log(text: string): void; error(...values: unknown[]): void };
const web: Web = globalThis as unknown as Web;
const { default: pg } = (await import("pg" as string)) as {
  default: { Pool: new (options: object) => { connect(): Promise<Connection> } };
};
const { createServer } = (await import("node:http" as string)) as {
  createServer(listener: (request: any, response: any) => void): any;
};
// A connection string of libpq: `host=… port=… user=… dbname=…`.
const connection = new Map(
  (process.argv[2] ?? "").split(" ").map((part) => part.split("=", 2) as [string, string]),
);
const pool = new pg.Pool({
  host: connection.get("host"),
  port: Number(connection.get("port") ?? 5432),
  user: connection.get("user"),
  database: connection.get("dbname"),
  max: 12,
});

/** Runs work for one organisation in a transaction. */
async function transaction<T>(call: Call, work: (tx: Connection) => Promise<T>): Promise<T> {
  const tx = await pool.connect();
  try {
    await tx.query("BEGIN");
    await tx.query("SELECT set_config('app.current_org_id', $1, true)", [
      call.scope.organizationId ?? "",
    ]);
    const result = await work(tx);
    await tx.query("COMMIT");
    return result;
  } catch (error) {
    await tx.query("ROLLBACK");
    throw error;
  } finally {
    tx.release();
  }
}

const ledger = postgresLedger<Connection>(
  async (tx, sql, values) => (await tx.query(sql, values)).rows,
  transaction,
);
const { fields } = descriptors.reports;
const COLUMNS: readonly (readonly [string, string])[] = [
  ["id", "id"],
  ["createdAt", "created_at"],
  ["updatedAt", "updated_at"],
  ["organizationId", "organization_id"],
  ["createdBy", "created_by"],
  ...fields.map(({ name, column }) => [name, column] as const),
];
const LIST = COLUMNS.map(([, column]) => `"${column}"`).join(", ");

function toReport(row: Row | undefined): Report | null {
  if (row === undefined) return null;
  const value = (column: string): unknown =>
    row[column] instanceof Date ? row[column].toISOString() : row[column];
  return Object.fromEntries(
    COLUMNS.map(([name, column]) => [name, value(column)]),
  ) as unknown as Report;
}

const columnsOf = (data: object): readonly (readonly [string, unknown])[] =>
  Object.entries(data).flatMap(([name, value]) => {
    const field = fields.find((known) => known.name === name);
    if (field === undefined)
      throw new SourceError("unknown_field", `unknown field ${name} of reports`);
    return [
      [
        field.column,
        field.kind === "json" && value !== null ? JSON.stringify(value) : value,
      ] as const,
    ];
  });

const reports: Table<Connection, Report, ReportCreate, ReportPatch> = {
  async load(tx, id) {
    return toReport((await tx.query(`SELECT ${LIST} FROM reports WHERE id = $1`, [id])).rows[0]);
  },
  async list(tx, query: SourceQuery): Promise<Page<Report>> {
    const values: unknown[] = [query.cursor ?? ""];
    const conditions = (query.where ?? []).map((clause) => {
      const [name, value] = clause as readonly [string, unknown];
      const column = COLUMNS.find(([known]) => known === name);
      if (column === undefined || clause.length !== 2)
        throw new SourceError("filter_unsupported", "only equality is supported");
      return `"${column[1]}" = $${values.push(value)}`;
    });
    const limit = Math.min(query.limit ?? 1000, 1000);
    const condition = ["id > $1", ...conditions].join(" AND ");
    const sql = `SELECT ${LIST} FROM reports WHERE ${condition} ORDER BY id LIMIT ${limit + 1}`;
    const rows = (await tx.query(sql, values)).rows.flatMap((row) => toReport(row) ?? []);
    const last = rows[limit - 1];
    return rows.length > limit && last !== undefined
      ? { rows: rows.slice(0, limit), nextCursor: last.id }
      : { rows };
  },
  async create(tx, id, data, call) {
    const { id: _, ...rest } = data;
    const columns = [
      ["id", id ?? web.crypto.randomUUID()],
      ["organization_id", call.scope.organizationId],
      ["created_by", call.scope.participantId ?? null],
      ["created_at", new Date()],
      ["updated_at", new Date()],
      ...columnsOf({ status: "draft", ...rest }),
    ] as const;
    const names = columns.map(([column]) => `"${column}"`).join(", ");
    const parameters = columns.map((_, at) => `$${at + 1}`).join(", ");
    const sql = `INSERT INTO reports (${names}) VALUES (${parameters}) RETURNING ${LIST}`;
    return toReport(
      (
        await tx.query(
          sql,
          columns.map(([, value]) => value),
        )
      ).rows[0],
    ) as Report;
  },
  async update(tx, id, data) {
    const columns = [["updated_at", new Date()], ...columnsOf(data)] as const;
    const sets = columns.map(([column], at) => `"${column}" = $${at + 2}`).join(", ");
    return toReport(
      (
        await tx.query(`UPDATE reports SET ${sets} WHERE id = $1 RETURNING ${LIST}`, [
          id,
          ...columns.map(([, value]) => value),
        ])
      ).rows[0],
    );
  },
  async delete(tx, id) {
    return toReport(
      (await tx.query(`DELETE FROM reports WHERE id = $1 RETURNING ${LIST}`, [id])).rows[0],
    );
  },
  async archive(tx, id, archived) {
    return toReport(
      (
        await tx.query(`UPDATE reports SET archived_at = $2 WHERE id = $1 RETURNING ${LIST}`, [
          id,
          archived ? new Date() : null,
        ])
      ).rows[0],
    );
  },
};

const POST = dataSource({
  key: ["sk_test_of_tomorrow", "sk_test_example"],
  ledger,
  models: { reports },
  onError: (error) => console.error(error),
});

// The adapter that a web framework provides.
const server = createServer(async (incoming, outgoing) => {
  const parts: Uint8Array[] = [];
  for await (const part of incoming) parts.push(part as Uint8Array);
  const body = incoming.method === "GET" ? undefined : new (globalThis as any).Blob(parts);
  const response = (await POST(
    new web.Request(`http://localhost${incoming.url}`, {
      method: incoming.method,
      headers: incoming.headers,
      body,
    }),
  )) as any;
  outgoing.writeHead(response.status, Object.fromEntries(response.headers));
  outgoing.end(await response.text());
});
server.listen(0, "127.0.0.1", () => console.log(`listening ${server.address().port}`));
// The test that started the program closes its standard input to end it.
(globalThis as any).process.stdin.on("end", () => (globalThis as any).process.exit(0)).resume();
