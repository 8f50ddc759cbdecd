"""A data source for a coordinator: tasks in SQLite, with an endpoint in FastAPI.

Start it, and test it from another shell:

    pip install -r requirements.txt
    export ABLO_SOURCE_KEY=sk_test_example
    uvicorn main:app --port 4300
    ablo source test http://127.0.0.1:4300/api/ablo/source schema.json
"""

import base64
import hashlib
import hmac
import json
import os
import sqlite3
import time
import uuid
from contextlib import closing

from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse

KEYS = [key for key in os.environ["ABLO_SOURCE_KEY"].split(",") if key]
FILE = os.environ.get("TASKS_DB", "tasks.db")
TOLERANCE_SECONDS = 300
MAX_BODY_BYTES = 4 << 20
FIELDS = ("title", "estimate", "done")
TABLES = """
CREATE TABLE IF NOT EXISTS tasks (
    id TEXT PRIMARY KEY, organization TEXT NOT NULL, title TEXT NOT NULL, estimate REAL,
    done INTEGER NOT NULL DEFAULT 0, archived_at TEXT, created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS ablo_idempotency (
    commit_id TEXT PRIMARY KEY, response TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS ablo_outbox (
    cursor INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, entity_id TEXT NOT NULL,
    type TEXT NOT NULL, data TEXT, organization TEXT NOT NULL, client_tx_id TEXT NOT NULL,
    occurred_at INTEGER NOT NULL) STRICT;
"""


class Refused(Exception):
    """A request was refused; `body` is the response."""

    def __init__(self, status: int, code: str, **details):
        self.status, self.body = status, {"error": code, **details}


def verify(headers, body: bytes) -> str:
    """Returns the key that signed a message. Called before the body is parsed."""
    message_id, timestamp = headers.get("webhook-id"), headers.get("webhook-timestamp")
    if not message_id:
        raise Refused(401, "source_id_missing")
    if not timestamp:
        raise Refused(401, "source_timestamp_missing")
    if not (timestamp.isascii() and timestamp.isdigit()):
        raise Refused(401, "source_timestamp_invalid")
    if abs(time.time() - int(timestamp)) > TOLERANCE_SECONDS:
        raise Refused(401, "source_timestamp_expired")
    given = [
        part[3:]
        for part in headers.get("webhook-signature", "").split(" ")
        if part.startswith("v1,")
    ][:16]
    if not given:
        raise Refused(401, "source_signature_missing")
    found = None
    for key in KEYS:
        mac = hmac.new(
            key.encode(), f"{message_id}.{timestamp}.".encode() + body, hashlib.sha256
        ).digest()
        expected = base64.b64encode(mac).decode()
        for signature in given:
            if hmac.compare_digest(expected.encode(), signature.encode()):
                found = key
    if found is None:
        raise Refused(401, "source_signature_invalid")
    return found


def now() -> str:
    """Returns the current time in ISO 8601."""
    at = time.time()
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at)) + f".{int(at * 1000) % 1000:03}Z"


def to_json(row: sqlite3.Row) -> dict:
    """Returns a row as JSON."""
    return {
        "id": row["id"],
        "organizationId": row["organization"],
        "title": row["title"],
        "estimate": row["estimate"],
        "done": bool(row["done"]),
        "archivedAt": row["archived_at"],
        "createdAt": row["created_at"],
        "updatedAt": row["updated_at"],
    }


def load(db, organization: str, row_id: str) -> dict | None:
    row = db.execute(
        "SELECT * FROM tasks WHERE organization = ? AND id = ?", (organization, row_id)
    ).fetchone()
    return to_json(row) if row else None


def page(db, organization: str, query: dict) -> dict:
    conditions, values = ["organization = ?", "id > ?"], [organization, query.get("cursor") or ""]
    for clause in query.get("where") or []:
        if len(clause) != 2 or clause[0] not in ("id", *FIELDS):
            raise Refused(400, "filter_unsupported", message="only equality is supported")
        conditions.append(f"{clause[0]} = ?")
        values.append(clause[1])
    limit = min(query.get("limit") or 1000, 1000)
    sql = f"SELECT * FROM tasks WHERE {' AND '.join(conditions)} ORDER BY id LIMIT {limit + 1}"
    rows = [to_json(row) for row in db.execute(sql, values)]
    if len(rows) > limit:
        return {"rows": rows[:limit], "nextCursor": rows[limit - 1]["id"]}
    return {"rows": rows}


def apply(db, organization: str, operation: dict) -> tuple[str, dict | None]:
    """Applies an operation. Returns the id and the row, for a delete its last state."""
    verb, row_id, given = operation["type"], operation.get("id"), operation.get("input") or {}
    if unknown := set(given) - {"id", *FIELDS}:
        raise Refused(
            400, "unknown_field", message=f"unknown fields of tasks: {', '.join(sorted(unknown))}"
        )
    given = {field: value for field, value in given.items() if field != "id"}
    if verb == "CREATE":
        row_id = row_id or str(uuid.uuid4())
        columns = {
            "id": row_id,
            "organization": organization,
            "created_at": now(),
            "updated_at": now(),
            **given,
        }
        marks = ", ".join("?" * len(columns))
        db.execute(
            f"INSERT INTO tasks ({', '.join(columns)}) VALUES ({marks})", list(columns.values())
        )
        return row_id, load(db, organization, row_id)
    before = load(db, organization, row_id)
    if verb == "DELETE":
        db.execute("DELETE FROM tasks WHERE organization = ? AND id = ?", (organization, row_id))
        return row_id, before
    if before is None:
        raise Refused(404, "entity_not_found", message=f"tasks/{row_id} does not exist")
    if verb != "UPDATE":
        given = {"archived_at": now() if verb == "ARCHIVE" else None}
    columns = {**given, "updated_at": now()}
    sets = ", ".join(f"{column} = ?" for column in columns)
    db.execute(
        f"UPDATE tasks SET {sets} WHERE organization = ? AND id = ?",
        [*columns.values(), organization, row_id],
    )
    return row_id, load(db, organization, row_id)


def commit(db, organization: str, request: dict) -> dict:
    """Applies a commit: the answer, the rows and the events, in one transaction."""
    client_tx_id, operations = request.get("clientTxId"), request.get("operations")
    if not client_tx_id:
        raise Refused(400, "source_commit_requires_client_tx_id")
    if not isinstance(operations, list) or not operations:
        raise Refused(400, "source_commit_invalid", message="the commit has no operations")
    for operation in operations:
        verb = operation.get("type")
        if verb not in ("CREATE", "UPDATE", "DELETE", "ARCHIVE", "UNARCHIVE") or (
            verb != "CREATE" and not operation.get("id")
        ):
            raise Refused(400, "source_commit_invalid", message=f"invalid operation {operation}")
        if operation.get("model") != "tasks":
            raise Refused(404, "source_commit_not_configured", model=operation.get("model"))
    commit_id = f"{organization}/{client_tx_id}"
    known = db.execute(
        "SELECT response FROM ablo_idempotency WHERE commit_id = ?", (commit_id,)
    ).fetchone()
    if known:
        return {"rows": json.loads(known["response"])}
    rows = []
    for index, operation in enumerate(operations):
        entity_id, row = apply(db, organization, operation)
        data = None if operation["type"] == "DELETE" else json.dumps(row)
        db.execute(
            "INSERT INTO ablo_outbox (id, entity_id, type, data, organization, client_tx_id, "
            "occurred_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                f"{commit_id}:{index}",
                entity_id,
                operation["type"],
                data,
                organization,
                client_tx_id,
                int(time.time() * 1000),
            ),
        )
        if row is not None:
            rows.append(row)
    db.execute("INSERT INTO ablo_idempotency VALUES (?, ?)", (commit_id, json.dumps(rows)))
    return {"rows": rows}


def events(db, organization: str, request: dict) -> dict:
    """Returns a page of events.

    SQLite has one writer at a time, so cursors are in commit order. Databases with concurrent
    writers need more: see docs/guide/data-sources.md.
    """
    limit = min(request.get("limit") or 100, 1000)
    found = db.execute(
        "SELECT * FROM ablo_outbox WHERE organization = ? AND cursor > ? ORDER BY cursor LIMIT ?",
        (organization, int(request.get("cursor") or 0), limit),
    ).fetchall()
    items = [
        {
            "id": row["id"],
            "model": "tasks",
            "entityId": row["entity_id"],
            "type": row["type"],
            "organizationId": row["organization"],
            "data": json.loads(row["data"]) if row["data"] else None,
            "clientTxId": row["client_tx_id"],
            "occurredAt": row["occurred_at"],
        }
        for row in found
    ]
    return {"events": items, "nextCursor": str(found[-1]["cursor"])} if found else {"events": []}


def handle(request: dict, key: str) -> dict:
    """Handles a request in one transaction."""
    scope = request.get("scope") or {}
    mode = "test" if key.startswith("sk_test_") else "live"
    if scope.get("mode", mode) != mode:
        raise Refused(
            403,
            "source_forbidden",
            message="the mode of the key differs from the mode of the request",
        )
    organization, kind = scope.get("organizationId") or "", request.get("type")
    if kind in ("load", "list") and request.get("model") != "tasks":
        raise Refused(404, f"source_{kind}_not_configured", model=request.get("model"))
    with closing(sqlite3.connect(FILE, timeout=30, isolation_level=None)) as db:
        db.row_factory = sqlite3.Row
        db.execute("BEGIN IMMEDIATE" if kind == "commit" else "BEGIN")
        try:
            handler = {
                "load": lambda: {"row": load(db, organization, request["id"])},
                "list": lambda: page(db, organization, request.get("query") or {}),
                "commit": lambda: commit(db, organization, request),
                "events": lambda: events(db, organization, request),
            }.get(kind)
            if handler is None:
                raise Refused(400, "unknown_source_request")
            result = handler()
            db.execute("COMMIT")
            return result
        except BaseException:
            db.execute("ROLLBACK")
            raise


with closing(sqlite3.connect(FILE)) as setup:
    setup.execute("PRAGMA journal_mode = WAL")
    setup.executescript(TABLES)

app = FastAPI(openapi_url=None)


@app.post("/api/ablo/source")
async def source(request: Request) -> JSONResponse:
    try:
        body = b""
        async for part in request.stream():
            body += part
            if len(body) > MAX_BODY_BYTES:
                raise Refused(413, "source_body_too_large")
        key = verify(request.headers, body)
        try:
            body_json = json.loads(body)
        except ValueError:
            raise Refused(400, "invalid_json") from None
        if not isinstance(body_json, dict):
            raise Refused(400, "unknown_source_request")
        return JSONResponse(await run_in_threadpool(handle, body_json, key))
    except Refused as refused:
        return JSONResponse(refused.body, refused.status)
    except sqlite3.IntegrityError as error:
        return JSONResponse({"error": "constraint_violation", "message": str(error)}, 409)
