"""Errors: refusals by the coordinator, classified by code, and failures of the connection."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, cast

from .policy import code_of_status, retry_after, should_retry


def as_object(value: object) -> Mapping[str, object]:
    """Returns a JSON object, or an empty one for any other value."""
    return cast("Mapping[str, object]", value) if isinstance(value, dict) else {}


def as_list(value: object) -> Sequence[object]:
    """Returns a JSON list, or an empty one for any other value."""
    empty: Sequence[object] = ()
    return cast("Sequence[object]", value) if isinstance(value, list) else empty


def as_text(value: object) -> str | None:
    """Returns a text, or nothing for any other value."""
    return value if isinstance(value, str) else None


def as_int(value: object) -> int | None:
    """Returns an integer, or nothing for any other value."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None


class AbloError(Exception):
    """The base class of all errors of this client.

    ``code`` is stable and listed in the registry of codes; ``help`` says how to go on.
    """

    def __init__(
        self,
        message: str,
        *,
        code: str = "internal_error",
        status: int | None = None,
        param: str | None = None,
        request_id: str | None = None,
        retry_after_seconds: int | None = None,
        details: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(message)
        self.message: str = message
        self.code: str = code
        self.status: int | None = status
        """The HTTP status; none if there was no response."""
        self.param: str | None = param
        """The path of the invalid input."""
        self.request_id: str | None = request_id
        """The id of the request in the coordinator's log."""
        self.retry_after_seconds: int | None = retry_after_seconds
        self.details: Mapping[str, object] = details or {}
        """All members of the error response."""

    @property
    def retryable(self) -> bool:
        """Whether repeating the request can succeed soon. The client has already repeated it."""
        return should_retry(self.code, self.status)

    @property
    def doc_url(self) -> str | None:
        """The page that explains the code, if the coordinator names one."""
        return as_text(self.details.get("doc_url"))

    @property
    def help(self) -> str:
        """What to do about it, in one sentence."""
        known = HELP.get(self.code)
        if known is not None:
            return known
        page = self.doc_url
        return f"See {page}." if page is not None else f"Look up the code `{self.code}`."

    def __str__(self) -> str:
        return f"{self.message} [{self.code}] {self.help}"


class AbloAuthenticationError(AbloError):
    """The credential is missing, unknown or expired."""


class AbloPermissionError(AbloError):
    """The credential does not permit the request."""


class CapabilityError(AbloPermissionError):
    """The credential does not permit the request; ``required_capability`` would be sufficient."""

    @property
    def required_capability(self) -> Mapping[str, object]:
        """The capability that is missing; empty if the coordinator does not name it."""
        return as_object(self.details.get("requiredCapability"))


class AbloRateLimitError(AbloError):
    """Too many requests."""


class AbloIdempotencyError(AbloError):
    """A conflict with stored data."""


class AbloConnectionError(AbloError):
    """The connection to the coordinator failed."""


class AbloValidationError(AbloError):
    """The request is invalid."""


class AbloServerError(AbloError):
    """The coordinator failed."""


@dataclass(frozen=True)
class Conflict:
    """A row that changed between a read and the write that was based on it."""

    model: str
    id: str
    observed_sync_id: int
    """The sync id of the conflicting change."""
    conflicting_fields: tuple[str, ...]
    """The members that both wrote, as the wire names them; none listed means all."""
    data: Mapping[str, object] | None
    """The current row as the wire has it; none if it was deleted."""


class AbloStaleContextError(AbloError):
    """A stale write: the row has changed since it was read. ``conflicts`` has the current rows."""

    @property
    def read_at(self) -> int | None:
        """The sync id on which the write was based."""
        return as_int(self.details.get("readAt"))

    @property
    def conflicts(self) -> tuple[Conflict, ...]:
        """The rows that changed."""
        return tuple(_conflict(as_object(one)) for one in as_list(self.details.get("conflicts")))


def _conflict(one: Mapping[str, object]) -> Conflict:
    fields = (as_text(name) for name in as_list(one.get("conflictingFields")))
    return Conflict(
        model=as_text(one.get("model")) or "",
        id=as_text(one.get("id")) or "",
        observed_sync_id=as_int(one.get("observedSyncId")) or 0,
        conflicting_fields=tuple(name for name in fields if name is not None),
        data=as_object(one.get("data")) or None,
    )


class AbloClaimedError(AbloError):
    """Another participant holds the row, or a claim of this client was lost."""

    @property
    def held_by(self) -> str | None:
        """The holder; an agent is ``agent:<id>``."""
        return as_text(self.details.get("heldBy"))

    @property
    def expires_at(self) -> str | None:
        """The end of the holder's lease unless it is renewed, ISO 8601."""
        return as_text(self.details.get("heldByExpiresAt"))


CLAIMED: Final = frozenset(
    {
        "claim_conflict",
        "entity_claimed",
        "intent_conflict",
        "claim_lost",
        "model_claimed",
        "model_claimed_timeout",
        "queue_too_deep",
        "grant_timeout",
    }
)

HELP: Final[Mapping[str, str]] = {
    "stale_context": "Read the row again, decide again, and write with the new `read_at`.",
    "entity_claimed": "Wait for the holder: claim the row, which queues, or write later.",
    "claim_lost": "Claim the row again and read it before you go on.",
    "queue_too_deep": "Try again later, or accept a longer queue with `max_queue_depth`.",
    "grant_timeout": "Try again later, or wait longer with `timeout`.",
    "network_error": "Check `base_url` and that the coordinator is running.",
    "commit_no_result": "Repeat the write with the same `idempotency_key`.",
    "base_url_missing": "Pass the address of the coordinator, such as `https://example.com`.",
    "auth_no_credentials": "Pass `api_key` or `get_token`.",
    "api_key_required": "Pass the key without spaces and line ends.",
    "response_unreadable": "Check that `base_url` is that of a coordinator.",
    "schema_mismatch": "Generate the client again from the schema that the coordinator serves.",
    "model_not_found": "Check the id, and that the credential may see the row.",
    "entity_not_found": "Check the id, and that the credential may see the row.",
}


def error_of(
    message: str,
    *,
    code: str,
    status: int | None = None,
    param: str | None = None,
    request_id: str | None = None,
    retry_after_seconds: int | None = None,
    details: Mapping[str, object] | None = None,
) -> AbloError:
    """Returns the error of a refusal, of the class that its code and status call for."""
    return _class_of(code, status)(
        message,
        code=code,
        status=status,
        param=param,
        request_id=request_id,
        retry_after_seconds=retry_after_seconds,
        details=details,
    )


_OF_STATUS: Final[Mapping[int, type[AbloError]]] = {
    400: AbloValidationError,
    401: AbloAuthenticationError,
    403: AbloPermissionError,
    409: AbloIdempotencyError,
    422: AbloValidationError,
    429: AbloRateLimitError,
}


def _class_of(code: str, status: int | None) -> type[AbloError]:
    if code == "stale_context":
        return AbloStaleContextError
    if code in CLAIMED:
        return AbloClaimedError
    if code in ("capability_scope_denied", "capability_invalid"):
        return CapabilityError
    if status is None:
        return AbloError
    return AbloServerError if status >= 500 else _OF_STATUS.get(status, AbloError)


def error_of_response(
    status: int, text: str, request_id: str | None = None, retry: str | None = None
) -> AbloError:
    """Returns the error for a response outside 2xx."""
    body: Mapping[str, object] = {}
    try:
        body = as_object(json.loads(text))
    except (ValueError, RecursionError):
        # Proxies respond with bodies of their own.
        pass
    inner = as_object(body.get("error")) or body

    def member(name: str) -> str | None:
        return as_text(inner.get(name)) or as_text(body.get(name))

    return error_of(
        member("message") or f"HTTP {status}",
        code=member("code") or code_of_status(status),
        status=status,
        param=member("param"),
        request_id=request_id or member("request_id"),
        retry_after_seconds=retry_after(retry),
        details={**body, **inner},
    )


def connection_error(reason: str) -> AbloConnectionError:
    """Returns the error of a request without a response."""
    return AbloConnectionError(reason, code="network_error")


def outcome_unknown(key: str, cause: AbloError | None = None) -> AbloConnectionError:
    """Returns the error of a write whose answer was lost."""
    reason = "no answer" if cause is None else cause.message
    return AbloConnectionError(
        f"it is unknown whether the commit {key} was applied: {reason}",
        code="commit_no_result",
        details={"clientTxId": key},
    )


def invalid(message: str, code: str = "invalid_request") -> AbloValidationError:
    """Returns the error of an input that is not sent."""
    return AbloValidationError(message, code=code)


def claim_lost(reason: str) -> AbloClaimedError:
    """Returns the error of a claim that has ended."""
    return AbloClaimedError(f"the claim was lost: {reason}", code="claim_lost")
