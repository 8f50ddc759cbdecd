"""Uses the generated client: the address and a secret key are the arguments.

Type checkers read this program, too.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from datetime import datetime, timezone
from decimal import Decimal

from ablo_client import UNSET, Ablo, AbloError, AsyncAblo, WriteOptions, models
from ablo_client.runtime import AbloClaimedError, AbloStaleContextError, errors, policy

PROCESSES, STEPS = 4, 50


def every_kind(ablo: Ablo) -> None:
    """Writes and reads a value of every kind."""
    due = datetime(2026, 6, 1, 8, 0, 0, 250_000, timezone.utc)
    data: models.ReportCreate = {
        "title": 'a "title" / with % and é 😀',
        "status": "ready",
        "confidence": 200,
        "due_at": due,
        "readers": 9_223_372_036_854_775_807,
        "price": Decimal("12345678.0100"),
        "sources": {"list": [1, 2.5, None, True, "x"]},
        "body": UNSET,
    }
    written = ablo.reports.create(data)
    row = ablo.reports.get(written.id)
    assert row is not None
    assert row.title == data["title"] and row.status == "ready" and row.body is None
    assert row.confidence == 200 and row.due_at == due and row.readers == data.get("readers")
    assert row.price == Decimal("12345678.01") and row.sources == data.get("sources")
    ablo.reports.update(written.id, {"due_at": None, "confidence": UNSET})
    changed = ablo.reports.read(written.id).row
    assert changed.due_at is None and changed.confidence == 200
    ablo.reports.update(written.id, relative={"readers": {"increment": -7}})
    assert ablo.reports.read(written.id).row.readers == 9_223_372_036_854_775_800
    ablo.reports.delete(written.id)
    assert ablo.reports.get(written.id) is None


def lists(ablo: Ablo) -> None:
    """Lists rows with conditions, in pages."""
    for number in range(7):
        ablo.reports.create({"id": f"l{number}", "title": f"list {number}", "confidence": number})
    titles = ablo.reports.list({"title": {"like": "list %"}}, order_by="title", descending=True)
    assert [row.id for row in titles] == [f"l{number}" for number in reversed(range(7))]
    some = ablo.reports.iterate({"confidence": {"ge": 2, "ne": 4}}, page_size=2)
    assert [row.confidence for row in some] == [2, 3, 5, 6]
    both = ablo.reports.list({"id": ["l1", "l2"], "due_at": None})
    assert [row.id for row in both] == ["l1", "l2"]
    first = ablo.reports.list({"status": "draft"}, limit=3)
    rest = ablo.reports.list({"status": "draft"}, after=first.next)
    assert len(first) == 3 and len(rest) == 4
    operations = [ablo.reports.operation.delete(f"l{number}") for number in range(7)]
    operations.append(ablo.counters.operation.create({"id": "sum", "value": 0}))
    assert ablo.commit(operations).rows[-1] == "sum"


def guards(ablo: Ablo) -> None:
    """Refuses a stale write, repeats a key, and says why a row cannot be read."""
    written = ablo.reports.create({"title": "first"}, WriteOptions(idempotency_key="once"))
    again: models.ReportCreate = {"id": written.id, "title": "first"}
    repeated = ablo.reports.create(again, WriteOptions(idempotency_key="once"))
    assert repeated.read_at == written.read_at
    ablo.reports.update(written.id, {"title": "second"}, read_at=written.read_at)
    try:
        ablo.reports.update(written.id, {"title": "third"}, read_at=written.read_at)
        raise AssertionError("a stale write was accepted")
    except AbloStaleContextError as error:
        assert error.conflicts[0].conflicting_fields == ("title",), error.details
        assert "Read the row again" in str(error)
    try:
        ablo.reports.read("absent")
        raise AssertionError("an absent row was read")
    except AbloError as error:
        assert error.code == "model_not_found" and error.status == 404
    with ablo.turn("tidy up") as turn:
        ablo.reports.update(written.id, {"body": "x"}, options=WriteOptions(turn_id=turn.id))
    ablo.check_schema()


def lost_claims(ablo: Ablo, other: Ablo) -> None:
    """A claim that another client took over is lost at its next use."""
    ablo.reports.create({"id": "claimed", "title": "t"})
    with ablo.reports.claim("claimed", ttl=30) as claim:
        assert other.reports.holder("claimed") is not None
        claim.update({"title": "held"})
        try:
            with other.reports.claim("claimed", wait=False):
                raise AssertionError("two clients hold one row")
        except AbloClaimedError as error:
            assert error.code == "entity_claimed"
    with ablo.reports.claim("claimed", ttl=0.6) as claim:
        ablo.run(ablo.session.send("DELETE", ("v1", "intents", claim.id)))
        with other.reports.claim("claimed"):
            until = time.monotonic() + 20
            while claim.is_held and time.monotonic() < until:
                time.sleep(0.02)
            try:
                claim.update({"title": "too late"})
                raise AssertionError("a lost claim wrote")
            except AbloClaimedError as error:
                assert error.code == "claim_lost"
    assert ablo.reports.read("claimed").row.title == "held"


async def asynchronous(url: str, key: str) -> None:
    """The asynchronous twin, in a running loop; a lost claim cancels the block."""
    async with AsyncAblo(url, api_key=key) as ablo, AsyncAblo(url, api_key=key) as other:
        ids = await asyncio.gather(
            *(ablo.counters.create({"value": float(number)}) for number in range(20))
        )
        rows = [row async for row in ablo.counters.iterate({"id": [one.id for one in ids]})]
        assert sorted(row.value for row in rows) == [float(number) for number in range(20)]
        async with ablo.reports.claim("claimed") as claim:
            await claim.update({"title": "asynchronous"})
        assert (await ablo.reports.read("claimed")).row.title == "asynchronous"
        try:
            async with ablo.reports.claim("claimed", ttl=0.6) as claim:
                await ablo.run(ablo.session.send("DELETE", ("v1", "intents", claim.id)))
                async with other.reports.claim("claimed"):
                    await asyncio.sleep(20)
            raise AssertionError("a lost claim did not end its block")
        except AbloClaimedError as error:
            assert error.code == "claim_lost"
        # The task goes on as before.
        await asyncio.sleep(0)


def increment(ablo: Ablo) -> None:
    """Increments one row with guarded writes, each based on a read."""
    for _ in range(STEPS):
        while True:
            found = ablo.counters.read("sum")
            try:
                ablo.counters.update("sum", {"value": found.row.value + 1}, read_at=found.read_at)
                break
            except AbloStaleContextError:
                continue


def updates_are_not_lost(ablo: Ablo, url: str, key: str) -> None:
    """Several processes increment one row at once."""
    command = [sys.executable, __file__, url, key, "increment"]
    running = [subprocess.Popen(command) for _ in range(PROCESSES)]
    assert [process.wait() for process in running] == [0] * PROCESSES
    assert ablo.counters.read("sum").row.value == PROCESSES * STEPS


def decisions(path: str) -> None:
    """Compares the decisions with the table that all clients share."""
    with open(path, encoding="utf-8") as file:
        table = json.load(file)
    constants = table["constants"]
    assert policy.ATTEMPTS == constants["attempts"]
    assert policy.REQUEST_TIMEOUT * 1000 == constants["requestTimeoutMs"]
    assert policy.CLAIM_TTL * 1000 == constants["claimTtlMs"]
    assert policy.CLAIM_POLL_INTERVAL * 1000 == constants["claimPollIntervalMs"]
    assert policy.TOKEN_TTL == constants["tokenTtlSeconds"]
    for case in table["backoff"]:
        delay = policy.backoff(case["failures"], case["random"]) * 1000
        assert abs(delay - case["delayMs"]) < 1e-6, case
    for case in table["retryAfter"]:
        assert policy.retry_after(case["header"]) == case["seconds"], case
    for case in table["errors"]:
        if case["status"] is not None:
            error = errors.error_of("", code=case["code"], status=case["status"])
            assert type(error).__name__ == case["class"], case
        assert policy.should_retry(case["code"], case["status"]) == case["retry"], case
    for case in table["errorBodies"]:
        error = errors.error_of_response(case["status"], case["body"])
        assert (error.code, error.message) == (case["code"], case["message"]), case
    for case in table["lostAnswers"]:
        assert policy.is_lost(case["code"]) == case["lost"], case
        assert policy.stays_unknown(case["status"]) == case["unknown"], case
    for case in table["claimErrors"]:
        outcome = policy.claim_after_error(
            held=case["held"],
            expired=case["expired"],
            claimed=case["claimed"],
            retryable=case["retryable"],
        )
        assert outcome == case["outcome"], case
    for case in table["claimIntervals"]:
        interval = policy.claim_interval(case["held"], case["ttlMs"] / 1000) * 1000
        assert abs(interval - case["nextMs"]) < 1e-6, case
    for case in table["queue"]:
        assert policy.admits(case["position"], case["maxDepth"]) == case["admitted"], case


def main() -> None:
    """Runs all, or the increments of one process."""
    url, key, what = sys.argv[1:4]
    with Ablo(url, api_key=key) as ablo, Ablo(url, api_key=key) as other:
        if what == "increment":
            increment(ablo)
            return
        decisions(what)
        every_kind(ablo)
        lists(ablo)
        guards(ablo)
        lost_claims(ablo, other)
        asyncio.run(asynchronous(url, key))
        updates_are_not_lost(ablo, url, key)
    print("done")


if __name__ == "__main__":
    main()
