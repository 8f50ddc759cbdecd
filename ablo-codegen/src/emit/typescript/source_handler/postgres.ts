// A ledger in PostgreSQL.

import type * as wire from "./wire.js";
import { type Ledger } from "./types.js";
import { refuse } from "./verify.js";

/**
 * Runs SQL in a transaction and returns the rows, like `client.query(text, values).then(({ rows })
 * => rows)` of `pg`.
 */
export type Query<Tx> = (
  tx: Tx,
  sql: string,
  values: readonly (string | number | null)[],
) => Promise<readonly { readonly [column: string]: unknown }[]>;

/**
 * A ledger in the PostgreSQL tables `ablo_idempotency` and `ablo_outbox`, as created by `ablo
 * generate --target postgres`.
 */
export function postgresLedger<Tx>(
  query: Query<Tx>,
  transaction: Ledger<Tx>["transaction"],
): Ledger<Tx> {
  return {
    transaction,
    async reserveCommit(tx, commit) {
      const reserved = await query(
        tx,
        "INSERT INTO ablo_idempotency (client_tx_id, response) VALUES ($1, '[]') " +
          "ON CONFLICT (client_tx_id) DO NOTHING RETURNING client_tx_id",
        [commit],
      );
      if (reserved.length > 0) return null;
      const [known] = await query(
        tx,
        "SELECT response::text AS response FROM ablo_idempotency WHERE client_tx_id = $1",
        [commit],
      );
      return String(known?.["response"] ?? "[]");
    },
    async storeAnswer(tx, commit, rows) {
      await query(tx, "UPDATE ablo_idempotency SET response = $2::jsonb WHERE client_tx_id = $1", [
        commit,
        rows,
      ]);
    },
    async appendEvent(tx, { id, model, entityId, type, organizationId, clientTxId, occurredAt }) {
      const values = [
        id,
        model,
        entityId,
        type,
        organizationId ?? null,
        clientTxId ?? null,
        occurredAt ?? null,
      ];
      await query(
        tx,
        "INSERT INTO ablo_outbox (id, model, entity_id, type, organization_id, client_tx_id, " +
          "occurred_at) VALUES ($1, $2, $3, $4, $5, $6, $7)",
        values,
      );
    },
    async readEvents(tx, cursor, limit, { scope }) {
      const position = /^(\d{1,20})\.(\d{1,19})$/.exec(cursor ?? "0.0");
      if (position === null) throw refuse("invalid_request", 400, "invalid cursor");
      // Cursors are assigned before the commit, so events that a running transaction could precede
      // are held back.
      const rows = await query(
        tx,
        "SELECT written_in::text AS written, cursor::text AS place, id, model, entity_id, type, " +
          "organization_id, client_tx_id, occurred_at::text AS at FROM ablo_outbox " +
          "WHERE written_in < pg_snapshot_xmin(pg_current_snapshot()) " +
          "AND (written_in, cursor) > ($1::text::xid8, $2::text::bigint) " +
          "AND ($3::text IS NULL OR coalesce(organization_id, $3) = $3) " +
          "ORDER BY ablo_outbox.written_in, ablo_outbox.cursor LIMIT $4",
        [position[1] ?? "0", position[2] ?? "0", scope.organizationId ?? null, limit],
      );
      const events = rows.map((row): wire.SourceEvent => ({
        id: String(row["id"]),
        model: String(row["model"]),
        entityId: String(row["entity_id"]),
        type: String(row["type"]),
        ...(row["organization_id"] === null
          ? {}
          : { organizationId: String(row["organization_id"]) }),
        ...(row["client_tx_id"] === null ? {} : { clientTxId: String(row["client_tx_id"]) }),
        ...(row["at"] === null ? {} : { occurredAt: Number(row["at"]) }),
      }));
      const last = rows.at(-1);
      return last === undefined
        ? { events }
        : { events, nextCursor: `${last["written"]}.${last["place"]}` };
    },
  };
}
