"""The synchronous client: runs flows in the calling thread. Threads may share a client."""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Generic, TypeVar

from . import operations as ops
from .errors import AbloError, as_object, as_text, connection_error, error_of
from .flow import Answer, Flow, Pause, Request, Session
from .lease import ClaimOptions, Lease
from .operations import ClaimInfo, Committed, Operation, Page, Read, WriteOptions, Written
from .policy import ATTEMPTS, CLAIM_TTL, REQUEST_TIMEOUT
from .transport import Transport
from .values import ModelSchema

Row = TypeVar("Row")
Create = TypeVar("Create", bound=Mapping[str, object])
Patch = TypeVar("Patch", bound=Mapping[str, object])
Where = TypeVar("Where", bound=Mapping[str, object])
Relative = TypeVar("Relative", bound=Mapping[str, object])
Order = TypeVar("Order", bound=str)
T = TypeVar("T")


class Client:
    """A client, without the models of a schema."""

    content_hash: str = ""
    """The hash of the schema from which the client was generated."""

    def __init__(
        self,
        base_url: str,
        *,
        api_key: str | None = None,
        get_token: Callable[[], str | None] | None = None,
        agent: str | None = None,
        user: str | None = None,
        attempts: int = ATTEMPTS,
        timeout: float = REQUEST_TIMEOUT,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        """Creates a client. It sends nothing before the first call.

        ``agent`` or ``user`` exchanges the key for a token of this participant. ``attempts`` is
        the maximum for a request that fails with a retryable error; ``timeout``, in seconds, that
        of one request, and the time for which a write whose answer was lost is asked for.
        """
        fetches_token = get_token is not None
        self._session = Session(
            base_url, api_key, fetches_token, agent, user, attempts, timeout
        )
        self._get_token = get_token
        self._transport = Transport(ssl_context)
        self.own_claims: dict[str, tuple[str, str]] = {}
        """The model and the id of each row that this client holds, by the id of the claim."""

    @property
    def session(self) -> Session:
        """What all requests share."""
        return self._session

    def run(self, flow: Flow[T]) -> T:
        """Runs a flow to its end."""
        answer: Answer = None
        error: AbloError | None = None
        try:
            while True:
                effect = flow.send(answer) if error is None else flow.throw(error)
                answer, error = None, None
                try:
                    if isinstance(effect, Request):
                        answer = self._transport.send(effect)
                    elif isinstance(effect, Pause):
                        time.sleep(effect.seconds)
                    else:
                        answer = self._fetch_token()
                except AbloError as failure:
                    error = failure
        except StopIteration as done:
            result: T = done.value
            return result

    def _fetch_token(self) -> str | None:
        try:
            return None if self._get_token is None else self._get_token()
        except AbloError:
            raise
        except Exception as error:
            raise connection_error(f"`get_token` failed: {error}") from error

    def commit(
        self, operations: Sequence[Operation], options: WriteOptions = WriteOptions()
    ) -> Committed:
        """Applies all operations or none."""
        return self.run(ops.commit(self._session, operations, options))

    def check_schema(self) -> None:
        """Checks that the coordinator serves the schema of this client (``schema_mismatch``)."""
        self.run(ops.check_schema(self._session, self.content_hash))

    def turn(self, prompt: str, *, surface: str | None = None) -> Turn:
        """Opens an agent turn, which is closed at the end of a ``with`` block."""
        body: dict[str, object] = {"prompt": prompt}
        if surface is not None:
            body["surface"] = surface
        opened = as_object(self.run(self._session.send("POST", ("v1", "tasks"), body)))
        turn_id = as_text(opened.get("taskId"))
        if turn_id is None:
            raise error_of("the response has no turn", code="response_unreadable")
        return Turn(self, turn_id)

    def close(self) -> None:
        """Closes the connections."""
        self._transport.close()

    def __enter__(self: C) -> C:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


C = TypeVar("C", bound=Client)


class Turn:
    """An agent turn. Pass its ``id`` as ``turn_id`` of the writes that it causes."""

    def __init__(self, client: Client, turn_id: str) -> None:
        self._client = client
        self.id: str = turn_id
        self.input_tokens: int = 0
        self.output_tokens: int = 0

    def __enter__(self) -> Turn:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        body = {"costInputTokens": self.input_tokens, "costOutputTokens": self.output_tokens}
        path = ("v1", "tasks", self.id, "close")
        self._client.run(self._client.session.send("POST", path, body))


class Model(Generic[Row, Create, Patch, Where, Relative, Order]):
    """The client of one model."""

    def __init__(self, client: Client, schema: ModelSchema[Row]) -> None:
        self._client = client
        self._session = client.session
        self.schema: ModelSchema[Row] = schema

    def get(self, row_id: str) -> Row | None:
        """Reads a row; none if there is no such row, or the credential may not see it."""
        found = self._client.run(ops.find(self._session, self.schema, row_id))
        return None if found is None else found.row

    def read(self, row_id: str) -> Read[Row]:
        """Reads a row with its ``read_at``, on which a guarded write is based, and its claims."""
        return self._client.run(ops.read(self._session, self.schema, row_id))

    def read_free(self, row_id: str, *, wait: float = 0.0) -> Read[Row]:
        """Reads a row that no one else holds; waits for it some seconds (``model_claimed``)."""
        own = frozenset(self._client.own_claims)
        return self._client.run(ops.read_free(self._session, self.schema, row_id, own, wait))

    def list(
        self,
        where: Where | None = None,
        *,
        order_by: Order | None = None,
        descending: bool = False,
        limit: int | None = None,
        after: str | None = None,
    ) -> Page[Row]:
        """Reads a page of rows, 20 by default."""
        selection = ops.Selection(where, order_by, descending, limit)
        return self._client.run(ops.page(self._session, self.schema, selection, after))

    def iterate(
        self,
        where: Where | None = None,
        *,
        order_by: Order | None = None,
        descending: bool = False,
        page_size: int | None = None,
    ) -> Iterator[Row]:
        """Reads the rows of all pages, each page when it is needed."""
        after: str | None = None
        while True:
            page = self.list(
                where, order_by=order_by, descending=descending, limit=page_size, after=after
            )
            yield from page
            after = page.next
            if after is None:
                return

    def create(self, data: Create, options: WriteOptions = WriteOptions()) -> Written:
        """Creates a row. Without an ``id``, the client chooses one."""
        return self._write(ops.creation(self.schema, data), options)

    def update(
        self,
        row_id: str,
        data: Patch | None = None,
        *,
        relative: Relative | None = None,
        read_at: int | None = None,
        options: WriteOptions = WriteOptions(),
    ) -> Written:
        """Changes a row: ``None`` clears a member, absent and ``UNSET`` members keep theirs.

        With ``read_at``, the change is refused if the same members have changed since that read.
        """
        operation = ops.change(self.schema, row_id, data, relative)
        return self._write(operation, ops.guarded(options, read_at))

    def delete(
        self,
        row_id: str,
        *,
        read_at: int | None = None,
        options: WriteOptions = WriteOptions(),
    ) -> Written:
        """Deletes a row."""
        return self._write(
            Operation("delete", self.schema.key, row_id), ops.guarded(options, read_at)
        )

    def _write(self, operation: Operation, options: WriteOptions) -> Written:
        held = ops.under_claim(options, self._client.own_claims, operation)
        return self._client.run(ops.write(self._session, operation, held))

    @property
    def operation(self) -> Operations[Row, Create, Patch, Relative]:
        """Operations for ``commit``."""
        return Operations(self.schema)

    def claim(
        self,
        row_id: str,
        *,
        action: str = "editing",
        description: str | None = None,
        ttl: float = CLAIM_TTL,
        wait: bool = True,
        max_queue_depth: int | None = None,
        timeout: float | None = None,
    ) -> Claim[Row, Patch, Relative]:
        """Claims a row for a ``with`` block. Waits in its claim queue if someone else holds it."""
        options = ClaimOptions(action, description, ttl, wait, max_queue_depth, timeout)
        lease = Lease(self._session, self.schema.key, row_id, options)
        return Claim(self._client, self.schema, lease)

    def holder(self, row_id: str) -> ClaimInfo | None:
        """Returns the claim of the other client that holds a row."""
        return self._client.run(ops.holder(self._session, self.schema, row_id))


class Operations(Generic[Row, Create, Patch, Relative]):
    """Creates the operations of a commit."""

    def __init__(self, schema: ModelSchema[Row]) -> None:
        self._schema = schema

    def create(self, data: Create) -> Operation:
        """The creation of a row."""
        return ops.creation(self._schema, data)

    def update(
        self, row_id: str, data: Patch | None = None, *, relative: Relative | None = None
    ) -> Operation:
        """The change of a row."""
        return ops.change(self._schema, row_id, data, relative)

    def delete(self, row_id: str) -> Operation:
        """The deletion of a row."""
        return Operation("delete", self._schema.key, row_id)

    def archive(self, row_id: str) -> Operation:
        """The archiving of a row."""
        return Operation("archive", self._schema.key, row_id)

    def unarchive(self, row_id: str) -> Operation:
        """The end of the archiving of a row."""
        return Operation("unarchive", self._schema.key, row_id)


class Claim(Generic[Row, Patch, Relative]):
    """A claim on a row, held in a ``with`` block and renewed by a thread.

    If it is lost, the next use of it raises ``AbloClaimedError``.
    """

    def __init__(self, client: Client, schema: ModelSchema[Row], lease: Lease) -> None:
        self._client = client
        self._schema = schema
        self._lease = lease
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None
        self.row: Row | None = None
        """The row when it was read last; none if it does not exist."""
        self.read_at: int = 0
        """The sync id at which the row was read."""

    @property
    def id(self) -> str:
        """The id of the claim."""
        return self._lease.id

    @property
    def is_held(self) -> bool:
        """Whether the claim is held."""
        return self._lease.state == "held" and not self._lease.is_expired()

    def check(self) -> None:
        """Raises ``AbloClaimedError`` if the claim is lost."""
        self._lease.check()

    def __enter__(self) -> Claim[Row, Patch, Relative]:
        try:
            self._client.run(self._lease.acquire())
            self._client.own_claims[self.id] = (self._lease.model, self._lease.row_id)
            self._thread = threading.Thread(target=self._keep, daemon=True)
            self._thread.start()
            self.refresh()
        except BaseException:
            self._release()
            raise
        return self

    def _keep(self) -> None:
        while not self._ended.wait(min(self._lease.interval(), self._lease.left())):
            if self._lease.is_expired():
                self._lease.lose(ops.expired())
                return
            self._client.run(self._lease.renew())
            if self._lease.state != "held":
                return

    def refresh(self) -> Row | None:
        """Reads the row again."""
        self.check()
        flow = ops.find(self._client.session, self._schema, self._lease.row_id)
        found = self._client.run(flow)
        self.row, self.read_at = (None, 0) if found is None else (found.row, found.read_at)
        return self.row

    def update(
        self,
        data: Patch | None = None,
        *,
        relative: Relative | None = None,
        options: WriteOptions = WriteOptions(),
    ) -> Written:
        """Changes the row, guarded by ``read_at``."""
        operation = ops.change(self._schema, self._lease.row_id, data, relative)
        return self._write(operation, options)

    def delete(self, options: WriteOptions = WriteOptions()) -> Written:
        """Deletes the row, guarded by ``read_at``."""
        return self._write(Operation("delete", self._schema.key, self._lease.row_id), options)

    def _write(self, operation: Operation, options: WriteOptions) -> Written:
        self.check()
        held = ops.of_claim(options, self.id, self.read_at)
        return self._client.run(ops.write(self._client.session, operation, held))

    def _release(self) -> None:
        self._ended.set()
        self._client.own_claims.pop(self.id, None)
        if self._thread is not None:
            # A renewal that arrived after the release would claim the row again.
            self._thread.join(5.0)
        self._client.run(self._lease.release())

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._release()
