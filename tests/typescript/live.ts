// Local rows: live updates, optimistic writes, reverted writes, and catch-up after disconnects.

import { type AbloError } from "./typescript/index.js";
import { assert, client, equal, main, more, refused, say, sleep, until } from "./support.js";

// The address that is never disconnected.
const [direct] = more;

main(async () => {
  const [ablo, agent] = [
    client({ user: "ada" }),
    client({ agent: "writer", baseURL: direct ?? "" }),
  ];
  const states: string[] = [];
  ablo.onSyncStatus(({ state }) => states.at(-1) !== state && states.push(state));
  // The sync log is still empty.
  await ablo.ready();
  await until(() => ablo.syncStatus.state === "live", "the state is live");
  const { id } = await agent.reports.create({ data: { title: "Oslo" } });
  await until(() => ablo.reports.get(id)?.title === "Oslo", "the new row arrives");
  const later = client();
  await later.ready();
  equal(later.reports.get(id)?.title, "Oslo", "the bootstrap contains the row");
  later.close();

  // Writes of others arrive and notify subscribers.
  let notifications = 0;
  const stop = ablo.reports.subscribe(() => (notifications += 1));
  const titles: string[][] = [];
  const unwatch = ablo.reports.onChange((rows) => titles.push(rows.map((row) => row.title)), {
    where: { id },
  });
  const before = ablo.reports.getAll();
  assert(before === ablo.reports.getAll(), "the array is the same until a row changes");
  await agent.reports.update({ id, data: { title: "Oslo, Monday" } });
  await until(() => ablo.reports.get(id)?.title === "Oslo, Monday", "the change arrives");
  assert(notifications > 0 && before !== ablo.reports.getAll(), "subscribers are notified");
  equal(titles.at(-1), ["Oslo, Monday"], "the selected rows");

  // A write is visible immediately and remains visible when it is confirmed.
  const writing = ablo.reports.update({ id, data: { body: "Fog." } });
  equal(
    [ablo.reports.get(id)?.body, ablo.syncStatus.pendingChanges],
    ["Fog.", 1],
    "before the confirmation",
  );
  await writing;
  equal(ablo.reports.get(id)?.body, "Fog.", "after the confirmation");
  await until(() => ablo.syncStatus.pendingChanges === 0, "no write is pending");
  equal(ablo.reports.get(id)?.body, "Fog.", "after the delta has arrived");

  // A refused write is reverted.
  const failures: [AbloError, number][] = [];
  ablo.onWriteFailure((error, operations) => failures.push([error, operations.length]));
  const held = await agent.reports.claim({ id });
  const late = ablo.reports.update({ id, data: { body: "Sun.", status: "ready" } });
  equal(ablo.reports.get(id)?.body, "Sun.", "the optimistic row");
  equal((await refused(late)).code, "entity_claimed", "the refusal");
  equal(
    [ablo.reports.get(id)?.body, ablo.reports.get(id)?.status, failures.length],
    ["Fog.", "draft", 1],
    "the reverted row",
  );
  const gone = ablo.reports.delete({ id });
  equal(ablo.reports.get(id), undefined, "a deleted row disappears immediately");
  await refused(gone);
  equal(ablo.reports.get(id)?.title, "Oslo, Monday", "and reappears when the delete is refused");
  await held.release();

  // A created row has its id immediately.
  const making = ablo.reports.create({ id: "r-new", data: { title: "Bergen", readers: "12" } });
  equal(ablo.reports.get("r-new")?.title, "Bergen", "the row before the confirmation");
  await making;
  await until(
    () => ablo.reports.get("r-new")?.status === "draft",
    "the default set by the coordinator arrives",
  );
  const order = { orderBy: { title: "desc" }, limit: 1 } as const;
  equal(
    ablo.reports.getAll(order).map((row) => row.title),
    ["Oslo, Monday"],
    "sorted",
  );
  equal(
    ablo.reports.getCount({ where: { readers: { gt: "9" } } }),
    1,
    "digits are compared as numbers",
  );
  await agent.commits.create({
    operations: [{ action: "archive", model: "reports", id: "r-new" }],
  });
  await until(() => ablo.reports.getCount() === 1, "archived rows are excluded");
  assert(
    ablo.reports.getAll() === ablo.reports.getAll(),
    "the array of live rows is the same until a row changes",
  );
  equal(
    [ablo.reports.getCount({ state: "archived" }), ablo.reports.getCount({ state: "all" })],
    [1, 2],
    "archived rows are included on request",
  );
  await agent.commits.create({
    operations: [{ action: "unarchive", model: "reports", id: "r-new" }],
  });
  await until(() => ablo.reports.getCount() === 2, "the restored row is included");

  // The network is cut: writes made in the meantime arrive afterwards, once and in order.
  say("cut");
  await until(() => ablo.syncStatus.state === "offline", "the disconnect is detected");
  const [seen, changes] = [
    [] as number[],
    ablo.changes({ from: (await agent.counters.create({ id: "n", data: { value: 0 } })).stamp }),
  ];
  for (let value = 1; value <= 50; value += 1)
    await agent.counters.update({ id: "n", data: { value } });
  say("reconnect");
  await until(
    () => ablo.counters.get("n")?.value === 50 && ablo.syncStatus.state === "live",
    "the client catches up",
  );
  for await (const delta of changes) {
    if (delta.modelName === "Counter" && delta.data) seen.push(delta.data.value);
    if (seen.length === 50) break;
  }
  equal(
    seen,
    Array.from({ length: 50 }, (_, at) => at + 1),
    "each change once and in order",
  );

  // A slow reader misses no delta.
  const slow = ablo.changes();
  await slow.ready;
  const rows = Array.from({ length: 500 }, (_, value) => ({
    action: "create" as const,
    model: "counters" as const,
    data: { value },
  }));
  for (let round = 0; round < 6; round += 1) await agent.commits.create({ operations: rows });
  await sleep(500);
  let [count, last] = [0, 0];
  for await (const delta of slow) {
    assert(delta.id > last, "the deltas are in order");
    [count, last] = [count + 1, delta.id];
    if (count === 3000) break;
  }
  stop();
  unwatch();
  assert(states.includes("offline") && states.at(-1) === "live", states.join());
  ablo.close();
  equal(ablo.syncStatus.state, "idle", "the state after closing");
});
