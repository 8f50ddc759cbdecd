"""An application with a database of its own behind a coordinator: tasks in SQLite, an endpoint in FastAPI.

    pip install -r requirements.txt
    ABLO_SOURCE_KEY=sk_test_example uvicorn main:app --port 4300
    ABLO_SOURCE_KEY=sk_test_example ablo source test http://127.0.0.1:4300/api/ablo/source schema.json
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
TOLERANCE = 300
LARGEST = 4 << 20
FIELDS = ("title", "estimate", "done")
TABLES = """
CREATE TABLE IF NOT EXISTS tasks (
    id TEXT PRIMARY KEY, organization TEXT NOT NULL, title TEXT NOT NULL, estimate REAL, done INTEGER NOT NULL DEFAULT 0,
    archived_at TEXT, created_at TEXT NOT NULL, updated_at TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS ablo_idempotency (commit_id TEXT PRIMARY KEY, response TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS ablo_outbox (
    cursor INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, entity_id TEXT NOT NULL, type TEXT NOT NULL, data TEXT,
    organization TEXT NOT NULL, client_tx_id TEXT NOT NULL, occurred_at INTEGER NOT NULL) STRICT;
"""


class Refused(Exception):
    """What is answered instead."""

    def __init__(self, status: int, code: str, **details):
        self.status, self.body = status, {"error": code, **details}


def verify(headers, body: bytes) -> str:
    """The key that has signed a message; nothing of it is read before."""
    name, said = headers.get("webhook-id"), headers.get("webhook-timestamp")
    if not name:
        raise Refused(401, "source_id_missing")
    if not said:
        raise Refused(401, "source_timestamp_missing")
    if not (said.isascii() and said.isdigit()):
        raise Refused(401, "source_timestamp_invalid")
    if abs(time.time() - int(said)) > TOLERANCE:
        raise Refused(401, "source_timestamp_expired")
    given = [part[3:] for part in headers.get("webhook-signature", "").split(" ") if part.startswith("v1,")][:16]
    if not given:
        raise Refused(401, "source_signature_missing")
    found = None
    for key in KEYS:
        mac = hmac.new(key.encode(), f"{name}.{said}.".encode() + body, hashlib.sha256).digest()
        wanted = base64.b64encode(mac).decode()
        for signature in given:
            if hmac.compare_digest(wanted.encode(), signature.encode()):
                found = key
    if found is None:
        raise Refused(401, "source_signature_invalid")
    return found


def now() -> str:
    at = time.time()
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at)) + f".{int(at * 1000) % 1000:03}Z"


def shown(row: sqlite3.Row) -> dict:
    return {
        "id": row["id"], "organizationId": row["organization"], "title": row["title"], "estimate": row["estimate"],
        "done": bool(row["done"]), "archivedAt": row["archived_at"], "createdAt": row["created_at"], "updatedAt": row["updated_at"],
    }


def load(db, organization: str, name: str) -> dict | None:
    row = db.execute("SELECT * FROM tasks WHERE organization = ? AND id = ?", (organization, name)).fetchone()
    return shown(row) if row else None


def page(db, organization: str, query: dict) -> dict:
    conditions, values = ["organization = ?", "id > ?"], [organization, query.get("cursor") or ""]
    for clause in query.get("where") or []:
        if len(clause) != 2 or clause[0] not in ("id", *FIELDS):
            raise Refused(400, "filter_unsupported", message="only equality is known here")
        conditions.append(f"{clause[0]} = ?")
        values.append(clause[1])
    limit = min(query.get("limit") or 1000, 1000)
    sql = f"SELECT * FROM tasks WHERE {' AND '.join(conditions)} ORDER BY id LIMIT {limit + 1}"
    rows = [shown(row) for row in db.execute(sql, values)]
    if len(rows) > limit:
        return {"rows": rows[:limit], "nextCursor": rows[limit - 1]["id"]}
    return {"rows": rows}


def apply(db, organization: str, operation: dict) -> tuple[str, dict | None]:
    """One operation: the id, and the row after it; of a deletion the row before it."""
    verb, name, given = operation["type"], operation.get("id"), operation.get("input") or {}
    if unknown := set(given) - {"id", *FIELDS}:
        raise Refused(400, "unknown_field", message=f"tasks have no {', '.join(sorted(unknown))}")
    given = {field: value for field, value in given.items() if field != "id"}
    if verb == "CREATE":
        name = name or str(uuid.uuid4())
        columns = {"id": name, "organization": organization, "created_at": now(), "updated_at": now(), **given}
        marks = ", ".join("?" * len(columns))
        db.execute(f"INSERT INTO tasks ({', '.join(columns)}) VALUES ({marks})", list(columns.values()))
        return name, load(db, organization, name)
    before = load(db, organization, name)
    if verb == "DELETE":
        db.execute("DELETE FROM tasks WHERE organization = ? AND id = ?", (organization, name))
        return name, before
    if before is None:
        raise Refused(404, "entity_not_found", message=f"there is no tasks/{name}")
    if verb != "UPDATE":
        given = {"archived_at": now() if verb == "ARCHIVE" else None}
    columns = {**given, "updated_at": now()}
    sets = ", ".join(f"{column} = ?" for column in columns)
    db.execute(f"UPDATE tasks SET {sets} WHERE organization = ? AND id = ?", [*columns.values(), organization, name])
    return name, load(db, organization, name)


def commit(db, organization: str, asked: dict) -> dict:
    """The ledger, the rows and the outbox, in one transaction."""
    own, operations = asked.get("clientTxId"), asked.get("operations")
    if not own:
        raise Refused(400, "source_commit_requires_client_tx_id")
    if not isinstance(operations, list) or not operations:
        raise Refused(400, "source_commit_invalid", message="a commit has operations")
    for operation in operations:
        verb = operation.get("type")
        if verb not in ("CREATE", "UPDATE", "DELETE", "ARCHIVE", "UNARCHIVE") or (verb != "CREATE" and not operation.get("id")):
            raise Refused(400, "source_commit_invalid", message=f"{operation} is no operation")
        if operation.get("model") != "tasks":
            raise Refused(404, "source_commit_not_configured", model=operation.get("model"))
    name = f"{organization}/{own}"
    known = db.execute("SELECT response FROM ablo_idempotency WHERE commit_id = ?", (name,)).fetchone()
    if known:
        return {"rows": json.loads(known["response"])}
    rows = []
    for at, operation in enumerate(operations):
        entity, row = apply(db, organization, operation)
        data = None if operation["type"] == "DELETE" else json.dumps(row)
        db.execute(
            "INSERT INTO ablo_outbox (id, entity_id, type, data, organization, client_tx_id, occurred_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (f"{name}:{at}", entity, operation["type"], data, organization, own, int(time.time() * 1000)),
        )
        if row is not None:
            rows.append(row)
    db.execute("INSERT INTO ablo_idempotency VALUES (?, ?)", (name, json.dumps(rows)))
    return {"rows": rows}


def events(db, organization: str, asked: dict) -> dict:
    """SQLite has one writer at a time, so that numbers are the order of commits. A database with several needs more: docs/guide/data-sources.md."""
    limit = min(asked.get("limit") or 100, 1000)
    found = db.execute(
        "SELECT * FROM ablo_outbox WHERE organization = ? AND cursor > ? ORDER BY cursor LIMIT ?",
        (organization, int(asked.get("cursor") or 0), limit),
    ).fetchall()
    told = [
        {
            "id": row["id"], "model": "tasks", "entityId": row["entity_id"], "type": row["type"], "organizationId": row["organization"],
            "data": json.loads(row["data"]) if row["data"] else None, "clientTxId": row["client_tx_id"], "occurredAt": row["occurred_at"],
        }
        for row in found
    ]
    return {"events": told, "nextCursor": str(found[-1]["cursor"])} if found else {"events": []}


def answer(asked: dict, key: str) -> dict:
    scope = asked.get("scope") or {}
    if scope.get("mode", "test" if key.startswith("sk_test_") else "live") != ("test" if key.startswith("sk_test_") else "live"):
        raise Refused(403, "source_forbidden", message="the key is of the other mode")
    organization, kind = scope.get("organizationId") or "", asked.get("type")
    if kind in ("load", "list") and asked.get("model") != "tasks":
        raise Refused(404, f"source_{kind}_not_configured", model=asked.get("model"))
    with closing(sqlite3.connect(FILE, timeout=30, isolation_level=None)) as db:
        db.row_factory = sqlite3.Row
        db.execute("BEGIN IMMEDIATE" if kind == "commit" else "BEGIN")
        try:
            made = {
                "load": lambda: {"row": load(db, organization, asked["id"])},
                "list": lambda: page(db, organization, asked.get("query") or {}),
                "commit": lambda: commit(db, organization, asked),
                "events": lambda: events(db, organization, asked),
            }.get(kind)
            if made is None:
                raise Refused(400, "unknown_source_request")
            result = made()
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
            if len(body) > LARGEST:
                raise Refused(413, "source_body_too_large")
        key = verify(request.headers, body)
        try:
            asked = json.loads(body)
        except ValueError:
            raise Refused(400, "invalid_json") from None
        if not isinstance(asked, dict):
            raise Refused(400, "unknown_source_request")
        return JSONResponse(await run_in_threadpool(answer, asked, key))
    except Refused as refused:
        return JSONResponse(refused.body, refused.status)
    except sqlite3.IntegrityError as error:
        return JSONResponse({"error": "constraint_violation", "message": str(error)}, 409)
