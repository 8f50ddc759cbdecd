// Local rows are filtered and sorted as the coordinator filters and sorts lists.

import { client, equal, main, until } from "./support.js";

main(async () => {
  const ablo = client();
  await ablo.ready();
  const rows = [
    { confidence: 1, readers: "9" },
    { confidence: 2, body: "x", readers: "10" },
    { body: "", dueAt: "2026-06-01T08:00:00.000Z" },
    { confidence: 2, body: "é", readers: "-3", price: "1.5" },
    { confidence: 2, body: "e\u0301", status: "ready", price: "1.45" },
    { confidence: 10, body: "a%b_c", price: "12" },
    { body: "X", dueAt: "2026-05-01T08:00:00.000Z" },
  ];
  await ablo.commits.create({
    operations: rows.map((row, at) => ({
      action: "create",
      model: "reports",
      id: `r${at}`,
      data: { title: "T", ...row },
    })) as never,
  });
  await until(() => ablo.reports.getCount() === rows.length, "the rows arrive");

  const ids = (found: readonly { id: string }[]): string[] => found.map(({ id }) => id);
  const compare = async (options: object): Promise<void> => {
    const listed: { id: string }[] = [];
    for await (const row of ablo.reports.list(options as never)) listed.push(row);
    equal(ids(ablo.reports.getAll(options as never)), ids(listed), JSON.stringify(options));
  };
  for (const where of [
    { body: null },
    { body: { ne: null } },
    { body: { ne: "x" } },
    { body: ["x", "X"] },
    { body: [] },
    { body: { notIn: ["x"] } },
    { body: { notIn: [] } },
    { body: { like: "a%" } },
    { body: { like: "a\\%b\\_c" } },
    { body: { like: "a\\_b%" } },
    { body: { like: "A%" } },
    { body: { ilike: "x" } },
    { body: { gt: "X" } },
    { body: { le: "a" } },
    { confidence: { gt: 1 } },
    { confidence: { ge: 2, lt: 10 } },
    { readers: { gt: "5" } },
    { price: { le: "1.5" } },
    { status: { ne: "draft" } },
    { dueAt: { lt: "2026-06-01T08:00:00.000Z" } },
  ])
    await compare({ where, orderBy: { id: "asc" } });
  for (const name of ["id", "confidence", "body", "readers", "price", "status", "dueAt"])
    for (const order of ["asc", "desc"]) await compare({ orderBy: { [name]: order } });
});
