// A fake coordinator: late and reordered responses, sync logs that restart, and malformed frames.

import { runtime, type Report, type wire } from "./typescript/index.js";
import { assert, client, equal, main, sleep, until } from "./support.js";

type Body = Record<string, unknown>;

const stamp = "2026-06-01T08:00:00.000Z";
const row = (id: string, title: string): Report => ({
  id,
  title,
  status: "draft",
  createdAt: stamp,
  updatedAt: stamp,
});
const delta = (id: number, actionType: string, modelId: string, data: unknown): wire.Delta => ({
  id,
  actionType,
  modelName: "Report",
  modelId,
  data: data as wire.Data,
});

/** A coordinator with settable rows and responses, which records requests. */
class FakeCoordinator {
  head = 10;
  rows: Report[] = [row("a", "first")];
  bootstraps = 0;
  sockets: FakeSocket[] = [];
  /** The committed titles, in order of arrival. */
  commits: string[] = [];
  /** The title whose commit is refused. */
  refusedTitle = "";
  /** Whether sync requests have no answer. */
  silent = false;
  /** The number of requests that fail before one succeeds. */
  failures = 0;
  /** Delayed responses, by path. */
  held: Map<string, Promise<void>> = new Map();

  readonly fetch: runtime.Fetch = async (url, { method, body }) => {
    const path = new (
      globalThis as unknown as { URL: new (url: string) => { pathname: string } }
    ).URL(url).pathname.replace("/api", "");
    if (this.failures > 0) {
      this.failures -= 1;
      return {
        status: 503,
        headers: { get: () => null },
        text: async () => '{"code":"instance_at_capacity"}',
      };
    }
    const response = this.respond(
      method,
      path,
      body === undefined ? {} : (JSON.parse(body) as Body),
    );
    await this.held.get(path);
    return {
      status: 200,
      headers: { get: () => null },
      text: async () => JSON.stringify(response),
    };
  };

  respond(method: string, path: string, body: Body): Body {
    if (path === "/sync/bootstrap") {
      this.bootstraps += 1;
      return { type: "full", lastSyncId: this.head, models: { Report: this.rows, Counter: "[]" } };
    }
    if (path === "/v1/commits") {
      const [operation] = body["operations"] as { data?: { title?: string } }[];
      const title = operation?.data?.title ?? "";
      this.commits.push(title);
      if (title !== "" && title === this.refusedTitle)
        return {
          object: "commit_receipt",
          clientTxId: body["clientTxId"],
          success: false,
          status: "rejected",
          lastSyncId: this.head,
          error: "no",
        };
    }
    if (path === "/v1/commits")
      return {
        object: "commit_receipt",
        clientTxId: body["clientTxId"],
        success: true,
        status: "confirmed",
        lastSyncId: (this.head += 1),
      };
    if (path.startsWith("/v1/models/reports/"))
      return { data: this.rows[0], stamp: this.head, claims: [] };
    throw new Error(`${method} ${path}`);
  }
}

class FakeSocket implements runtime.Socket {
  readonly bufferedAmount = 0;
  onopen: runtime.Socket["onopen"] = null;
  onmessage: runtime.Socket["onmessage"] = null;
  onclose: runtime.Socket["onclose"] = null;
  onerror: runtime.Socket["onerror"] = null;
  readonly sent: { type: string; payload?: any }[] = [];

  constructor() {
    fake.sockets.push(this);
    void sleep(1).then(() => this.onopen?.({}));
  }

  send(text: string): void {
    const frame = JSON.parse(text) as { type: string };
    this.sent.push(frame as (typeof this.sent)[number]);
    if (frame.type === "sync_request" && !fake.silent)
      this.receive({ type: "sync_response", payload: { deltas: [], currentSyncId: fake.head } });
  }

  close(): void {}

  receive(frame: unknown): void {
    this.onmessage?.({ data: typeof frame === "string" ? frame : JSON.stringify(frame) });
  }

  deltas(...deltas: wire.Delta[]): void {
    fake.head = Math.max(fake.head, ...deltas.map(({ id }) => id));
    this.receive({ type: "delta", payload: { deltas } });
  }

  /** The watermarks of the sync requests. */
  get watermarks(): (number | undefined)[] {
    return this.sent
      .filter(({ type }) => type === "sync_request")
      .map(({ payload }) => payload.lastSyncId);
  }
}

let fake = new FakeCoordinator();

main(async () => {
  const start = async (): Promise<ReturnType<typeof client>> => {
    fake = new FakeCoordinator();
    const started = client({
      baseURL: "http://made.up",
      apiKey: "sk_test_x",
      fetch: fake.fetch,
      WebSocket: FakeSocket,
    });
    await started.ready();
    await until(() => fake.sockets[0]?.watermarks.length === 1, "the client requests deltas");
    return started;
  };
  const ablo = await start();
  const title = (id: string = "a"): string | undefined => ablo.reports.get(id)?.title;
  let socket = fake.sockets[0]!;
  equal(
    [title(), socket.watermarks],
    ["first", [10]],
    "the rows and the watermark of the bootstrap",
  );

  // Repeated and older deltas are ignored.
  socket.deltas(
    delta(12, "U", "a", row("a", "twelve")),
    delta(12, "U", "a", row("a", "again")),
    delta(11, "U", "a", row("a", "eleven")),
  );
  equal(title(), "twelve", "the newest delta is applied");
  // The response to a read was created before a delta and arrives after it.
  let release = (): void => {};
  fake.held.set("/v1/models/reports/a", new Promise((done) => (release = done)));
  const reading = ablo.reports.retrieve({ id: "a" });
  await sleep(5);
  socket.deltas(delta(13, "U", "a", row("a", "thirteen")));
  release();
  await reading;
  equal(title(), "thirteen", "an older response does not revert a delta");
  fake.held.set("/v1/models/reports/a", new Promise((done) => (release = done)));
  const late = ablo.reports.retrieve({ id: "a" });
  await sleep(5);
  socket.deltas(delta(14, "D", "a", null));
  release();
  await late;
  equal(title(), undefined, "an older response does not restore a deleted row");
  fake.held.clear();

  // A write stays visible until its own delta arrives, regardless of earlier deltas.
  socket.deltas(delta(15, "I", "a", row("a", "fifteen")));
  fake.head = 19;
  await ablo.reports.update({ id: "a", data: { title: "mine" } });
  socket.deltas(delta(18, "U", "a", row("a", "theirs")));
  equal(
    [title(), ablo.syncStatus.pendingChanges],
    ["mine", 1],
    "confirmed at 20, applied up to 18",
  );
  socket.deltas(delta(20, "U", "a", row("a", "mine")), delta(21, "U", "a", row("a", "next")));
  equal([title(), ablo.syncStatus.pendingChanges], ["next", 0], "applied up to 21");

  // A malformed frame closes the connection; the next one continues from the watermark.
  socket.receive("{");
  await until(
    () => fake.sockets.length === 2 && fake.sockets[1]!.watermarks.length === 1,
    "the client reconnects",
  );
  socket = fake.sockets[1]!;
  equal([socket.watermarks, title()], [[21], "next"], "the watermark of the new connection");
  socket.receive({ type: "something_new", payload: 1 });
  socket.receive({ type: "delta" });
  socket.receive("null");
  socket.deltas(delta(22, "Z", "a", null), delta(23, "U", "unknown-row", row("unknown-row", "?")), {
    ...delta(24, "U", "x", {}),
    modelName: "Unknown",
  });
  equal(ablo.reports.getCount(), 2, "unknown frames, actions and models are ignored");

  // A head below the watermark means another sync log, and a change of groups can be too large for
  // deltas: both cause a new bootstrap.
  fake.rows = [row("b", "other")];
  fake.head = 5;
  socket.receive({ type: "sync_response", payload: { deltas: [], currentSyncId: 5 } });
  await until(() => fake.bootstraps === 2 && title("b") === "other", "the rows of the other log");
  equal(title(), undefined, "no rows of the first log");
  fake.head = 7;
  fake.rows = [row("c", "seen now")];
  socket.deltas(delta(6, "G", "g", { addedGroups: ["team:x"], removedGroups: [] }));
  await until(() => title("c") === "seen now", "the rows that are visible now");
  equal(ablo.reports.getCount(), 1, "no other rows");
  await until(() => ablo.syncStatus.state === "live", "the state is live");

  // A failed bootstrap is retried; deltas that arrive in the meantime wait, including changes of
  // groups.
  fake.failures = 6;
  fake.rows = [row("d", "at last")];
  fake.head = 9;
  socket.deltas(delta(8, "G", "g", { addedGroups: ["team:y"], removedGroups: [] }));
  await until(() => ablo.syncStatus.state === "offline", "the bootstrap fails");
  socket.deltas(delta(9, "I", "e", row("e", "not of what is here")));
  equal(ablo.reports.get("e"), undefined, "no delta is applied to outdated rows");
  await until(() => title("d") === "at last", "the bootstrap succeeds");
  equal([ablo.reports.getCount(), ablo.syncStatus.state], [1, "live"], "the rows are complete");
  const before = fake.bootstraps;
  fake.held.set("/sync/bootstrap", new Promise((done) => (release = done)));
  socket.deltas(delta(10, "G", "g", { addedGroups: ["team:z"], removedGroups: [] }));
  await sleep(5);
  socket.deltas(delta(11, "G", "g", { addedGroups: ["team:w"], removedGroups: [] }));
  fake.held.clear();
  release();
  await until(
    () => fake.bootstraps === before + 2,
    "two bootstraps if groups change during the first",
  );
  const closing = client({
    baseURL: "http://made.up",
    apiKey: "sk_test_x",
    fetch: fake.fetch,
    WebSocket: FakeSocket,
  });
  const opened = fake.sockets.length;
  const starting = closing.ready();
  closing.close();
  await starting;
  await sleep(5);
  equal(
    [fake.sockets.length, closing.syncStatus.state],
    [opened, "idle"],
    "a closed client does not open a connection",
  );

  // Writes of a row are sent in order, even if one of them fails; writes of other rows do not wait.
  fake.commits = [];
  fake.held.set("/v1/commits", new Promise((done) => (release = done)));
  // A write with a key of its own is not merged.
  const typed = ["C", "Co", "Col"].map((title) =>
    ablo.reports.update({ id: "d", data: { title }, idempotencyKey: `typed-${title}` }),
  );
  const other = ablo.reports.update({ id: "z", data: { title: "aside" } });
  await sleep(5);
  equal(
    [fake.commits, title("d")],
    [["C", "aside"], "Col"],
    "one write per row is in progress, and all are visible",
  );
  fake.held.clear();
  fake.refusedTitle = "Co";
  release();
  await Promise.allSettled([...typed, other]);
  equal(
    [fake.commits, (await Promise.allSettled(typed)).map(({ status }) => status)],
    [
      ["C", "aside", "Co", "Col"],
      ["fulfilled", "rejected", "fulfilled"],
    ],
    "the writes are sent in order",
  );

  // After the end of a session the client does not reconnect.
  let status = "";
  ablo.onSyncStatus(({ state, error }) => (status = `${state} ${error?.code}`));
  socket.onclose?.({ code: 4001, reason: "the credential was revoked" });
  equal(status, "error session_expired", "the final status");
  const count = fake.sockets.length;
  await sleep(300);
  equal(fake.sockets.length, count, "no new connection");

  // Large batches are applied in linear time.
  const long = await start();
  const all = Array.from({ length: 50_000 }, (_, at) =>
    delta(11 + at, "I", `r${at}`, row(`r${at}`, `${at}`)),
  );
  const began = Date.now();
  fake.sockets.at(-1)!.deltas(...all.slice(0, 25_000));
  fake.sockets.at(-1)!.deltas(...all.slice(25_000));
  assert(Date.now() - began < 5000, `50,000 changes took ${Date.now() - began} ms`);
  equal(long.reports.getCount(), 50_001, "all rows");
  long.close();
  ablo.close();
});
