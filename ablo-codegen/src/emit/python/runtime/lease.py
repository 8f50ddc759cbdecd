"""A claim: its requests as flows, and its state."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from . import policy
from .errors import AbloClaimedError, AbloError, as_int, as_object, claim_lost, error_of, invalid
from .flow import Flow, Pause, Session


@dataclass(frozen=True)
class ClaimOptions:
    """The options of a claim."""

    action: str = "editing"
    """The kind of work, in one word."""
    description: str | None = None
    """A description of the work, in one sentence."""
    ttl: float = policy.CLAIM_TTL
    """The length of the lease in seconds, which is renewed. At most ten minutes."""
    wait: bool = True
    """Whether to join the claim queue if the row is held."""
    max_queue_depth: int | None = None
    """With this many waiters ahead, the claim is refused with ``queue_too_deep``."""
    timeout: float | None = None
    """The maximum time in the claim queue, in seconds."""


@dataclass
class Lease:
    """A requested claim."""

    session: Session
    model: str
    row_id: str
    options: ClaimOptions
    id: str = field(default_factory=lambda: f"int_{uuid.uuid4()}")
    state: Literal["requested", "queued", "held", "ended"] = "requested"
    error: AbloError | None = None
    _renewed_at: float = 0.0

    def __post_init__(self) -> None:
        if not 0 < self.options.ttl <= 600:
            raise invalid("`ttl` is at most 600 seconds and greater than 0")

    def check(self) -> None:
        """Raises an error unless the claim is held."""
        if self.state == "held" and self.is_expired():
            self.lose(claim_lost("expired"))
        if self.state != "held":
            raise self.error or claim_lost("it is not held")

    def lose(self, error: AbloError) -> None:
        """Ends the claim."""
        if self.state != "ended":
            self.state, self.error = "ended", error

    def is_expired(self) -> bool:
        """Returns whether the lease has passed since it was last renewed."""
        return self.session.clock() - self._renewed_at >= self.options.ttl

    def left(self) -> float:
        """Returns the seconds until the lease ends."""
        return max(0.0, self._renewed_at + self.options.ttl - self.session.clock())

    def interval(self) -> float:
        """Returns the seconds until the claim is requested again."""
        return policy.claim_interval(self.state == "held", self.options.ttl)

    def request(self, queue: bool) -> Flow[int]:
        """Requests or renews the claim once, and returns the position in the claim queue."""
        requested_at = self.session.clock()
        meta = {} if self.options.description is None else {"description": self.options.description}
        target: dict[str, object] = {"model": self.model, "id": self.row_id}
        if meta:
            target["meta"] = meta
        body: Mapping[str, object] = {
            "intentId": self.id,
            "target": target,
            "action": self.options.action,
            "ttl": f"{max(1, round(self.options.ttl * 1000))}ms",
            "queue": queue,
        }
        answer = as_object((yield from self.session.send("POST", ("v1", "intents"), body)))
        if self.state == "ended":
            return 0
        if answer.get("status") == "queued":
            self.state = "queued"
            return as_int(answer.get("position")) or 0
        self.state, self._renewed_at = "held", requested_at
        return 0

    def acquire(self) -> Flow[None]:
        """Waits until the claim is held."""
        waits_until = (
            None
            if self.options.timeout is None
            else self.session.clock() + self.options.timeout
        )
        while True:
            try:
                position = yield from self.request(self.options.wait)
            except AbloError as error:
                outcome = policy.claim_after_error(
                    held=False,
                    expired=False,
                    claimed=isinstance(error, AbloClaimedError),
                    retryable=error.retryable,
                )
                if outcome != "kept":
                    self.lose(error)
                    raise
                position = 0
            if self.state == "held":
                return
            if self.state == "queued" and not policy.admits(
                position, self.options.max_queue_depth
            ):
                message = f"{position} others are waiting for {self.row_id!r}"
                yield from self._give_up(message, "queue_too_deep")
            pause = self.interval()
            if waits_until is not None and self.session.clock() + pause > waits_until:
                pause = waits_until - self.session.clock()
                if pause <= 0:
                    message = f"timed out waiting for {self.row_id!r}"
                    yield from self._give_up(message, "grant_timeout")
            yield Pause(pause)

    def _give_up(self, message: str, code: str) -> Flow[None]:
        yield from self.release()
        raise error_of(message, code=code)

    def renew(self) -> Flow[None]:
        """Renews a claim that is held. A refusal ends it."""
        try:
            yield from self.request(False)
        except AbloError as error:
            outcome = policy.claim_after_error(
                held=True,
                expired=self.is_expired(),
                claimed=isinstance(error, AbloClaimedError),
                retryable=error.retryable,
            )
            if outcome != "kept":
                self.lose(claim_lost("expired") if outcome == "lost" else error)

    def release(self) -> Flow[None]:
        """Releases the claim or leaves the claim queue."""
        self.lose(claim_lost("released"))
        try:
            yield from self.session.send("DELETE", ("v1", "intents", self.id))
        except AbloError:
            # Without a release, the claim ends when its lease expires.
            pass
