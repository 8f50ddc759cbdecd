"""The client runtime, the same for every schema: requests, values, claims, errors."""

from __future__ import annotations

from .aio import AsyncClaim, AsyncClient, AsyncModel, AsyncTurn
from .client import Claim, Client, Model, Operations, Turn
from .errors import (
    AbloAuthenticationError,
    AbloClaimedError,
    AbloConnectionError,
    AbloError,
    AbloIdempotencyError,
    AbloPermissionError,
    AbloRateLimitError,
    AbloServerError,
    AbloStaleContextError,
    AbloValidationError,
    CapabilityError,
    Conflict,
)
from .operations import ClaimInfo, Committed, Operation, Page, Read, WriteOptions, Written
from .values import UNSET, Field, JsonInput, JsonValue, ModelSchema, Unset

__all__ = [
    "UNSET",
    "AbloAuthenticationError",
    "AbloClaimedError",
    "AbloConnectionError",
    "AbloError",
    "AbloIdempotencyError",
    "AbloPermissionError",
    "AbloRateLimitError",
    "AbloServerError",
    "AbloStaleContextError",
    "AbloValidationError",
    "AsyncClaim",
    "AsyncClient",
    "AsyncModel",
    "AsyncTurn",
    "CapabilityError",
    "Claim",
    "ClaimInfo",
    "Client",
    "Committed",
    "Conflict",
    "Field",
    "JsonInput",
    "JsonValue",
    "Model",
    "ModelSchema",
    "Operation",
    "Operations",
    "Page",
    "Read",
    "Turn",
    "Unset",
    "WriteOptions",
    "Written",
]
