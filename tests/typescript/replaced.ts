// The log is replaced by another one, whose head has passed the client's position: the rows are
// read
// again, and the program is informed.

import { assert, client, equal, main, refused, say, until } from "./support.js";

main(async () => {
  const ablo = client({ agent: "keeper" });
  await ablo.ready();
  await until(() => ablo.syncStatus.state === "live", "the state is live");
  const titles = (): string[] => ablo.reports.getAll().map(({ title }) => title).sort();
  equal(titles(), ["old 0", "old 1", "old 2"], "the rows of the first log");
  const reasons: string[] = [];
  const stop = ablo.onReload((reason) => reasons.push(reason));
  const changes = ablo.changes();
  await changes.ready;
  const first = changes.next();
  await ablo.reports.update({ id: "r0", data: { body: "a change" } });
  equal((await first).value?.modelId, "r0", "a change of the first log");
  say("replace");
  await until(() => reasons.length > 0, "the other log is noticed");
  await until(() => ablo.syncStatus.state === "live", "the rows are read again");
  equal(reasons, ["log_replaced"], "the reason");
  equal(titles(), ["new 0", "new 1", "new 2", "new 3", "new 4", "new 5"], "the other rows");
  equal((await refused(changes.next())).code, "log_replaced", "the stream ends");
  stop();
  // A stream from a position of the first log is refused, one from here is not.
  const { position, epoch } = changes;
  assert(epoch !== undefined, "the position has an epoch");
  const old = ablo.changes({ from: position ?? 0, epoch });
  equal((await refused(old.next())).code, "log_replaced", "a position of the first log");
  const made = await ablo.reports.create({ id: "r9", data: { title: "later" } });
  const later = ablo.changes({ from: made.stamp - 1 });
  equal((await later.next()).value?.modelId, "r9", "a position of this log");
});
