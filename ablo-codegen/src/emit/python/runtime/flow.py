"""Flows: the protocol as generators, without input and output.

A flow yields what it needs, a request or a pause, and gets the answer. The synchronous and the
asynchronous client run the same flows.
"""

from __future__ import annotations

import json
import re
import time
import uuid
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias, TypeVar, Union
from urllib.parse import quote

from . import policy
from .errors import (
    AbloAuthenticationError,
    AbloError,
    as_object,
    as_text,
    connection_error,
    error_of,
    error_of_response,
    invalid,
    outcome_unknown,
)


@dataclass(frozen=True)
class Request:
    """A request to send once."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes | None
    timeout: float


@dataclass(frozen=True)
class Reply:
    """The response to a request. Names of headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    text: str


@dataclass(frozen=True)
class Pause:
    """Waits some seconds."""

    seconds: float


@dataclass(frozen=True)
class FetchToken:
    """Calls the application's function, which returns a token; none if no user is logged in."""


Effect: TypeAlias = Union[Request, Pause, FetchToken]
Answer: TypeAlias = Union[Reply, str, None]
T = TypeVar("T")
Flow: TypeAlias = Generator[Effect, Answer, T]

_KEY: Final = re.compile(r"[!-~]+")
_TOKEN: Final = re.compile(r"[\w.~+/=-]+", re.ASCII)
_BASE: Final = re.compile(r"(https?)://([^\s/?#@]+)(/[^\s?#]*)?")


@dataclass
class Session:
    """The address of a coordinator, the credential, and what all requests share."""

    base_url: str
    api_key: str | None
    fetches_token: bool
    agent: str | None
    user: str | None
    attempts: int
    timeout: float
    holder: str = field(default_factory=lambda: str(uuid.uuid4()))
    clock: Callable[[], float] = time.monotonic
    _token: str | None = None
    _renew_at: float = 0.0

    def __post_init__(self) -> None:
        if self.api_key is None and not self.fetches_token:
            raise AbloAuthenticationError("there is no credential", code="auth_no_credentials")
        if self.agent is not None and self.user is not None:
            raise invalid("`agent` and `user` exclude each other")
        if self.attempts < 1 or not self.timeout > 0:
            raise invalid("`attempts` and `timeout` are greater than 0")
        found = _BASE.fullmatch(self.base_url)
        if found is None:
            raise invalid(f"invalid base_url {self.base_url!r}", "base_url_missing")
        base = f"{found[1]}://{found[2]}{(found[3] or '').rstrip('/')}"
        self.base_url = base if base.endswith("/api") else f"{base}/api"

    def url(self, path: Sequence[str], query: Sequence[tuple[str, str]] = ()) -> str:
        """Returns the URL of a request."""
        for part in path:
            # URLs drop these segments, and the request would reach another route.
            if part in ("", ".", ".."):
                raise invalid(f"invalid id {part!r}", "invalid_id")
        try:
            url = "/".join([self.base_url, *(quote(part, safe="") for part in path)])
            pairs = [f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in query]
        except UnicodeEncodeError:
            raise invalid("an id or a condition is no valid text", "invalid_id") from None
        return f"{url}?{'&'.join(pairs)}" if pairs else url

    def token(self) -> Flow[str]:
        """Returns the current token."""
        if self._token is not None and self.clock() < self._renew_at:
            return self._token
        text = self.api_key
        if self.fetches_token:
            text = yield from self._fetch_token()
        if text is None or _KEY.fullmatch(text) is None:
            raise AbloAuthenticationError(
                "the key is missing or not valid in a header", code="api_key_required", status=401
            )
        participant = self.user if self.agent is None else self.agent
        if participant is None:
            self._token, self._renew_at = text, float("inf")
            return text
        body = {
            "participantKind": "user" if self.agent is None else "agent",
            "participantId": participant,
            "ttlSeconds": policy.TOKEN_TTL,
        }
        requested_at = self.clock()
        answer = yield from self.once(text, "POST", ("auth", "capability"), body)
        token = as_text(as_object(answer).get("token"))
        if token is None or _KEY.fullmatch(token) is None:
            raise error_of("the response has no token", code="response_unreadable", status=200)
        self._token = token
        self._renew_at = requested_at + policy.renew_after(policy.TOKEN_TTL)
        return token

    def _fetch_token(self) -> Flow[str]:
        text = yield FetchToken()
        if text is None:
            raise AbloAuthenticationError(
                "no user is logged in", code="session_expired", status=401
            )
        # The error page of a proxy is no token.
        if not isinstance(text, str) or _TOKEN.fullmatch(text) is None:
            raise connection_error("`get_token` failed: the result is no token")
        return text

    def _renew(self, refused: str) -> bool:
        """Discards a refused token and returns whether another one can be obtained."""
        if self._token == refused:
            self._token = None
        return self.fetches_token or self.agent is not None or self.user is not None

    def send(
        self,
        method: str,
        path: Sequence[str],
        body: Mapping[str, object] | None = None,
        query: Sequence[tuple[str, str]] = (),
        key: str | None = None,
    ) -> Flow[object]:
        """Sends a request, with retries, and decodes the response.

        A write with a key whose answer was lost is repeated until the outcome is known or the
        timeout has passed.
        """
        failures, renewed, lost_at = 0, False, None
        while True:
            token = ""
            try:
                token = yield from self.token()
                return (yield from self.once(token, method, path, body, query, key))
            except AbloError as error:
                if key is not None and token and policy.is_lost(error.code) and lost_at is None:
                    lost_at = self.clock()
                if error.status == 401 and token and not renewed and self._renew(token):
                    renewed = True
                    continue
                failures += 1
                delay = max(policy.backoff(failures), float(error.retry_after_seconds or 0))
                is_over = (
                    failures >= self.attempts
                    if lost_at is None
                    else self.clock() + delay - lost_at > self.timeout
                )
                if is_over or not error.retryable:
                    if key is not None and lost_at is not None:
                        if policy.stays_unknown(error.status):
                            raise outcome_unknown(key, error) from error
                    raise
            yield Pause(delay)

    def once(
        self,
        token: str,
        method: str,
        path: Sequence[str],
        body: Mapping[str, object] | None = None,
        query: Sequence[tuple[str, str]] = (),
        key: str | None = None,
    ) -> Flow[object]:
        """Sends a request once, with the given token."""
        headers = {"authorization": f"Bearer {token}", "ablo-holder": self.holder}
        encoded: bytes | None = None
        if body is not None:
            headers["content-type"] = "application/json"
            try:
                encoded = json.dumps(body, allow_nan=False).encode()
            except (TypeError, ValueError, RecursionError) as error:
                raise invalid(f"the data is no JSON: {error}", "check_violation") from error
        if key is not None:
            if _KEY.fullmatch(key) is None:
                raise invalid("an `idempotency_key` has no spaces and only ASCII characters")
            headers["idempotency-key"] = key
        url = self.url(path, query)
        reply = yield Request(method, url, headers, encoded, self.timeout)
        if not isinstance(reply, Reply):
            raise connection_error("there is no response")
        if not 200 <= reply.status <= 299:
            raise error_of_response(
                reply.status,
                reply.text,
                reply.headers.get("x-request-id"),
                reply.headers.get("retry-after"),
            )
        if reply.text == "":
            return None
        try:
            decoded: object = json.loads(reply.text)
        except (ValueError, RecursionError):
            raise error_of(
                "the response is not JSON", code="response_unreadable", status=reply.status
            ) from None
        return decoded
