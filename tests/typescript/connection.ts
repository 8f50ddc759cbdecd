// The connections of the client to a coordinator that fails: renewed tokens, lost connections,
// claims of a client that is offline, and streams that start beyond the end of the log.

import { type runtime } from "./typescript/index.js";
import { assert, client, equal, main, refused, sleep, until } from "./support.js";

/** A socket that grants every claim and opens after a moment. */
class FakeSocket implements runtime.Socket {
  static opened: FakeSocket[] = [];
  /** Tokens that the handshake refuses. */
  static refused: Set<string> = new Set();
  static offline = false;
  static head = 1;
  readonly bufferedAmount = 0;
  onopen: runtime.Socket["onopen"] = null;
  onmessage: runtime.Socket["onmessage"] = null;
  onclose: runtime.Socket["onclose"] = null;
  onerror: runtime.Socket["onerror"] = null;
  readonly token: string;
  readonly sent: { type: string; payload?: any }[] = [];

  constructor(_url: string, protocols: string[]) {
    FakeSocket.opened.push(this);
    this.token = protocols[0]!.replace("ablo.bearer.", "");
    void sleep(1).then(() => {
      if (FakeSocket.offline || FakeSocket.refused.has(this.token)) this.lose();
      else this.onopen?.({});
    });
  }

  send(text: string): void {
    const frame = JSON.parse(text) as { type: string; payload?: any };
    this.sent.push(frame);
    const { type, payload } = frame;
    if (type === "intent_begin")
      this.receive({ type: "intent_acquired", payload: { intentId: payload.intentId } });
    if (type === "sync_request")
      this.receive({ type: "sync_response", payload: { currentSyncId: FakeSocket.head } });
  }

  close(): void {}

  lose(): void {
    this.onclose?.({ code: 1006, reason: "" });
  }

  receive(frame: object): void {
    void sleep(1).then(() => this.onmessage?.({ data: JSON.stringify(frame) }));
  }
}

/** The number of token exchanges. */
let exchanges = 0;
/** The response to requests for claims over HTTP. */
let claimResponse: { status: number; code?: string } = { status: 201 };

const fetch: runtime.Fetch = async (url, { headers }) => {
  const respond = (status: number, body: object): runtime.FetchResponse => ({
    status,
    headers: { get: () => null },
    text: async () => JSON.stringify(body),
  });
  if (url.endsWith("/auth/capability"))
    return respond(200, { token: `ek_test_${(exchanges += 1)}` });
  const token = headers["authorization"]!.replace("Bearer ", "");
  if (url.endsWith("/auth/check"))
    return FakeSocket.refused.has(token)
      ? respond(401, { code: "apikey_expired" })
      : FakeSocket.offline
        ? Promise.reject(new Error("offline"))
        : respond(200, {});
  if (url.endsWith("/v1/intents")) return respond(claimResponse.status, claimResponse);
  return respond(200, { data: { id: "row", value: 1 }, stamp: 1, claims: [] });
};

main(async () => {
  const start = (options: Partial<runtime.ClientOptions> = {}): ReturnType<typeof client> => {
    FakeSocket.opened = [];
    exchanges = 0;
    return client({
      baseURL: "http://made.up",
      apiKey: "sk_test_x",
      fetch,
      WebSocket: FakeSocket,
      ...options,
    });
  };

  // A refused token is renewed once for a connection; a renewed token that is refused ends it.
  FakeSocket.refused = new Set(["ek_test_1"]);
  const renewing = start({ agent: "worker" });
  await renewing.counters.claim({ id: "row" });
  equal(
    [FakeSocket.opened.map(({ token }) => token), exchanges],
    [["ek_test_1", "ek_test_2"], 2],
    "one renewal",
  );
  renewing.close();
  // An expired token is renewed before the next connection, which no handshake has to refuse.
  FakeSocket.refused = new Set();
  const expiring = start({ agent: "worker" });
  await expiring.counters.claim({ id: "row" });
  FakeSocket.opened[0]!.onclose?.({ code: 4408, reason: "credential expired" });
  await until(() => FakeSocket.opened[1]?.sent.length === 3, "the client connects again");
  equal(
    [FakeSocket.opened.map(({ token }) => token), exchanges],
    [["ek_test_1", "ek_test_2"], 2],
    "a fresh token",
  );
  expiring.close();
  FakeSocket.refused = new Set(["ek_test_1", "ek_test_2", "ek_test_3", "ek_test_4"]);
  const blocked = await refused(start({ agent: "worker" }).counters.claim({ id: "row" }));
  equal(
    [blocked.code, FakeSocket.opened.length, exchanges],
    ["apikey_expired", 2, 2],
    "the renewed token is refused",
  );
  FakeSocket.refused = new Set();

  // A claim is lost when its lease has passed, even if the client stays offline.
  const leaving = start();
  const held = await leaving.counters.claim({ id: "row", ttl: "300ms" });
  FakeSocket.offline = true;
  FakeSocket.opened[0]!.lose();
  assert(held.isHeld, "the lease has not passed");
  equal((await held.lost).code, "claim_lost", "the lease has passed");
  assert(!held.isHeld, "the claim is lost");
  FakeSocket.offline = false;
  leaving.close();

  // Connections that are lost at once are opened again ever more slowly.
  const unstable = start();
  await unstable.counters.claim({ id: "row" });
  const from = Date.now();
  for (let number = 0; number < 5; number += 1) {
    await until(() => FakeSocket.opened[number]?.sent.length === 3, "the client connects");
    await sleep(5);
    FakeSocket.opened[number]!.lose();
  }
  await until(() => FakeSocket.opened.length === 6, "the client connects again");
  // At least half of 100 + 200 + 400 + 800 + 1600.
  assert(Date.now() - from > 1500, `only ${Date.now() - from} ms for five failures`);
  unstable.close();

  // A claim over HTTP ends with the error of its renewal; one that another participant has is lost.
  for (const [response, code] of [
    [{ status: 409, code: "entity_claimed" }, "claim_lost"],
    [{ status: 403, code: "capability_scope_denied" }, "capability_scope_denied"],
  ] as const) {
    claimResponse = { status: 201 };
    const polling = start({ httpOnly: true });
    const renewed = await polling.counters.claim({ id: "row", ttl: "300ms" });
    claimResponse = response;
    equal((await renewed.lost).code, code, `a renewal that is answered with ${response.code}`);
  }

  // A stream that starts beyond the end of the log waits for the log, then fails.
  const reading = start();
  const late = reading.changes({ from: 2 });
  await until(() => FakeSocket.opened[0]?.sent.length === 2, "the stream asks again");
  FakeSocket.head = 2;
  await late.ready;
  equal(late.position, 2, "the log has caught up");
  await late.return?.();
  const ahead = reading.changes({ from: 1000 });
  const error = await refused(ahead.next());
  equal(error.code, "log_replaced", "the log ends before the start");
  const requests = FakeSocket.opened[1]!.sent.filter(({ type }) => type === "sync_request");
  equal(requests.length, 7, "the number of requests");
});
