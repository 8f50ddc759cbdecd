// The client over time, with a fake clock: sleep, hidden and frozen pages, and tokens that end
// while the network is away. The argument names a case.

import { AbloConnectionError, type Ablo, type runtime } from "./typescript/index.js";
import { FakeClock } from "./clock.js";
import { Network } from "./network.js";
import { assert, client, equal, main, url as name } from "./support.js";

const [SECOND, MINUTE, HOUR] = [1000, 60_000, 3_600_000];
const clock = new FakeClock();
const network = new Network();

const start = (options: Partial<runtime.ClientOptions> = {}): Ablo =>
  client({
    baseURL: "http://made.up",
    apiKey: "sk_test_x",
    dangerouslyAllowBrowser: true,
    fetch: network.fetch,
    WebSocket: network.WebSocket,
    ...options,
  });

/** Settles a promise while time passes. */
async function within<T>(milliseconds: number, promise: Promise<T>): Promise<T | AbloError> {
  let settled: T | AbloError | undefined;
  promise.then(
    (value) => (settled = value),
    (error: AbloError) => (settled = error),
  );
  for (let spent = 0; settled === undefined && spent < milliseconds; spent += SECOND)
    await clock.advance(SECOND);
  if (settled === undefined) throw new Error(`unsettled after ${milliseconds} ms`);
  return settled;
}

type AbloError = runtime.AbloError;

/** Counts the calls of `getToken`; each returns another token. */
function tokens(): { calls: number; getToken: () => Promise<string> } {
  const own = { calls: 0, getToken: async () => `ek_test_${(own.calls += 1)}` };
  return own;
}

async function live(options: Partial<runtime.ClientOptions> = {}): Promise<Ablo> {
  network.rows = [{ id: "a", title: "first", status: "draft" }];
  const ablo = start(options);
  void ablo.ready();
  await clock.advance(SECOND);
  equal(ablo.syncStatus.state, "live", "the state after the start");
  return ablo;
}

async function claim(ablo: Ablo, ttl?: runtime.Duration): Promise<{ lost: string | undefined }> {
  const claiming = ablo.counters.claim({ id: "row", ...(ttl === undefined ? {} : { ttl }) });
  await clock.advance(SECOND);
  const held = await claiming;
  assert(held.isHeld, "the row is held");
  const own: { lost: string | undefined } = { lost: undefined };
  void held.lost.then(({ code }) => (own.lost = code));
  return own;
}

/** The token ends while the network is away, for however long. */
async function tokenOverWhileAway(): Promise<void> {
  const own = tokens();
  const ablo = await live(own);
  for (const away of [30 * SECOND, 10 * MINUTE, 8 * HOUR]) {
    const before = own.calls;
    network.state = "away";
    network.cut();
    await clock.advance(Math.min(away, 10 * MINUTE));
    if (away > 10 * MINUTE) await clock.sleep(away);
    equal(ablo.syncStatus.state, "offline", "the state without a network");
    network.expired.add(`ek_test_${before}`);
    network.state = "up";
    await clock.advance(6 * SECOND);
    equal([ablo.syncStatus.state, own.calls], ["live", before + 1], `after ${away} ms`);
  }
  const written = await within(MINUTE, ablo.counters.update({ id: "row", data: { value: 1 } }));
  assert(!(written instanceof Error), String(written));
  equal(network.bootstraps, 1, "the client resumes without a bootstrap");
}

/** The coordinator closes the connection because the token has ended. */
async function tokenExpires(): Promise<void> {
  const own = tokens();
  const ablo = await live(own);
  network.expired.add("ek_test_1");
  network.cut(4408);
  await clock.advance(SECOND);
  equal([ablo.syncStatus.state, own.calls, network.sockets.length], ["live", 2, 2], "resumed");
}

/** A page opens without a network. */
async function firstConnection(): Promise<void> {
  network.state = "away";
  const ablo = start();
  let outcome = "pending";
  ablo.ready().then(
    () => (outcome = "ready"),
    (error: AbloError) => (outcome = error.code),
  );
  await clock.advance(5 * MINUTE);
  const { state, error } = ablo.syncStatus;
  equal([outcome, state, error?.code], ["pending", "offline", "network_error"], "no network");
  network.answers = ["html", 404, 502, "html"];
  network.state = "up";
  await clock.advance(30 * SECOND);
  equal([outcome, ablo.syncStatus.state], ["ready", "live"], "the network is back");
  ablo.close();

  network.answers = [403];
  const refused = start();
  const ready = (await within(MINUTE, refused.ready())) as AbloError;
  equal([ready.status, refused.syncStatus.state], [403, "error"], "a missing right is final");
}

/** `getToken` hangs, fails, and returns an error page before it returns a token. */
async function getTokenFails(): Promise<void> {
  const results: (() => string | Promise<string>)[] = [
    () => new Promise<string>(() => {}),
    () => Promise.reject(new TypeError("Failed to fetch")),
    () => {
      throw new Error("thrown");
    },
    () => "<html>Bad gateway</html>",
  ];
  const own = { calls: 0 };
  const getToken = (): string | Promise<string> => {
    own.calls += 1;
    return results[own.calls - 1]?.() ?? "ek_test_x";
  };
  const ablo = start({ getToken, timeout: "10s" });
  const reading = ablo.counters.retrieve({ id: "row" });
  const messages: string[] = [];
  const error = await within(MINUTE, reading);
  assert(error instanceof AbloConnectionError, String(error));
  messages.push(error.code, error.message, String((error.cause as Error).message));
  equal(own.calls, 4, "the number of attempts");
  const expected = "`getToken` failed: the result is no token";
  equal(messages, ["network_error", expected, expected], "the error");
  own.calls = 0;
  void ablo.ready();
  await clock.advance(MINUTE);
  equal([ablo.syncStatus.state, own.calls], ["live", 5], "the client goes on");

  const out = start({ getToken: () => null });
  const over = (await within(MINUTE, out.ready())) as AbloError;
  equal([over.code, out.syncStatus.state], ["session_expired", "error"], "no user is logged in");
}

/** Events of the page end the pause before the next attempt, or ask an open connection. */
async function events(): Promise<void> {
  const ablo = await live();
  for (const type of ["online", "pageshow", "resume", "visibilitychange"]) {
    network.state = "away";
    network.cut();
    await clock.advance(MINUTE);
    network.state = "up";
    await clock.dispatch(type);
    equal(ablo.syncStatus.state, "live", `${type} without a connection`);
    const { last } = network;
    const pings = last.count("ping");
    await clock.dispatch(type);
    equal(last.count("ping"), pings + 1, `${type} with a connection`);
  }
  const [{ last }, opened] = [network, network.sockets.length];
  const pings = last.count("ping");
  await clock.show("hidden");
  equal(last.count("ping"), pings, "hiding a page is no use of it");

  // What a timer would send later is sent before the page is frozen.
  await clock.show("visible");
  last.deliver(20, "second");
  await clock.advance(0);
  equal(last.count("ack"), 0, "acknowledgements are collected");
  await clock.dispatch("freeze");
  equal(last.sent.at(-1)?.payload, { lastSyncId: 20, versions: {} }, "the acknowledgement");
  await clock.sleep(HOUR);
  await clock.dispatch("resume");
  await clock.advance(MINUTE);
  const title = ablo.reports.get("a")?.title;
  equal([title, network.sockets.length], ["second", opened], "nothing is lost");

  // A client that waits for the network before its first request is ready at once, too.
  ablo.close();
  equal(clock.listeners, 0, "a closed client has no listeners");
  network.state = "away";
  const next = start();
  void next.ready();
  await clock.advance(MINUTE);
  network.state = "up";
  await clock.dispatch("online");
  equal(next.syncStatus.state, "live", "online before the first connection");
}

/** Timers of a hidden page run once a minute. */
async function hiddenTab(): Promise<void> {
  const ablo = await live();
  const held = await claim(ablo);
  for (const hidden of ["chains", "all"] as const) {
    clock.hidden = hidden;
    const { last } = network;
    const before = last.count("ping");
    await clock.advance(8 * MINUTE);
    const expected = hidden === "chains" ? 47 : 7;
    assert(last.count("ping") - before >= expected, `${hidden}: ${last.count("ping") - before}`);
    equal([network.sockets.length, held.lost ?? "held"], [1, "held"], `timers of ${hidden}`);
  }
  // A lost connection is noticed although timers are late.
  network.state = "hole";
  await clock.advance(4 * MINUTE);
  equal([ablo.syncStatus.state, held.lost], ["offline", "claim_lost"], "a lost connection");
}

/** A connection is lost if a ping has no answer, and not because a timer is late. */
async function silence(): Promise<void> {
  const ablo = await live();
  for (const slept of [MINUTE, HOUR]) {
    const pings = network.last.count("ping");
    await clock.sleep(slept);
    await clock.advance(MINUTE);
    equal([network.sockets.length, ablo.syncStatus.state], [1, "live"], "after a sleep");
    assert(network.last.count("ping") > pings, "the connection is asked");
  }
  // A ping was on its way when the machine fell asleep.
  network.state = "hole";
  await clock.advance(15 * SECOND);
  await clock.sleep(HOUR);
  network.state = "up";
  await clock.advance(MINUTE);
  equal(network.sockets.length, 1, "an unanswered ping from before the sleep");

  network.state = "hole";
  await clock.advance(34 * SECOND);
  equal(ablo.syncStatus.state, "live", "an answer can still come");
  await clock.advance(20 * SECOND);
  equal(ablo.syncStatus.state, "offline", "the ping has no answer");
  network.state = "up";
  await clock.advance(30 * SECOND);
  equal([ablo.syncStatus.state, network.opened], ["live", 2], "another connection");
}

/** A claim is lost when its lease has run out, by the clock. */
async function lease(): Promise<void> {
  const ablo = await live();
  const offline = await claim(ablo);
  await clock.advance(MINUTE);
  network.state = "away";
  network.cut();
  await clock.advance(45 * SECOND);
  equal(offline.lost ?? "held", "held", "the lease goes on");
  await clock.advance(16 * SECOND);
  equal(offline.lost, "claim_lost", "the lease has run out");
  network.state = "up";
  await clock.advance(10 * SECOND);

  // The machine sleeps without a connection; no timer runs before the page is used again.
  const asleep = await claim(ablo);
  network.state = "away";
  network.cut();
  await clock.sleep(MINUTE + SECOND);
  await clock.dispatch("resume");
  equal(asleep.lost, "claim_lost", "at once after the sleep");

  // A connection that does not answer after a sleep.
  network.state = "up";
  await clock.advance(10 * SECOND);
  const dead = await claim(ablo);
  network.state = "hole";
  await clock.sleep(HOUR);
  await clock.dispatch("resume");
  await clock.advance(46 * SECOND);
  equal(dead.lost, "claim_lost", "the connection was lost");
  ablo.close();

  // Renewals over HTTP have no answer.
  network.state = "up";
  const polling = start({ httpOnly: true });
  const silent = await claim(polling, "10s");
  await clock.advance(MINUTE);
  equal(silent.lost ?? "held", "held", "the claim is renewed");
  network.state = "hole";
  await clock.advance(11 * SECOND);
  equal(silent.lost, "claim_lost", "the lease over HTTP has run out");
  network.state = "up";
  const again = await claim(polling, "10s");
  network.state = "away";
  await clock.sleep(11 * SECOND);
  await clock.dispatch("visibilitychange");
  equal(again.lost, "claim_lost", "the lease over HTTP has run out during a sleep");
}

const cases: { readonly [name: string]: () => Promise<void> } = {
  tokenOverWhileAway,
  tokenExpires,
  firstConnection,
  getTokenFails,
  events,
  hiddenTab,
  silence,
  lease,
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
