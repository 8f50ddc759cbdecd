// Changes that start from current values: visible at once, counted once whatever arrives first, and
// reverted if they are refused. Another client changes the same row at the same time.

import { assert, client, equal, main, more, refused, until } from "./support.js";

const [total = "0"] = more;

main(async () => {
  const [ablo, agent] = [client({ user: "ada" }), client({ agent: "holder" })];
  await ablo.ready();
  const value = (): number => ablo.counters.get("row")?.value ?? -1;
  const seen: number[] = [];
  ablo.counters.onChange(() => seen.push(value()));

  const before = value();
  const relative = { value: { increment: 2 }, log: { append: ["ts"] } };
  const writes = [ablo.counters.update({ id: "row", relative })];
  assert(value() >= before + 2, "the local row has the change at once");
  for (let number = 1; number < 20; number += 1)
    writes.push(ablo.counters.update({ id: "row", relative }));
  assert(value() >= before + 40, "changes of one row follow each other");
  await Promise.all(writes);
  await until(() => value() === Number(total), `the value is ${total}`);
  await until(() => ablo.syncStatus.pendingChanges === 0, "no write is pending");
  // Every change adds, so a change that is counted twice for a moment shows as a decrease.
  const falls = seen.filter((now, at) => at > 0 && now < seen[at - 1]!);
  equal(falls, [], "the visible value never falls");
  const log = ablo.counters.get("row")?.log as string[];
  equal(log.filter((entry) => entry === "ts").length, 20, "each entry is there once");

  // Wide numbers are exact.
  const data = { title: "Oslo", readers: "9007199254740993", price: "0.9999" } as const;
  const { id } = await ablo.reports.create({ data });
  const change = { readers: { increment: "1" }, price: { increment: "0.0001" } } as const;
  const written = ablo.commits.create({
    operations: [
      { action: "update", model: "reports", id, data: { body: "Fog." }, relative: change },
    ],
  });
  const shown = (): unknown[] => {
    const row = ablo.reports.get(id);
    return [row?.readers, row?.price, row?.body];
  };
  equal(shown(), ["9007199254740994", "1.0000", "Fog."], "the local row");
  await written;
  await until(() => ablo.syncStatus.pendingChanges === 0, "the change is confirmed");
  equal(shown(), ["9007199254740994", "1.0000", "Fog."], "the confirmed row");

  // A refused change is reverted.
  const held = await agent.reports.claim({ id });
  const late = ablo.reports.update({ id, relative: change });
  equal(shown()[0], "9007199254740995", "the optimistic row");
  equal((await refused(late)).code, "entity_claimed", "the refusal");
  equal(shown()[0], "9007199254740994", "the reverted row");
  await held.update({ relative: { readers: { increment: "-4" } } });
  await until(() => shown()[0] === "9007199254740990", "the change under the claim arrives");
  await held.release();

  // @ts-expect-error: the schema declares no relative operation for this field.
  const undeclared = ablo.reports.update({ id, relative: { title: { append: "!" } } });
  equal((await refused(undeclared)).code, "commit_operation_unsupported", "an undeclared change");
  ablo.close();
  agent.close();
});
