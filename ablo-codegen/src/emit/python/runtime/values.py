"""Values of fields: their types in Python, and their form in JSON."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum
from typing import Final, Generic, Literal, TypeAlias, TypedDict, TypeVar, Union, cast

from .errors import AbloError, error_of, invalid

JsonValue: TypeAlias = Union[
    "dict[str, JsonValue]", "list[JsonValue]", str, int, float, bool, None
]
"""A JSON value that was read."""

JsonInput: TypeAlias = Union[
    "Mapping[str, JsonInput]", "Sequence[JsonInput]", str, int, float, bool, None
]
"""A JSON value to write."""


class Unset(Enum):
    """The type of ``UNSET``."""

    UNSET = "UNSET"

    def __repr__(self) -> str:
        return "UNSET"

    def __bool__(self) -> Literal[False]:
        return False


UNSET: Final = Unset.UNSET
"""A member that is left out. ``None`` clears a field; ``UNSET`` keeps its value."""

Kind: TypeAlias = Literal["str", "int", "float", "bool", "int64", "decimal", "datetime", "json"]

Row = TypeVar("Row")


@dataclass(frozen=True)
class Field:
    """A field: its name in Python, its name on the wire, and the kind of its values."""

    attribute: str
    name: str
    kind: Kind
    optional: bool = False


@dataclass(frozen=True)
class ModelSchema(Generic[Row]):
    """A model of a schema."""

    key: str
    typename: str
    row: type[Row]
    fields: tuple[Field, ...]

    def field(self, attribute: str) -> Field:
        """Returns a field by its name in Python."""
        for field in self.fields:
            if field.attribute == attribute:
                return field
        known = ", ".join(field.attribute for field in self.fields)
        raise invalid(f"`{self.key}` has no field `{attribute}`; it has {known}", "unknown_field")

    def decode(self, data: object) -> Row:
        """Returns the row of a JSON object."""
        if not isinstance(data, dict):
            raise _unreadable(f"a row of `{self.key}` is no object")
        members = cast("dict[str, object]", data)
        values: dict[str, object] = {}
        for field in self.fields:
            value = members.get(field.name)
            if value is not None:
                values[field.attribute] = decode(field, value)
            elif field.optional:
                values[field.attribute] = None
            else:
                raise error_of(
                    f"a row of `{self.key}` has no `{field.name}`", code="schema_mismatch"
                )
        return self.row(**values)

    def encode(self, data: Mapping[str, object]) -> dict[str, object]:
        """Returns the JSON object of a create or a patch, without the members that are unset."""
        return {
            (field := self.field(attribute)).name: encode(field, value)
            for attribute, value in data.items()
            if value is not UNSET
        }

    def encode_relative(self, data: Mapping[str, object]) -> dict[str, object]:
        """Returns the JSON object of relative changes."""
        changes: dict[str, object] = {}
        for attribute, change in data.items():
            field = self.field(attribute)
            operations = cast("Mapping[str, object]", change)
            changes[field.name] = {name: encode(field, to) for name, to in operations.items()}
        return changes


def _unreadable(message: str) -> AbloError:
    return error_of(message, code="response_unreadable")


def decode(field: Field, value: object) -> object:
    """Returns the value of a field from JSON."""
    kind = field.kind
    try:
        if kind == "json" or (kind == "str" and isinstance(value, str)):
            return value
        if kind == "bool" and isinstance(value, bool):
            return value
        if kind == "float" and isinstance(value, (int, float)) and not isinstance(value, bool):
            return float(value)
        if kind in ("int", "int64"):
            return _integer(value)
        if kind == "decimal" and isinstance(value, str):
            return Decimal(value)
        if kind == "datetime" and isinstance(value, str):
            return parse_datetime(value)
    except (ValueError, ArithmeticError):
        pass
    raise _unreadable(f"the value of `{field.name}` is no {kind}")


def _integer(value: object) -> int:
    if isinstance(value, str):
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    raise ValueError


def encode(field: Field, value: object) -> object:
    """Returns the JSON value of a field."""
    if isinstance(value, datetime):
        return format_datetime(value, field.attribute)
    if isinstance(value, Decimal):
        if not value.is_finite():
            raise invalid(f"`{field.attribute}` is not a finite number", "check_violation")
        return format(value, "f")
    if isinstance(value, float) and not math.isfinite(value):
        raise invalid(f"`{field.attribute}` is not a finite number", "check_violation")
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value) if field.kind in ("int64", "decimal") else value
    return value


_DATETIME: Final = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d+))?)?(Z|[+-]\d\d:?\d\d)?)?",
    re.ASCII,
)


def parse_datetime(text: str) -> datetime:
    """Reads ISO 8601 text. Digits beyond microseconds are dropped."""
    found = _DATETIME.fullmatch(text)
    if found is None:
        raise ValueError
    year, month, day, hour, minute, second = (int(part or 0) for part in found.groups()[:6])
    micros = int((found[7] or "").ljust(6, "0")[:6])
    zone = found[8] or "Z"
    offset = timedelta(0)
    if zone != "Z":
        digits = zone[1:].replace(":", "")
        offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
        offset = -offset if zone[0] == "-" else offset
    local = datetime(year, month, day, hour, minute, second, micros, timezone.utc)
    return local - offset


def format_datetime(value: datetime, name: str) -> str:
    """Returns ISO 8601 text in UTC."""
    if value.utcoffset() is None:
        raise invalid(
            f"`{name}` has no time zone: use `datetime.now(timezone.utc)`", "check_violation"
        )
    utc = value.astimezone(timezone.utc).replace(tzinfo=None)
    precision = "milliseconds" if utc.microsecond % 1000 == 0 else "microseconds"
    return utc.isoformat(timespec=precision) + "Z"


StrCondition = TypedDict(
    "StrCondition",
    {
        "eq": Union[str, None],
        "ne": Union[str, None],
        "lt": str,
        "le": str,
        "gt": str,
        "ge": str,
        "in": Sequence[str],
        "not_in": Sequence[str],
        "like": str,
        "ilike": str,
    },
    total=False,
)
"""Comparisons of texts, all of which must hold. In ``like``, ``%`` matches any text."""

IntCondition = TypedDict(
    "IntCondition",
    {
        "eq": Union[int, None],
        "ne": Union[int, None],
        "lt": int,
        "le": int,
        "gt": int,
        "ge": int,
        "in": Sequence[int],
        "not_in": Sequence[int],
    },
    total=False,
)
"""Comparisons of integers, all of which must hold."""

FloatCondition = TypedDict(
    "FloatCondition",
    {
        "eq": Union[float, None],
        "ne": Union[float, None],
        "lt": float,
        "le": float,
        "gt": float,
        "ge": float,
        "in": Sequence[float],
        "not_in": Sequence[float],
    },
    total=False,
)
"""Comparisons of numbers, all of which must hold."""

DecimalCondition = TypedDict(
    "DecimalCondition",
    {
        "eq": Union[Decimal, None],
        "ne": Union[Decimal, None],
        "lt": Decimal,
        "le": Decimal,
        "gt": Decimal,
        "ge": Decimal,
        "in": Sequence[Decimal],
        "not_in": Sequence[Decimal],
    },
    total=False,
)
"""Comparisons of decimals, all of which must hold."""

DatetimeCondition = TypedDict(
    "DatetimeCondition",
    {
        "eq": Union[datetime, None],
        "ne": Union[datetime, None],
        "lt": datetime,
        "le": datetime,
        "gt": datetime,
        "ge": datetime,
        "in": Sequence[datetime],
        "not_in": Sequence[datetime],
    },
    total=False,
)
"""Comparisons of times, all of which must hold."""


class BoolCondition(TypedDict, total=False):
    """Comparisons of truth values, all of which must hold."""

    eq: bool | None
    ne: bool | None


StrMatch: TypeAlias = Union[str, Sequence[str], StrCondition, None]
IntMatch: TypeAlias = Union[int, Sequence[int], IntCondition, None]
FloatMatch: TypeAlias = Union[float, Sequence[float], FloatCondition, None]
DecimalMatch: TypeAlias = Union[Decimal, Sequence[Decimal], DecimalCondition, None]
DatetimeMatch: TypeAlias = Union[datetime, Sequence[datetime], DatetimeCondition, None]
BoolMatch: TypeAlias = Union[bool, BoolCondition, None]


class IncrementInt(TypedDict):
    """Adds to an integer."""

    increment: int


class IncrementFloat(TypedDict):
    """Adds to a number."""

    increment: float


class IncrementDecimal(TypedDict):
    """Adds to a decimal."""

    increment: Decimal


class AppendStr(TypedDict):
    """Adds to the end of a text."""

    append: str


class AppendList(TypedDict):
    """Adds to the end of a list."""

    append: Sequence[JsonInput]


class AddList(TypedDict):
    """Adds the items that the list does not have."""

    add: Sequence[JsonInput]


class RemoveList(TypedDict):
    """Removes the items that equal one of these."""

    remove: Sequence[JsonInput]
