// Rows that are here: kept live, written to before the coordinator has said so, put back when it refuses, and whole after cuts.

import { type AbloError } from "./typescript/index.js";
import { assert, client, equal, main, more, refused, say, sleep, until } from "./support.js";

// The way that is never cut.
const [direct] = more;

main(async () => {
  const [ablo, agent] = [client({ user: "ada" }), client({ agent: "writer", baseURL: direct ?? "" })];
  const states: string[] = [];
  ablo.onSyncStatus(({ state }) => states.at(-1) !== state && states.push(state));
  // Of a log that has nothing in it yet, too.
  await ablo.ready();
  await until(() => ablo.syncStatus.state === "live", "it is live");
  const { id } = await agent.reports.create({ data: { title: "Oslo" } });
  await until(() => ablo.reports.get(id)?.title === "Oslo", "a row comes");
  const later = client();
  await later.ready();
  equal(later.reports.get(id)?.title, "Oslo", "it is in the snapshot");
  later.close();

  // What others write is here, and who subscribed is told.
  let told = 0;
  const stop = ablo.reports.subscribe(() => (told += 1));
  const titles: string[][] = [];
  const unwatch = ablo.reports.onChange((rows) => titles.push(rows.map((row) => row.title)), { where: { id } });
  const before = ablo.reports.getAll();
  assert(before === ablo.reports.getAll(), "the same array until something changes");
  await agent.reports.update({ id, data: { title: "Oslo, Monday" } });
  await until(() => ablo.reports.get(id)?.title === "Oslo, Monday", "the change is here");
  assert(told > 0 && before !== ablo.reports.getAll(), "whoever subscribed is told");
  equal(titles.at(-1), ["Oslo, Monday"], "with the rows that were asked for");

  // A write is seen at once, and stays when it is confirmed.
  const writing = ablo.reports.update({ id, data: { body: "Fog." } });
  equal([ablo.reports.get(id)?.body, ablo.syncStatus.pendingChanges], ["Fog.", 1], "before anybody has confirmed it");
  await writing;
  equal(ablo.reports.get(id)?.body, "Fog.", "and after");
  await until(() => ablo.syncStatus.pendingChanges === 0, "nothing is pending");
  equal(ablo.reports.get(id)?.body, "Fog.", "and when the change itself is here");

  // One that is refused is put back.
  const failures: [AbloError, number][] = [];
  ablo.onWriteFailure((error, operations) => failures.push([error, operations.length]));
  const held = await agent.reports.claim({ id });
  const late = ablo.reports.update({ id, data: { body: "Sun.", status: "ready" } });
  equal(ablo.reports.get(id)?.body, "Sun.", "hope");
  equal((await refused(late)).code, "entity_claimed", "the refusal");
  equal([ablo.reports.get(id)?.body, ablo.reports.get(id)?.status, failures.length], ["Fog.", "draft", 1], "and what was there");
  const gone = ablo.reports.delete({ id });
  equal(ablo.reports.get(id), undefined, "a deleted row is gone at once");
  await refused(gone);
  equal(ablo.reports.get(id)?.title, "Oslo, Monday", "and back when that is refused");
  await held.release();

  // Rows that are made here have their id at once.
  const making = ablo.reports.create({ id: "r-new", data: { title: "Bergen", readers: "12" } });
  equal(ablo.reports.get("r-new")?.title, "Bergen", "a row that is being made");
  await making;
  await until(() => ablo.reports.get("r-new")?.status === "draft", "what the coordinator filled in is here");
  const order = { orderBy: { title: "desc" }, limit: 1 } as const;
  equal(ablo.reports.getAll(order).map((row) => row.title), ["Oslo, Monday"], "sorted");
  equal(ablo.reports.getCount({ where: { readers: { gt: "9" } } }), 1, "digits are numbers");
  await agent.commits.create({ operations: [{ action: "archive", model: "reports", id: "r-new" }] });
  await until(() => ablo.reports.getCount() === 1, "archived rows are left out");
  assert(ablo.reports.getAll() === ablo.reports.getAll(), "and the rest is the same array until something changes");
  equal([ablo.reports.getCount({ state: "archived" }), ablo.reports.getCount({ state: "all" })], [1, 2], "unless they are asked for");
  await agent.commits.create({ operations: [{ action: "unarchive", model: "reports", id: "r-new" }] });
  await until(() => ablo.reports.getCount() === 2, "and back");

  // The network is cut: what was written meanwhile is here afterwards, once and in order.
  say("cut");
  await until(() => ablo.syncStatus.state === "offline", "it notices the cut");
  const [seen, changes] = [[] as number[], ablo.changes({ from: (await agent.counters.create({ id: "n", data: { value: 0 } })).stamp })];
  for (let value = 1; value <= 50; value += 1) await agent.counters.update({ id: "n", data: { value } });
  say("mend");
  await until(() => ablo.counters.get("n")?.value === 50 && ablo.syncStatus.state === "live", "it catches up");
  for await (const delta of changes) {
    if (delta.modelName === "Counter" && delta.data) seen.push(delta.data.value);
    if (seen.length === 50) break;
  }
  equal(seen, Array.from({ length: 50 }, (_, at) => at + 1), "every change once and in order");

  // A reader that takes its time misses nothing, and nothing piles up.
  const slow = ablo.changes();
  await slow.ready;
  const rows = Array.from({ length: 500 }, (_, value) => ({ action: "create" as const, model: "counters" as const, data: { value } }));
  for (let round = 0; round < 6; round += 1) await agent.commits.create({ operations: rows });
  await sleep(500);
  let [count, last] = [0, 0];
  for await (const delta of slow) {
    assert(delta.id > last, "in order");
    [count, last] = [count + 1, delta.id];
    if (count === 3000) break;
  }
  stop();
  unwatch();
  assert(states.includes("offline") && states.at(-1) === "live", states.join());
  ablo.close();
  equal(ablo.syncStatus.state, "idle", "closed");
});
