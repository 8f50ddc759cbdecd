// The client over time, with a fake clock: tokens that end while the network is away, and a first
// connection without a network. The argument names a case.

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

const cases: { readonly [name: string]: () => Promise<void> } = {
  tokenOverWhileAway,
  tokenExpires,
  firstConnection,
  getTokenFails,
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
