"""Reads and writes of a model as flows, shared by both clients."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Generic, Literal, TypeAlias, TypeVar, cast

from . import policy
from .errors import (
    AbloError,
    as_int,
    as_list,
    as_object,
    as_text,
    claim_lost,
    error_of,
    invalid,
)
from .flow import Flow, Pause, Session
from .values import ModelSchema, encode

Row = TypeVar("Row")
Action: TypeAlias = Literal["create", "update", "delete", "archive", "unarchive"]

_OPERATORS: Final[Mapping[str, str]] = {
    "eq": "=",
    "ne": "!=",
    "lt": "<",
    "le": "<=",
    "gt": ">",
    "ge": ">=",
    "in": "IN",
    "not_in": "NOT IN",
    "like": "LIKE",
    "ilike": "ILIKE",
}
_RESERVED: Final = frozenset({"limit", "order", "order_by", "starting_after"})
_MAX_QUERY_ROWS: Final = 1000


@dataclass(frozen=True)
class ClaimInfo:
    """A claim on a row, of any participant."""

    id: str
    actor: str
    """The holder or waiter; an agent is ``agent:<id>``."""
    status: str
    action: str | None
    description: str | None
    expires_at: str | None


@dataclass(frozen=True)
class Read(Generic[Row]):
    """A row with the sync id at which it was read."""

    row: Row
    read_at: int
    """The ``read_at`` of writes based on this read."""
    claims: tuple[ClaimInfo, ...]


@dataclass(frozen=True)
class Page(Generic[Row]):
    """A page of rows."""

    rows: tuple[Row, ...]
    next: str | None
    """The cursor of the next page; none on the last page."""
    read_at: int
    """The ``read_at`` of writes based on this read."""

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)


@dataclass(frozen=True)
class Operation:
    """An operation of a commit. Its data is in the form of the wire."""

    action: Action
    model: str
    id: str
    data: Mapping[str, object] | None = None
    relative: Mapping[str, object] | None = None


@dataclass(frozen=True)
class WriteOptions:
    """The options of a write."""

    idempotency_key: str | None = None
    """Identifies the write: repeating a key has no further effect. Default: a random key."""
    read_at: int | None = None
    """The read that the write is based on; the write is refused if others changed the fields."""
    force: bool = False
    """Writes also if the row has changed since ``read_at``."""
    after: Sequence[str] = ()
    """The ``operations`` of earlier writes of this client on which the write is based."""
    claim_id: str | None = None
    turn_id: str | None = None
    """The id of the agent turn that causes the write."""


@dataclass(frozen=True)
class Written:
    """A confirmed write."""

    id: str
    """The id of the row."""
    commit: str
    """The id of the commit."""
    read_at: int
    """The sync id of the write."""
    operations: tuple[str, ...]
    """The transaction ids of the operations."""


@dataclass(frozen=True)
class Committed:
    """A confirmed commit."""

    id: str
    read_at: int
    rows: tuple[str, ...]
    """The ids of the rows, one for each operation."""
    operations: tuple[str, ...]


Clause: TypeAlias = tuple[str, str, object]


def clauses(schema: ModelSchema[Row], where: Mapping[str, object]) -> list[Clause]:
    """Returns conditions in the form of the wire."""
    found: list[Clause] = []
    for attribute, match in where.items():
        field = schema.field(attribute)
        if match is None:
            found.append((field.name, "IS", None))
        elif isinstance(match, Mapping):
            for name, value in cast("Mapping[str, object]", match).items():
                operator = _OPERATORS.get(name)
                if operator is None:
                    raise invalid(f"unknown condition `{name}` on `{attribute}`")
                if value is None:
                    if name not in ("eq", "ne"):
                        raise invalid(f"`{name}` on `{attribute}` does not accept `None`")
                    found.append((field.name, "IS" if name == "eq" else "IS NOT", None))
                elif name in ("in", "not_in"):
                    items = cast("Sequence[object]", value)
                    found.append((field.name, operator, [encode(field, one) for one in items]))
                else:
                    found.append((field.name, operator, encode(field, value)))
        elif isinstance(match, Sequence) and not isinstance(match, str):
            items = cast("Sequence[object]", match)
            found.append((field.name, "IN", [encode(field, one) for one in items]))
        else:
            found.append((field.name, "=", encode(field, match)))
    return found


def parameters(found: Sequence[Clause]) -> list[tuple[str, str]] | None:
    """Returns conditions as parameters of a list request, if it can express them."""
    pairs: list[tuple[str, str]] = []
    for name, operator, value in found:
        if operator != "=" or name in _RESERVED or isinstance(value, float):
            return None
        text = ("true" if value else "false") if isinstance(value, bool) else str(value)
        pairs.append((name, text))
    return pairs if len({name for name, _ in pairs}) == len(pairs) else None


def read(session: Session, schema: ModelSchema[Row], row_id: str) -> Flow[Read[Row]]:
    """Reads one row."""
    body = as_object((yield from session.send("GET", ("v1", "models", schema.key, row_id))))
    return Read(
        row=schema.decode(body.get("data")),
        read_at=as_int(body.get("stamp")) or 0,
        claims=tuple(_claim(as_object(one)) for one in as_list(body.get("claims"))),
    )


def _claim(one: Mapping[str, object]) -> ClaimInfo:
    return ClaimInfo(
        id=as_text(one.get("id")) or "",
        actor=as_text(one.get("actor")) or as_text(one.get("heldBy")) or "",
        status=as_text(one.get("status")) or "active",
        action=as_text(one.get("action")),
        description=as_text(one.get("description")),
        expires_at=as_text(one.get("expiresAt")),
    )


def find(session: Session, schema: ModelSchema[Row], row_id: str) -> Flow[Read[Row] | None]:
    """Reads one row that may not exist."""
    try:
        return (yield from read(session, schema, row_id))
    except AbloError as error:
        if error.status == 404:
            return None
        raise


def read_free(
    session: Session, schema: ModelSchema[Row], row_id: str, own: frozenset[str], wait: float
) -> Flow[Read[Row]]:
    """Reads one row that no other participant holds, and waits for it some seconds."""
    until = session.clock() + wait
    while True:
        found = yield from read(session, schema, row_id)
        holders = [one for one in found.claims if one.status != "queued" and one.id not in own]
        if not holders:
            return found
        if session.clock() + policy.CLAIMED_POLL_INTERVAL >= until:
            raise error_of(
                f"{row_id!r} is held by {holders[0].actor}",
                code="model_claimed_timeout" if wait > 0 else "model_claimed",
                status=409,
                details={
                    "heldBy": holders[0].actor,
                    "heldByExpiresAt": holders[0].expires_at,
                },
            )
        yield Pause(policy.CLAIMED_POLL_INTERVAL)


@dataclass(frozen=True)
class Selection:
    """The selection and order of rows."""

    where: Mapping[str, object] | None
    order_by: str | None
    descending: bool
    limit: int | None


def page(
    session: Session, schema: ModelSchema[Row], selection: Selection, after: str | None
) -> Flow[Page[Row]]:
    """Reads a page of rows."""
    found = clauses(schema, selection.where or {})
    plain = parameters(found)
    order_by = None if selection.order_by is None else schema.field(selection.order_by).name
    order = "desc" if selection.descending else "asc"
    if plain is None:
        return (yield from _query(session, schema, selection, found, order_by, after))
    query = list(plain)
    if order_by is not None:
        query += [("order_by", order_by), ("order", order)]
    elif selection.descending:
        query += [("order_by", "id"), ("order", order)]
    if selection.limit is not None:
        query.append(("limit", str(selection.limit)))
    if after is not None:
        query.append(("starting_after", after))
    body = as_object((yield from session.send("GET", ("v1", "models", schema.key), query=query)))
    return Page(
        rows=tuple(schema.decode(one) for one in as_list(body.get("data"))),
        next=as_text(body.get("next_cursor")),
        read_at=as_int(body.get("stamp")) or 0,
    )


def _query(
    session: Session,
    schema: ModelSchema[Row],
    selection: Selection,
    found: Sequence[Clause],
    order_by: str | None,
    after: str | None,
) -> Flow[Page[Row]]:
    # List requests support equality only. A query is paged by id, unless it has another order.
    if (order_by is not None or selection.descending) and after is not None:
        raise invalid("`after` and an order cannot be combined with these conditions")
    limit = min(20 if selection.limit is None else selection.limit, _MAX_QUERY_ROWS)
    where: list[Clause] = [*found, *([] if after is None else [("id", ">", after)])]
    query: dict[str, object] = {
        "model": schema.key,
        "where": [list(clause) for clause in where],
        "limit": limit,
        "orderBy": order_by or "id",
        "order": "desc" if selection.descending else "asc",
    }
    body = as_object((yield from session.send("POST", ("sync", "query"), {"queries": [query]})))
    results = as_list(body.get("results"))
    rows = as_list(results[0] if results else None)
    is_full = order_by is None and not selection.descending and len(rows) == limit and limit > 0
    return Page(
        rows=tuple(schema.decode(one) for one in rows),
        next=as_text(as_object(rows[-1]).get("id")) if is_full else None,
        read_at=as_int(body.get("lastSyncId")) or 0,
    )


def fresh_key() -> str:
    """Returns a new idempotency key, which names its time."""
    return f"tx_{time.time_ns() // 1_000_000}_{uuid.uuid4()}"


def commit(
    session: Session, operations: Sequence[Operation], options: WriteOptions
) -> Flow[Committed]:
    """Applies all operations or none."""
    key = options.idempotency_key or fresh_key()
    prepared = [_prepare(one, options, f"{key}:{at}") for at, one in enumerate(operations)]
    body: dict[str, object] = {
        "clientTxId": key,
        "idempotencyKey": key,
        "operations": prepared,
    }
    if options.claim_id is not None:
        body["intent"] = options.claim_id
    if options.turn_id is not None:
        body["causedByTaskId"] = options.turn_id
    receipt = as_object((yield from session.send("POST", ("v1", "commits"), body, key=key)))
    if receipt.get("success") is not True:
        raise _rejection(receipt.get("error"))
    return Committed(
        id=key,
        read_at=as_int(receipt.get("lastSyncId")) or 0,
        rows=tuple(one.id for one in operations),
        operations=tuple(f"{key}:{at}" for at in range(len(operations))),
    )


def _prepare(one: Operation, options: WriteOptions, transaction: str) -> dict[str, object]:
    relative = one.relative or None
    prepared: dict[str, object] = {
        # A coordinator that does not know relative changes refuses `adjust`.
        "action": one.action if relative is None else "adjust",
        "model": one.model,
        "id": one.id,
        "transactionId": transaction,
        "readAt": options.read_at,
        "onStale": "force" if options.force else None,
    }
    if one.data is not None:
        prepared["data"] = one.data
    if relative is not None:
        prepared["relative"] = relative
    if options.after:
        prepared["after"] = list(options.after)
    return prepared


def _rejection(error: object) -> AbloError:
    if isinstance(error, str):
        return error_of(error, code="commit_failed")
    details = as_object(error)
    return error_of(
        as_text(details.get("message")) or "the commit was rejected",
        code=as_text(details.get("code")) or "commit_failed",
        details=details,
    )


def write(session: Session, operation: Operation, options: WriteOptions) -> Flow[Written]:
    """Applies one operation."""
    done = yield from commit(session, (operation,), options)
    return Written(
        id=operation.id, commit=done.id, read_at=done.read_at, operations=done.operations
    )


def creation(schema: ModelSchema[Row], data: Mapping[str, object]) -> Operation:
    """Returns the creation of a row. The client chooses the id, so that a repetition is safe."""
    members = schema.encode(data)
    row_id = members.pop("id", None)
    own = row_id if isinstance(row_id, str) else str(uuid.uuid4())
    return Operation("create", schema.key, own, members)


def change(
    schema: ModelSchema[Row],
    row_id: str,
    data: Mapping[str, object] | None,
    relative: Mapping[str, object] | None,
) -> Operation:
    """Returns the change of a row."""
    if data is None and relative is None:
        raise invalid("`update` needs `data` or `relative`")
    members = None if data is None else schema.encode(data)
    changes = None if relative is None else schema.encode_relative(relative)
    return Operation("update", schema.key, row_id, members, changes)


def check_schema(session: Session, content_hash: str) -> Flow[None]:
    """Checks that the coordinator serves the schema that the client was generated from."""
    body = as_object((yield from session.send("GET", ("schema",))))
    served = as_text(body.get("contentHash")) or as_text(body.get("hash"))
    if served != content_hash:
        raise error_of(
            f"the coordinator serves the schema {served}, the client has {content_hash}",
            code="schema_mismatch",
        )


def holder(session: Session, schema: ModelSchema[Row], row_id: str) -> Flow[ClaimInfo | None]:
    """Reads the claim of the other client that holds a row."""
    query = (("model", schema.key), ("id", row_id))
    body = as_object((yield from session.send("GET", ("v1", "intents"), query=query)))
    held = as_list(body.get("intents"))
    return _claim(as_object(held[0])) if held else None


def guarded(options: WriteOptions, read_at: int | None) -> WriteOptions:
    """Returns the options with the read that the write is based on."""
    return options if read_at is None else replace(options, read_at=read_at)


def of_claim(options: WriteOptions, claim_id: str, read_at: int) -> WriteOptions:
    """Returns the options of a write under a claim, guarded by what the claim read."""
    # A row that did not exist when it was read has no read to guard.
    based_on = read_at or None if options.read_at is None else options.read_at
    return replace(options, claim_id=claim_id, read_at=based_on)


def under_claim(
    options: WriteOptions, own: Mapping[str, tuple[str, str]], operation: Operation
) -> WriteOptions:
    """Returns the options with the claim that this client holds on the row, if there is one."""
    if options.claim_id is not None:
        return options
    row = (operation.model, operation.id)
    held = next((claim for claim, target in list(own.items()) if target == row), None)
    return options if held is None else replace(options, claim_id=held)


def expired() -> AbloError:
    """Returns the error of a claim whose lease has ended."""
    return claim_lost("expired")
