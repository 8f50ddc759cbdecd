// Lost answers and late ones, with a fake clock: writes whose outcome is unknown, and deltas that
// arrive before the answer to a sync request. The argument names a case.

import { AbloConnectionError, type Ablo, type runtime } from "./typescript/index.js";
import { FakeClock } from "./clock.js";
import { Network, type Answer } from "./network.js";
import { assert, client, equal, main, url as name } from "./support.js";

const clock = new FakeClock();
const network = new Network();

const start = (): Ablo =>
  client({
    baseURL: "http://made.up",
    apiKey: "sk_test_x",
    dangerouslyAllowBrowser: true,
    fetch: network.fetch,
    WebSocket: network.WebSocket,
  });

async function live(): Promise<Ablo> {
  network.rows = [{ id: "a", title: "first", status: "draft" }];
  const ablo = start();
  void ablo.ready();
  await clock.advance(1000);
  equal(ablo.syncStatus.state, "live", "the state after the start");
  return ablo;
}

/** Writes and returns the code of the error, or `ok`, and the error. */
async function write(
  ablo: Ablo,
  answers: Answer[],
): Promise<[string, runtime.AbloError | undefined]> {
  network.commits = [];
  network.answers = answers;
  let outcome: [string, runtime.AbloError | undefined] = ["pending", undefined];
  ablo.reports.update({ id: "a", data: { title: "mine" } }).then(
    () => (outcome = ["ok", undefined]),
    (error: runtime.AbloError) => (outcome = [error.code, error]),
  );
  await clock.advance(120_000);
  network.answers = [];
  return outcome;
}

/** The answer to a write is lost: the client asks again, with the same key and body. */
async function lostAnswer(): Promise<void> {
  const ablo = await live();
  const failures: string[] = [];
  ablo.onWriteFailure(({ code }) => failures.push(code));
  // More losses than attempts.
  const lost = Array.from({ length: 6 }, () => "lost" as const);
  equal((await write(ablo, lost))[0], "ok", "the answer comes at last");
  equal(network.commits.length, 7, "the number of requests");
  const texts = new Set(network.commits.map((one) => JSON.stringify(one)));
  equal(texts.size, 1, "every request has the same key and body");
  assert(network.commits[0]!.key !== undefined, "the key");

  // The outcome stays unknown. Without local rows, nothing waits.
  ablo.close();
  const plain = start();
  plain.onWriteFailure(({ code }) => failures.push(code));
  const [code, error] = await write(plain, Array.from({ length: 99 }, () => "lost" as const));
  assert(error instanceof AbloConnectionError && !error.retryable, String(error));
  equal([code, failures], ["commit_no_result", ["commit_no_result"]], "the outcome is unknown");
  equal(error.details["clientTxId"], network.commits[0]!.key, "the key to ask with");
  assert(network.commits.length > 6, "the client asked until the timeout");
  equal(plain.syncStatus.pendingChanges, 0, "nothing waits");

  // The coordinator is away, then a token is refused: the write may have been applied before.
  equal((await write(plain, ["lost", 401]))[0], "commit_no_result", "the token is refused");
  equal((await write(plain, ["lost", 409]))[0], "internal_error", "the write is refused");
  // Refusals are answers.
  equal((await write(plain, [500, 500, 500, 500]))[0], "internal_error", "four attempts");
}

/** A machine sleeps while the answer to a write is awaited. */
async function lostWhileAsleep(): Promise<void> {
  const ablo = await live();
  network.state = "hole";
  let outcome = "pending";
  ablo.reports.update({ id: "a", data: { title: "mine" } }).then(
    () => (outcome = "ok"),
    (error: runtime.AbloError) => (outcome = error.code),
  );
  await clock.advance(1000);
  await clock.sleep(3_600_000);
  network.state = "up";
  await clock.advance(60_000);
  equal([outcome, network.commits.length], ["ok", 2], "the client asks again after the sleep");
}

/** Deltas before the answer to a sync request belong to another position. */
async function deltasBeforeTheAnswer(): Promise<void> {
  const ablo = await live();
  const stream = ablo.changes({ from: 10 });
  const seen: number[] = [];
  void (async () => {
    for await (const { id } of stream) seen.push(id);
  })();
  await clock.advance(1000);
  network.holdsAnswers = true;
  network.head = 13;
  network.cut();
  await clock.advance(1000);
  const [one, other] = network.sockets.slice(-2);
  for (const socket of [one!, other!]) socket.deliver(13, "thirteen");
  await clock.advance(10);
  equal([ablo.reports.get("a")?.title, seen], ["first", []], "before the answer");
  assert(ablo.syncStatus.state !== "live", "the rows are not current");
  for (const socket of [one!, other!]) {
    socket.answer();
    socket.deliver(11, "eleven");
    socket.deliver(12, "twelve");
  }
  await clock.advance(10);
  equal([ablo.reports.get("a")?.title, seen], ["twelve", [11, 12]], "after the answer");
  for (const socket of [one!, other!]) socket.deliver(13, "thirteen");
  await clock.advance(10);
  equal([ablo.reports.get("a")?.title, seen], ["thirteen", [11, 12, 13]], "every change, once");
  equal(ablo.syncStatus.state, "live", "the rows are current");
  ablo.close();

  // A connection that was opened for a claim may begin after the rows that are read.
  for (const isKnown of [true, false]) {
    network.holdsAnswers = !isKnown;
    const late = start();
    void late.counters.claim({ id: "row" });
    await clock.advance(1000);
    const opened = network.sockets.length;
    void late.ready();
    await clock.advance(1000);
    const requests = network.last.sent.filter(({ type }) => type === "sync_request");
    equal(
      [network.sockets.length - opened, requests.map(({ payload }) => payload.lastSyncId)],
      isKnown ? [0, [0]] : [1, [13]],
      "the connection begins at the rows or is replaced",
    );
    if (!isKnown) network.last.answer();
    await clock.advance(1000);
    network.last.deliver(network.head + 1, "later");
    await clock.advance(10);
    equal([late.reports.get("a")?.title, late.syncStatus.state], ["later", "live"], "followed");
    network.head = 13;
    late.close();
  }
}

const cases: { readonly [name: string]: () => Promise<void> } = {
  lostAnswer,
  lostWhileAsleep,
  deltasBeforeTheAnswer,
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
