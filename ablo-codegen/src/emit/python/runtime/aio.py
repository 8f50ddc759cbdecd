"""The asynchronous client: runs flows in the running event loop.

Threads of the client send its requests, because the standard library has no asynchronous HTTP. A
request of a cancelled task is not taken back: its write may still be applied.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Generic, TypeVar

from . import operations as ops
from .client import Operations
from .errors import AbloError, as_object, as_text, claim_lost, connection_error, error_of
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


class AsyncClient:
    """A client, without the models of a schema."""

    content_hash: str = ""
    """The hash of the schema from which the client was generated."""

    def __init__(
        self,
        base_url: str,
        *,
        api_key: str | None = None,
        get_token: Callable[[], Awaitable[str | None]] | None = None,
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
        self._threads = ThreadPoolExecutor(32, "ablo")
        self.own_claims: dict[str, tuple[str, str]] = {}
        """The model and the id of each row that this client holds, by the id of the claim."""

    @property
    def session(self) -> Session:
        """What all requests share."""
        return self._session

    async def run(self, flow: Flow[T]) -> T:
        """Runs a flow to its end."""
        answer: Answer = None
        error: AbloError | None = None
        try:
            while True:
                effect = flow.send(answer) if error is None else flow.throw(error)
                answer, error = None, None
                try:
                    if isinstance(effect, Request):
                        loop = asyncio.get_running_loop()
                        answer = await loop.run_in_executor(
                            self._threads, self._transport.send, effect
                        )
                    elif isinstance(effect, Pause):
                        await asyncio.sleep(effect.seconds)
                    else:
                        answer = await self._fetch_token()
                except AbloError as failure:
                    error = failure
        except StopIteration as done:
            result: T = done.value
            return result

    async def _fetch_token(self) -> str | None:
        try:
            if self._get_token is None:
                return None
            return await asyncio.wait_for(self._get_token(), self._session.timeout)
        except AbloError:
            raise
        except asyncio.TimeoutError:
            raise connection_error("`get_token` gave no answer in time") from None
        except Exception as error:
            raise connection_error(f"`get_token` failed: {error}") from error

    async def commit(
        self, operations: Sequence[Operation], options: WriteOptions = WriteOptions()
    ) -> Committed:
        """Applies all operations or none."""
        return await self.run(ops.commit(self._session, operations, options))

    async def check_schema(self) -> None:
        """Checks that the coordinator serves the schema of this client (``schema_mismatch``)."""
        await self.run(ops.check_schema(self._session, self.content_hash))

    async def turn(self, prompt: str, *, surface: str | None = None) -> AsyncTurn:
        """Opens an agent turn, which is closed at the end of an ``async with`` block."""
        body: dict[str, object] = {"prompt": prompt}
        if surface is not None:
            body["surface"] = surface
        opened = as_object(await self.run(self._session.send("POST", ("v1", "tasks"), body)))
        turn_id = as_text(opened.get("taskId"))
        if turn_id is None:
            raise error_of("the response has no turn", code="response_unreadable")
        return AsyncTurn(self, turn_id)

    async def close(self) -> None:
        """Closes the connections."""
        self._transport.close()
        self._threads.shutdown(wait=False)

    async def __aenter__(self: C) -> C:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()


C = TypeVar("C", bound=AsyncClient)


class AsyncTurn:
    """An agent turn. Pass its ``id`` as ``turn_id`` of the writes that it causes."""

    def __init__(self, client: AsyncClient, turn_id: str) -> None:
        self._client = client
        self.id: str = turn_id
        self.input_tokens: int = 0
        self.output_tokens: int = 0

    async def __aenter__(self) -> AsyncTurn:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        body = {"costInputTokens": self.input_tokens, "costOutputTokens": self.output_tokens}
        path = ("v1", "tasks", self.id, "close")
        await self._client.run(self._client.session.send("POST", path, body))


class AsyncModel(Generic[Row, Create, Patch, Where, Relative, Order]):
    """The client of one model."""

    def __init__(self, client: AsyncClient, schema: ModelSchema[Row]) -> None:
        self._client = client
        self._session = client.session
        self.schema: ModelSchema[Row] = schema

    async def get(self, row_id: str) -> Row | None:
        """Reads a row; none if there is no such row, or the credential may not see it."""
        found = await self._client.run(ops.find(self._session, self.schema, row_id))
        return None if found is None else found.row

    async def read(self, row_id: str) -> Read[Row]:
        """Reads a row with its ``read_at``, on which a guarded write is based, and its claims."""
        return await self._client.run(ops.read(self._session, self.schema, row_id))

    async def read_free(self, row_id: str, *, wait: float = 0.0) -> Read[Row]:
        """Reads a row that no one else holds; waits for it some seconds (``model_claimed``)."""
        own = frozenset(self._client.own_claims)
        return await self._client.run(ops.read_free(self._session, self.schema, row_id, own, wait))

    async def list(
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
        return await self._client.run(ops.page(self._session, self.schema, selection, after))

    async def iterate(
        self,
        where: Where | None = None,
        *,
        order_by: Order | None = None,
        descending: bool = False,
        page_size: int | None = None,
    ) -> AsyncIterator[Row]:
        """Reads the rows of all pages, each page when it is needed."""
        after: str | None = None
        while True:
            page = await self.list(
                where, order_by=order_by, descending=descending, limit=page_size, after=after
            )
            for row in page:
                yield row
            after = page.next
            if after is None:
                return

    async def create(self, data: Create, options: WriteOptions = WriteOptions()) -> Written:
        """Creates a row. Without an ``id``, the client chooses one."""
        return await self._write(ops.creation(self.schema, data), options)

    async def update(
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
        return await self._write(operation, ops.guarded(options, read_at))

    async def delete(
        self,
        row_id: str,
        *,
        read_at: int | None = None,
        options: WriteOptions = WriteOptions(),
    ) -> Written:
        """Deletes a row."""
        return await self._write(
            Operation("delete", self.schema.key, row_id), ops.guarded(options, read_at)
        )

    async def _write(self, operation: Operation, options: WriteOptions) -> Written:
        held = ops.under_claim(options, self._client.own_claims, operation)
        return await self._client.run(ops.write(self._session, operation, held))

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
    ) -> AsyncClaim[Row, Patch, Relative]:
        """Claims a row for an ``async with`` block. Waits in its queue if someone holds it."""
        options = ClaimOptions(action, description, ttl, wait, max_queue_depth, timeout)
        lease = Lease(self._session, self.schema.key, row_id, options)
        return AsyncClaim(self._client, self.schema, lease)

    async def holder(self, row_id: str) -> ClaimInfo | None:
        """Returns the claim of the other client that holds a row."""
        return await self._client.run(ops.holder(self._session, self.schema, row_id))


class AsyncClaim(Generic[Row, Patch, Relative]):
    """A claim on a row, held in an ``async with`` block and renewed by a task.

    If it is lost, the block is cancelled and raises ``AbloClaimedError``.
    """

    def __init__(self, client: AsyncClient, schema: ModelSchema[Row], lease: Lease) -> None:
        self._client = client
        self._schema = schema
        self._lease = lease
        self._keeper: asyncio.Task[None] | None = None
        self._body: asyncio.Task[object] | None = None
        self._cancelled = False
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

    async def __aenter__(self) -> AsyncClaim[Row, Patch, Relative]:
        try:
            await self._client.run(self._lease.acquire())
            self._client.own_claims[self.id] = (self._lease.model, self._lease.row_id)
            self._keeper = asyncio.create_task(self._keep())
            await self.refresh()
            self.check()
            self._body = asyncio.current_task()
        except BaseException:
            await self._release()
            raise
        return self

    async def _keep(self) -> None:
        while self._lease.state == "held":
            await asyncio.sleep(min(self._lease.interval(), self._lease.left()))
            try:
                renewal = self._client.run(self._lease.renew())
                await asyncio.wait_for(renewal, self._lease.left())
            except asyncio.TimeoutError:
                self._lease.lose(ops.expired())
        if self._body is not None:
            self._cancelled = True
            self._body.cancel()

    async def refresh(self) -> Row | None:
        """Reads the row again."""
        self.check()
        flow = ops.find(self._client.session, self._schema, self._lease.row_id)
        found = await self._client.run(flow)
        self.row, self.read_at = (None, 0) if found is None else (found.row, found.read_at)
        return self.row

    async def update(
        self,
        data: Patch | None = None,
        *,
        relative: Relative | None = None,
        options: WriteOptions = WriteOptions(),
    ) -> Written:
        """Changes the row, guarded by ``read_at``."""
        operation = ops.change(self._schema, self._lease.row_id, data, relative)
        return await self._write(operation, options)

    async def delete(self, options: WriteOptions = WriteOptions()) -> Written:
        """Deletes the row, guarded by ``read_at``."""
        return await self._write(Operation("delete", self._schema.key, self._lease.row_id), options)

    async def _write(self, operation: Operation, options: WriteOptions) -> Written:
        self.check()
        held = ops.of_claim(options, self.id, self.read_at)
        return await self._client.run(ops.write(self._client.session, operation, held))

    async def _release(self) -> None:
        self._client.own_claims.pop(self.id, None)
        if self._keeper is not None:
            self._keeper.cancel()
        await self._client.run(self._lease.release())

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        body, self._body = self._body, None
        try:
            await self._release()
        except asyncio.CancelledError:
            if not self._cancelled:
                raise
        if not self._cancelled or not (kind is None or issubclass(kind, asyncio.CancelledError)):
            return
        # Before Python 3.11, tasks do not count their cancellations.
        uncancel = getattr(body, "uncancel", None)
        if callable(uncancel) and uncancel():
            return
        raise (self._lease.error or claim_lost("expired")) from error
