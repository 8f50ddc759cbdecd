// A coordinator that is made up: answers that come late or in another order, logs that end early, and frames that are rubbish.

import { runtime, type Report, type wire } from "./typescript/index.js";
import { assert, client, equal, main, sleep, until } from "./support.js";

type Body = Record<string, unknown>;

const stamp = "2026-06-01T08:00:00.000Z";
const row = (id: string, title: string): Report => ({ id, title, status: "draft", createdAt: stamp, updatedAt: stamp });
const delta = (id: number, actionType: string, modelId: string, data: unknown): wire.Delta => ({ id, actionType, modelName: "Report", modelId, data: data as wire.Data });

/** What the coordinator has, and what it was asked. */
class Fake {
  head = 10;
  rows: Report[] = [row("a", "first")];
  bootstraps = 0;
  sockets: FakeSocket[] = [];
  /** The titles that were committed, as they came, and the one that is refused. */
  commits: string[] = [];
  refusing = "";
  /** Requests that fail before one succeeds. */
  failing = 0;
  /** Answers of a path that are held back. */
  held: Map<string, Promise<void>> = new Map();

  readonly fetch: runtime.Fetch = async (url, { method, body }) => {
    const path = new (globalThis as unknown as { URL: new (url: string) => { pathname: string } }).URL(url).pathname.replace("/api", "");
    if (this.failing > 0) {
      this.failing -= 1;
      return { status: 503, headers: { get: () => null }, text: async () => '{"code":"instance_at_capacity"}' };
    }
    const answer = this.answer(method, path, body === undefined ? {} : (JSON.parse(body) as Body));
    await this.held.get(path);
    return { status: 200, headers: { get: () => null }, text: async () => JSON.stringify(answer) };
  };

  answer(method: string, path: string, body: Body): Body {
    if (path === "/sync/bootstrap") {
      this.bootstraps += 1;
      return { type: "full", lastSyncId: this.head, models: { Report: this.rows, Counter: "[]" } };
    }
    if (path === "/v1/commits") {
      const [operation] = body["operations"] as { data?: { title?: string } }[];
      const title = operation?.data?.title ?? "";
      this.commits.push(title);
      if (title !== "" && title === this.refusing) return { object: "commit_receipt", clientTxId: body["clientTxId"], success: false, status: "rejected", lastSyncId: this.head, error: "no" };
    }
    if (path === "/v1/commits") return { object: "commit_receipt", clientTxId: body["clientTxId"], success: true, status: "confirmed", lastSyncId: (this.head += 1) };
    if (path.startsWith("/v1/models/reports/")) return { data: this.rows[0], stamp: this.head, claims: [] };
    throw new Error(`${method} ${path}`);
  }
}

class FakeSocket implements runtime.Socket {
  readonly bufferedAmount = 0;
  onopen: runtime.Socket["onopen"] = null;
  onmessage: runtime.Socket["onmessage"] = null;
  onclose: runtime.Socket["onclose"] = null;
  onerror: runtime.Socket["onerror"] = null;
  readonly said: { type: string; payload?: any }[] = [];

  constructor() {
    fake.sockets.push(this);
    void sleep(1).then(() => this.onopen?.({}));
  }

  send(text: string): void {
    this.said.push(JSON.parse(text));
  }

  close(): void {}

  say(frame: unknown): void {
    this.onmessage?.({ data: typeof frame === "string" ? frame : JSON.stringify(frame) });
  }

  deltas(...deltas: wire.Delta[]): void {
    this.say({ type: "delta", payload: { deltas } });
  }

  /** From where it was asked to go on, each time. */
  get asked(): (number | undefined)[] {
    return this.said.filter(({ type }) => type === "sync_request").map(({ payload }) => payload.lastSyncId);
  }
}

let fake = new Fake();

main(async () => {
  const start = async (): Promise<ReturnType<typeof client>> => {
    fake = new Fake();
    const made = client({ baseURL: "http://made.up", apiKey: "sk_test_x", fetch: fake.fetch, WebSocket: FakeSocket });
    await made.ready();
    await until(() => fake.sockets[0]?.asked.length === 1, "it asks for what follows");
    return made;
  };
  const ablo = await start();
  const title = (id: string = "a"): string | undefined => ablo.reports.get(id)?.title;
  let socket = fake.sockets[0]!;
  equal([title(), socket.asked], ["first", [10]], "the snapshot, and what follows it");

  // What comes twice is taken once; what is older than a row is no news of it.
  socket.deltas(delta(12, "U", "a", row("a", "twelve")), delta(12, "U", "a", row("a", "again")), delta(11, "U", "a", row("a", "eleven")));
  equal(title(), "twelve", "in order, once");
  // A read that was answered before the change came, and arrives after it.
  let answer = (): void => {};
  fake.held.set("/v1/models/reports/a", new Promise((done) => (answer = done)));
  const reading = ablo.reports.retrieve({ id: "a" });
  await sleep(5);
  socket.deltas(delta(13, "U", "a", row("a", "thirteen")));
  answer();
  await reading;
  equal(title(), "thirteen", "an old answer does not undo a change");
  fake.held.set("/v1/models/reports/a", new Promise((done) => (answer = done)));
  const late = ablo.reports.retrieve({ id: "a" });
  await sleep(5);
  socket.deltas(delta(14, "D", "a", null));
  answer();
  await late;
  equal(title(), undefined, "nor does it bring back a row that went");
  fake.held.clear();

  // A write stays on top until the change that it is comes, whatever comes before.
  socket.deltas(delta(15, "I", "a", row("a", "fifteen")));
  fake.head = 19;
  await ablo.reports.update({ id: "a", data: { title: "mine" } });
  socket.deltas(delta(18, "U", "a", row("a", "theirs")));
  equal([title(), ablo.syncStatus.pendingChanges], ["mine", 1], "confirmed at 20, and here is 18");
  socket.deltas(delta(20, "U", "a", row("a", "mine")), delta(21, "U", "a", row("a", "next")));
  equal([title(), ablo.syncStatus.pendingChanges], ["next", 0], "and here is 21");

  // Rubbish cuts the connection, and the next one goes on behind what was read.
  socket.say("{");
  await until(() => fake.sockets.length === 2 && fake.sockets[1]!.asked.length === 1, "it comes back");
  socket = fake.sockets[1]!;
  equal([socket.asked, title()], [[21], "next"], "from where it was");
  socket.say({ type: "something_new", payload: 1 });
  socket.say({ type: "delta" });
  socket.say("null");
  socket.deltas(delta(22, "Z", "a", null), delta(23, "U", "unknown-row", row("unknown-row", "?")), { ...delta(24, "U", "x", {}), modelName: "Unknown" });
  equal(ablo.reports.getCount(), 2, "what is not known harms nothing");

  // A log that ends before what is here is another one, and a change of rights may be too much to be told: everything is read anew.
  fake.rows = [row("b", "other")];
  fake.head = 5;
  socket.say({ type: "sync_response", payload: { deltas: [], currentSyncId: 5 } });
  await until(() => fake.bootstraps === 2 && title("b") === "other", "the other log");
  equal(title(), undefined, "and nothing of the first");
  fake.head = 7;
  fake.rows = [row("c", "seen now")];
  socket.deltas(delta(6, "G", "g", { addedGroups: ["team:x"], removedGroups: [] }));
  await until(() => title("c") === "seen now", "what is seen now");
  equal(ablo.reports.getCount(), 1, "and no more");
  await until(() => ablo.syncStatus.state === "live", "it is live");

  // Where that fails it is tried again, and what comes meanwhile waits for it, also another change of rights.
  fake.failing = 6;
  fake.rows = [row("d", "at last")];
  fake.head = 9;
  socket.deltas(delta(8, "G", "g", { addedGroups: ["team:y"], removedGroups: [] }));
  await until(() => ablo.syncStatus.state === "offline", "it fails");
  socket.deltas(delta(9, "I", "e", row("e", "not of what is here")));
  equal(ablo.reports.get("e"), undefined, "nothing is added to what is out of date");
  await until(() => title("d") === "at last", "it succeeds");
  equal([ablo.reports.getCount(), ablo.syncStatus.state], [1, "live"], "and is whole");
  const before = fake.bootstraps;
  fake.held.set("/sync/bootstrap", new Promise((done) => (answer = done)));
  socket.deltas(delta(10, "G", "g", { addedGroups: ["team:z"], removedGroups: [] }));
  await sleep(5);
  socket.deltas(delta(11, "G", "g", { addedGroups: ["team:w"], removedGroups: [] }));
  fake.held.clear();
  answer();
  await until(() => fake.bootstraps === before + 2, "twice, when rights change while it is read");
  const closing = client({ baseURL: "http://made.up", apiKey: "sk_test_x", fetch: fake.fetch, WebSocket: FakeSocket });
  const opened = fake.sockets.length;
  const starting = closing.ready();
  closing.close();
  await starting;
  await sleep(5);
  equal([fake.sockets.length, closing.syncStatus.state], [opened, "idle"], "who was closed opens nothing");

  // Writes of a row arrive in the order in which they were said, also where one before them fails; those of others do not wait.
  fake.commits = [];
  fake.held.set("/v1/commits", new Promise((done) => (answer = done)));
  const typed = ["C", "Co", "Col"].map((title) => ablo.reports.update({ id: "d", data: { title } }));
  const other = ablo.reports.update({ id: "z", data: { title: "aside" } });
  await sleep(5);
  equal([fake.commits, title("d")], [["C", "aside"], "Col"], "one of each row is under way, and all of them are seen");
  fake.held.clear();
  fake.refusing = "Co";
  answer();
  await Promise.allSettled([...typed, other]);
  equal([fake.commits, (await Promise.allSettled(typed)).map(({ status }) => status)], [["C", "aside", "Co", "Col"], ["fulfilled", "rejected", "fulfilled"]], "in order");

  // A login that is over is over: nobody comes back by itself.
  let told = "";
  ablo.onSyncStatus(({ state, error }) => (told = `${state} ${error?.code}`));
  socket.onclose?.({ code: 4001, reason: "the credential was taken back" });
  equal(told, "error session_expired", "the end");
  const count = fake.sockets.length;
  await sleep(300);
  equal(fake.sockets.length, count, "it stays away");

  // Many rows and many changes take as long as they are many.
  const long = await start();
  const all = Array.from({ length: 50_000 }, (_, at) => delta(11 + at, "I", `r${at}`, row(`r${at}`, `${at}`)));
  const began = Date.now();
  fake.sockets.at(-1)!.deltas(...all.slice(0, 25_000));
  fake.sockets.at(-1)!.deltas(...all.slice(25_000));
  assert(Date.now() - began < 5000, `50,000 changes took ${Date.now() - began} ms`);
  equal(long.reports.getCount(), 50_001, "all of them");
  long.close();
  ablo.close();
});
