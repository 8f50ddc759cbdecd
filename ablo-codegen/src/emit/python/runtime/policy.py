"""The decisions of the client: constants and pure functions.

The Rust and TypeScript clients have the same ones.
"""

from __future__ import annotations

import random as _random
from typing import Final, Literal

ATTEMPTS: Final = 4
REQUEST_TIMEOUT: Final = 30.0
MAX_RETRY_AFTER: Final = 30
FIRST_BACKOFF: Final = 0.1
MAX_BACKOFF: Final = 5.0
CLAIM_TTL: Final = 60.0
CLAIM_POLL_INTERVAL: Final = 0.75
MIN_RENEWAL_INTERVAL: Final = 0.05
CLAIMED_POLL_INTERVAL: Final = 0.5
TOKEN_TTL: Final = 3600
SESSION_TTL: Final = 900

NOT_RETRYABLE: Final = frozenset(
    {
        "bootstrap_offline_no_cache",
        "capability_auth_disabled",
        "commit_offline_grace_expired",
        "migration_failed",
        "provisioner_unavailable",
        "query_relation_target_unknown",
        "retries_exhausted",
        "schema_scope_invalid",
        "schema_table_invalid",
    }
)
"""Codes that are not retryable despite their status of 429 or 5xx."""


def backoff(failures: int, random: float | None = None) -> float:
    """Returns the delay after a number of failures, in seconds. ``random`` is from 0 to 1."""
    share = _random.random() if random is None else random
    longest = min(FIRST_BACKOFF * 2.0 ** min(failures - 1, 16), MAX_BACKOFF)
    return longest * (1 - share / 2)


def should_retry(code: str, status: int | None) -> bool:
    """Returns whether the client repeats a request that failed."""
    of_server = status is not None and (status == 429 or status >= 500)
    return code == "network_error" or (of_server and code not in NOT_RETRYABLE)


def is_lost(code: str) -> bool:
    """Returns whether a failed request may have been carried out: its answer was lost."""
    return code == "network_error"


def stays_unknown(status: int | None) -> bool:
    """Returns whether the outcome is still unknown after the answer to a repetition."""
    return status is None or status < 400 or status >= 500 or status in (401, 403, 429)


def code_of_status(status: int) -> str:
    """Returns the code of a response that has none, such as that of a proxy."""
    if status == 401:
        return "auth_no_credentials"
    if status == 429:
        return "rate_limited"
    return "network_error" if 502 <= status <= 504 else "internal_error"


def retry_after(header: str | None) -> int | None:
    """Reads a ``Retry-After`` header in seconds. A date is ignored."""
    if header is None or not (header.isascii() and header.isdigit()):
        return None
    # More digits than these are beyond the limit.
    return MAX_RETRY_AFTER if len(header) > 9 else min(int(header), MAX_RETRY_AFTER)


def claim_after_error(
    *, held: bool, expired: bool, claimed: bool, retryable: bool
) -> Literal["kept", "lost", "refused"]:
    """Returns what happens to a claim whose request failed."""
    if held and (expired or claimed):
        return "lost"
    return "kept" if retryable else "refused"


def claim_interval(held: bool, ttl: float) -> float:
    """Returns when a claim is requested again, in seconds."""
    return max(ttl / 3, MIN_RENEWAL_INTERVAL) if held else min(ttl / 3, CLAIM_POLL_INTERVAL)


def admits(position: int, max_depth: int | None) -> bool:
    """Returns whether a waiter stays in the claim queue, with this number of waiters ahead."""
    return max_depth is None or position < max_depth


def renew_after(ttl: float) -> float:
    """Returns when an exchanged token is renewed, in seconds."""
    return ttl * 2 / 3
