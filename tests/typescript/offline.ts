// Writes of a live client across outages of the network and a restart of the coordinator. The test
// acts on the printed lines.

import { assert, client, equal, main, more, say, until } from "./support.js";

// The address that is never disconnected.
const [direct = ""] = more;

main(async () => {
  const ablo = client({ user: "ada" });
  const agent = client({ agent: "writer", baseURL: direct });
  for (const id of ["one", "two"])
    await agent.reports.create({ id, data: { title: "first", body: "text" } });
  for (let at = 0; at < 5; at += 1)
    await agent.counters.create({ id: `n${at}`, data: { value: 0, log: [] } });
  await ablo.ready();
  await until(() => ablo.syncStatus.state === "live", "the state is live");
  const failures: string[] = [];
  ablo.onWriteFailure(({ code }) => failures.push(code));

  // Others change rows while this client is away.
  say("cut");
  await until(() => ablo.syncStatus.state === "offline", "the disconnect is detected");
  const stale = ablo.reports.update({ id: "one", data: { title: "mine" } }).then(
    () => "ok",
    ({ code }) => code as string,
  );
  const writes = [
    ablo.reports.update({ id: "two", data: { title: "mine" } }),
    ablo.reports.update({ id: "two", data: { status: "ready" }, idempotencyKey: "ready" }),
    ablo.reports.create({ id: "new", data: { title: "made" } }),
    ablo.reports.update({ id: "new", data: { body: "more" }, idempotencyKey: "more" }),
    ablo.counters.update({ id: "n0", relative: { value: { increment: 1 } } }),
  ];
  await agent.reports.update({ id: "one", data: { title: "theirs" } });
  await agent.reports.update({ id: "two", data: { body: "theirs" } });
  equal(ablo.syncStatus.pendingChanges, 6, "the writes wait");
  equal(ablo.reports.get("one")?.title, "mine", "the row meanwhile");
  say("reconnect");
  await Promise.all(writes);
  equal([await stale, failures], ["stale_context", ["stale_context"]], "the conflict");
  const [parked] = ablo.outbox.parked;
  equal((parked?.rows[0] as { title: string }).title, "theirs", "the current row");
  const two = (await agent.reports.retrieve({ id: "two" })).data;
  equal([two.title, two.body, two.status], ["mine", "theirs", "ready"], "other fields");
  equal((await agent.reports.retrieve({ id: "new" })).data.body, "more", "the new row");
  parked?.retry();
  await until(() => ablo.syncStatus.oldestPendingAt === undefined, "nothing waits");
  equal((await agent.reports.retrieve({ id: "one" })).data.title, "mine", "the retry");
  equal([ablo.outbox.parked.length, failures.length], [0, 1], "nothing is parked");

  // The connection is cut again and again between requests and answers, and the coordinator
  // restarts.
  const all: PromiseLike<unknown>[] = [];
  for (let round = 0; round < 12; round += 1) {
    say(round === 6 ? "restart" : "flicker");
    for (let at = 0; at < 5; at += 1) {
      const entry = `${round}`;
      const relative = { value: { increment: 1 }, log: { append: [entry] } };
      all.push(ablo.counters.update({ id: `n${at}`, relative }));
    }
    if (round % 3 === 2) await Promise.all(all);
  }
  await Promise.all(all);
  await until(
    () => ablo.syncStatus.state === "live" && ablo.syncStatus.pendingChanges === 0,
    "the client catches up",
  );
  const rounds = Array.from({ length: 12 }, (_, at) => `${at}`);
  for (let at = 0; at < 5; at += 1) {
    const { data } = await client().counters.retrieve({ id: `n${at}` });
    equal([data.value, data.log], [at === 0 ? 13 : 12, rounds], "each write once and in order");
    equal(ablo.counters.get(`n${at}`)?.value, data.value, "the local row");
  }
  assert(failures.length === 1, failures.join());
  ablo.close();
});
