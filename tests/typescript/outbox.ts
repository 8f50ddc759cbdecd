// Writes that wait for the network or are refused, with a fake clock. The argument names a case.

import { type Ablo, type runtime } from "./typescript/index.js";
import { FakeClock } from "./clock.js";
import { Network } from "./network.js";
import { assert, client, equal, main, url as name } from "./support.js";

const clock = new FakeClock();
const network = new Network();
const stamp = "2026-06-01T08:00:00.000Z";

async function start(isReady: boolean = true): Promise<Ablo> {
  network.rows = Array.from({ length: 10 }, (_, at) => ({
    id: `r${at}`,
    title: "first",
    status: "draft",
    createdAt: stamp,
  }));
  const ablo = client({
    baseURL: "http://made.up",
    apiKey: "sk_test_x",
    dangerouslyAllowBrowser: true,
    fetch: network.fetch,
    WebSocket: network.WebSocket,
  });
  void ablo.ready();
  await clock.advance(1000);
  if (isReady) equal(ablo.syncStatus.state, "live", "the state after the start");
  return ablo;
}

/** Ends the connection to a network that is away from now on. */
async function goOffline(ablo: Ablo): Promise<void> {
  network.state = "away";
  network.cut();
  await clock.advance(10);
  equal(ablo.syncStatus.state, "offline", "the state after the cut");
}

/** The network is back, and the page notices it. */
async function goOnline(): Promise<void> {
  network.state = "up";
  await clock.dispatch("online");
  await clock.advance(2000);
}

/** Records how calls settle. */
function watch(calls: readonly PromiseLike<unknown>[]): string[] {
  const outcomes = calls.map(() => "waits");
  calls.forEach((call, at) => {
    call.then(
      () => (outcomes[at] = "ok"),
      (error: runtime.AbloError) => (outcomes[at] = error.code),
    );
  });
  return outcomes;
}

/** Writes made offline are shown, wait for hours, and are sent once in the order of each row. */
async function writesWaitForTheNetwork(): Promise<void> {
  const ablo = await start();
  await goOffline(ablo);
  const failures: string[] = [];
  ablo.onWriteFailure(({ code }) => failures.push(code));
  const began = Date.now();
  const calls = Array.from({ length: 50 }, (_, at) =>
    ablo.reports.update({
      id: `r${at % 10}`,
      data: { title: `title ${at}` },
      idempotencyKey: `key-${at}`,
    }),
  );
  const outcomes = watch(calls);
  await clock.advance(3 * 3_600_000);
  equal(ablo.reports.get("r3")?.title, "title 43", "the row meanwhile");
  const { pendingChanges, oldestPendingAt } = ablo.syncStatus;
  equal([pendingChanges, oldestPendingAt], [50, began], "what waits");
  equal([new Set(outcomes).size, failures], [1, []], "no outcome yet");
  await goOnline();
  equal([...new Set(outcomes)], ["ok"], "every write is confirmed");
  for (let row = 0; row < 10; row += 1) {
    const titles = network.applied
      .filter(({ id }) => id === `r${row}`)
      .map(({ data }) => data.title);
    const expected = [0, 1, 2, 3, 4].map((at) => `title ${at * 10 + row}`);
    equal(titles, expected, "the writes of a row, in order and once");
  }
  equal(ablo.syncStatus.oldestPendingAt, undefined, "nothing waits");
  ablo.close();
}

/** Writes made before the first connection are shown on top of the rows that arrive. */
async function writesBeforeTheFirstConnection(): Promise<void> {
  network.state = "away";
  const ablo = await start(false);
  const outcomes = watch([
    ablo.reports.create({ id: "new", data: { title: "made" } }),
    ablo.reports.update({ id: "r1", data: { title: "mine" } }),
  ]);
  await clock.advance(60_000);
  equal([ablo.reports.get("new")?.title, outcomes], ["made", ["waits", "waits"]], "meanwhile");
  await goOnline();
  await clock.advance(10_000);
  equal(outcomes, ["ok", "ok"], "both are confirmed");
  equal(ablo.reports.get("r1")?.title, "mine", "the row");
  equal(network.applied.length, 2, "both are applied once");
  ablo.close();
}

/** Patches of a row that were not sent are merged; one that was sent, never. */
async function patchesAreMergedUntilTheyAreSent(): Promise<void> {
  const ablo = await start();
  network.state = "mute";
  const sent = ablo.reports.update({ id: "r1", data: { title: "sent" } });
  await clock.advance(50);
  const later = ["a", "b", "c"].map((title) => ablo.reports.update({ id: "r1", data: { title } }));
  later.push(ablo.reports.update({ id: "r1", data: { body: "text" } }));
  const outcomes = watch([sent, ...later]);
  equal(
    [ablo.reports.get("r1")?.title, ablo.reports.get("r1")?.body],
    ["c", "text"],
    "the row shows all",
  );
  await clock.advance(120_000);
  assert(
    outcomes.every((outcome) => outcome === "waits"),
    "an answer that is lost is no outcome",
  );
  await goOnline();
  await clock.advance(10_000);
  equal([...new Set(outcomes)], ["ok"], "every write is confirmed");
  const data = network.applied.map((own) => own.data);
  equal(data, [{ title: "sent" }, { title: "c", body: "text" }], "two commits, each applied once");
  const bodies = new Map<string, Set<string>>();
  for (const { key = "", body = "" } of network.commits)
    bodies.set(key, (bodies.get(key) ?? new Set()).add(body));
  equal(
    [...bodies.values()].map(({ size }) => size),
    [1, 1],
    "a key has one body",
  );
  const [first, second] = await Promise.all([later[0]!, later[3]!]);
  equal(first.operations, second.operations, "merged writes are one operation");
  ablo.close();
}

/** One of ten writes is refused: it is parked, and the others are confirmed. */
async function aRefusalDoesNotStopTheOthers(): Promise<void> {
  const ablo = await start();
  await goOffline(ablo);
  const outcomes = watch(
    Array.from({ length: 10 }, (_, at) =>
      ablo.reports.update({ id: `r${at}`, data: { title: `title ${at}` } }),
    ),
  );
  network.refuse = ([{ data }]) =>
    data.title === "title 3" ? { code: "check_violation" } : undefined;
  let changes = 0;
  const stop = ablo.outbox.subscribe(() => (changes += 1));
  await goOnline();
  equal(outcomes.filter((outcome) => outcome === "ok").length, 9, "the others are confirmed");
  equal(outcomes[3], "check_violation", "the refusal");
  const [parked] = ablo.outbox.parked;
  assert(parked !== undefined && changes === 1, "it is parked");
  assert(ablo.outbox.parked === ablo.outbox.parked, "the list is the same until it changes");
  const { outcome, error, operations, rows, cause } = parked;
  equal([outcome, error.code, cause], ["refused", "check_violation", undefined], "the reason");
  equal(
    operations,
    [{ action: "update", model: "reports", id: "r3", data: { title: "title 3" } }],
    "the write",
  );
  equal((rows[0] as { title: string }).title, "first", "the current row");
  equal(ablo.reports.get("r3")?.title, "first", "the row is that of the coordinator");
  equal(ablo.syncStatus.parkedChanges, 1, "the status");

  // It is refused again, then replaced, then accepted.
  parked.retry();
  equal(ablo.outbox.parked.length, 0, "it waits again");
  await clock.advance(1000);
  const [again] = ablo.outbox.parked;
  assert(again !== undefined && again !== parked, "it is refused again");
  parked.discard();
  equal(ablo.outbox.parked.length, 1, "the earlier object has no effect any more");
  again.edit([{ action: "update", model: "reports", id: "r3", data: { title: "fixed" } }]);
  equal(ablo.reports.get("r3")?.title, "fixed", "the edited write is shown");
  await clock.advance(1000);
  equal(
    [ablo.outbox.parked.length, network.applied.at(-1).data],
    [0, { title: "fixed" }],
    "edited",
  );

  network.refuse = () => ({ code: "check_violation" });
  void ablo.reports.update({ id: "r4", data: { title: "bad" } }).catch(() => {});
  await clock.advance(1000);
  ablo.outbox.parked[0]?.discard();
  equal([ablo.outbox.parked.length, ablo.syncStatus.parkedChanges], [0, 0], "it is forgotten");
  stop();
  ablo.close();
}

/** Writes based on a refused one are parked with it, unsent, and sent with it again. */
async function whatIsBasedOnARefusedWriteIsParked(): Promise<void> {
  const ablo = await start();
  await goOffline(ablo);
  const outcomes = watch([
    ablo.reports.create({ id: "new", data: { title: "made" } }),
    ...["a", "b", "c"].map((title) =>
      ablo.reports.update({ id: "new", data: { title }, idempotencyKey: `key-${title}` }),
    ),
    ablo.commits.create({
      operations: [
        { action: "update", model: "reports", id: "new", data: { body: "text" } },
        { action: "update", model: "reports", id: "r1", data: { body: "text" } },
      ],
    }),
    ablo.reports.update({ id: "r2", data: { title: "other" } }),
  ]);
  equal(ablo.reports.get("new")?.title, "c", "the row meanwhile");
  network.refuse = ([{ action }]) =>
    action === "create" ? { code: "unique_violation" } : undefined;
  network.commits = [];
  await goOnline();
  const refused = "unique_violation";
  equal(outcomes, [refused, refused, refused, refused, refused, "ok"], "the outcomes");
  equal(network.commits.length, 2, "what is based on the create was not sent");
  const [first, ...based] = ablo.outbox.parked;
  equal(
    based.map(({ cause }) => cause),
    Array(4).fill(first?.id),
    "why they are parked",
  );
  equal(ablo.reports.get("new"), undefined, "the row does not exist");
  network.refuse = () => undefined;
  network.applied = [];
  first?.retry();
  await clock.advance(5000);
  equal(
    network.applied.map(({ action, data }) => [action, data.title ?? data.body]),
    [
      ["create", "made"],
      ["update", "a"],
      ["update", "b"],
      ["update", "c"],
      ["update", "text"],
      ["update", "text"],
    ],
    "all are applied in order",
  );
  equal(ablo.outbox.parked.length, 0, "nothing is parked");
  ablo.close();
}

/** A write made offline is based on the rows of that time; a retry on those of now. */
async function offlineWritesAreGuarded(): Promise<void> {
  const ablo = await start();
  await goOffline(ablo);
  const update = (data: object, more: object = {}) =>
    ablo.reports.update({ id: "r1", data, ...more });
  const outcomes = watch([
    update({ title: "mine" }),
    update({ title: "newer" }, { idempotencyKey: "own" }),
    ablo.reports.update({ id: "r2", data: { title: "forced" }, onStale: "force" }),
  ]);
  const conflicts = [
    { model: "reports", id: "r1", observedSyncId: 40, data: { id: "r1", title: "theirs" } },
  ];
  network.refuse = ([own]) =>
    own.id === "r1" && own.readAt < 40 && own.onStale === "reject"
      ? ({ code: "stale_context", conflicts } as { code: string })
      : undefined;
  await goOnline();
  equal(outcomes, ["stale_context", "stale_context", "ok"], "the outcomes");
  const [first, second] = ablo.outbox.parked;
  equal((first?.rows[0] as { title: string }).title, "theirs", "the current row");
  equal(second?.cause, first?.id, "the second is based on the first");
  first?.retry();
  await clock.advance(5000);
  const own = network.applied.filter(({ id }) => id === "r1");
  equal(
    own.map(({ data, readAt }) => [data.title, readAt]),
    [
      ["mine", 40],
      ["newer", 40],
    ],
    "sent",
  );
  equal(own[1].after, [own[0].transactionId], "the second names the first");
  ablo.close();
}

/** A claim that ends during an outage is left out; the guard remains. */
async function aClaimThatEndedIsLeftOut(): Promise<void> {
  const ablo = await start();
  const claim = await ablo.reports.claim({ id: "r1", ttl: "5m" });
  const confirmed = await claim.update({ data: { body: "earlier" } });
  await goOffline(ablo);
  const outcomes = watch([claim.update({ data: { title: "mine" } })]);
  network.refuse = (_, intent) => (intent === undefined ? undefined : { code: "claim_lost" });
  await clock.advance(600_000);
  assert(!claim.isHeld, "the lease has ended");
  await goOnline();
  equal(outcomes, ["ok"], "the write is confirmed");
  const { readAt, onStale, after } = network.applied.at(-1);
  equal([readAt, onStale, after], [claim.stamp, "reject", confirmed.operations], "the guard");
  // A claim that is lost without an outage is an error.
  const held = await ablo.reports.claim({ id: "r2" });
  const late = watch([held.update({ data: { title: "late" } })]);
  await clock.advance(1000);
  equal(late, ["claim_lost"], "the refusal");
  ablo.close();
}

/** A write whose key is too old, or to which there is no answer, is parked as unknown. */
async function unknownOutcomesAreParked(): Promise<void> {
  const ablo = await start();
  network.refuse = () => ({ code: "idempotency_key_expired" });
  const outcomes = watch([ablo.reports.update({ id: "r1", data: { title: "old" } })]);
  await clock.advance(1000);
  const [parked] = ablo.outbox.parked;
  equal([outcomes, parked?.outcome], [["idempotency_key_expired"], "unknown"], "an old key");
  network.refuse = () => undefined;
  parked?.retry();
  await clock.advance(1000);
  equal(network.applied.length, 1, "a retry has another key");
  assert(parked?.id !== JSON.parse(network.commits.at(-1)!.body!).idempotencyKey, "the key");
  network.answers = [500, 500, 500, 500];
  void ablo.reports.update({ id: "r1", data: { title: "odd" } }).catch(() => {});
  await clock.advance(10_000);
  equal(ablo.outbox.parked[0]?.outcome, "unknown", "a failure of the coordinator");
  // Credentials that are refused are not an outcome.
  network.answers = Array.from({ length: 8 }, () => 401);
  const late = watch([ablo.reports.update({ id: "r2", data: { title: "later" } })]);
  await clock.advance(60_000);
  equal(late, ["ok"], "the write waits for the credentials");
  ablo.close();
}

/** A write settles when it is queued, if the caller wants that, and returns the row. */
async function writesSettleWhenQueued(): Promise<void> {
  const ablo = await start();
  await goOffline(ablo);
  const { data, stamp } = await ablo.reports.update({
    id: "r1",
    data: { title: "queued" },
    wait: "queued",
  });
  equal([data?.title, data?.status, stamp], ["queued", "draft", 0], "the row");
  network.refuse = () => ({ code: "check_violation" });
  await goOnline();
  equal(ablo.outbox.parked.length, 1, "the refusal is parked");
  // A client that is closed sends what waits, and no longer than a request takes.
  network.state = "away";
  const outcomes = watch([ablo.reports.update({ id: "r2", data: { title: "late" } })]);
  await clock.advance(10_000);
  equal(outcomes, ["waits"], "the write waits");
  ablo.close();
  await clock.advance(60_000);
  equal(outcomes, ["commit_no_result"], "the outcome is unknown");
}

const cases: { readonly [name: string]: () => Promise<void> } = {
  writesWaitForTheNetwork,
  writesBeforeTheFirstConnection,
  patchesAreMergedUntilTheyAreSent,
  aRefusalDoesNotStopTheOthers,
  whatIsBasedOnARefusedWriteIsParked,
  offlineWritesAreGuarded,
  aClaimThatEndedIsLeftOut,
  unknownOutcomesAreParked,
  writesSettleWhenQueued,
};

main(async () => {
  const run = cases[name];
  assert(run !== undefined, `there is no case ${name}`);
  try {
    await run();
  } finally {
    clock.end();
  }
});
