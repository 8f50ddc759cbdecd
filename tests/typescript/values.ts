// Values are stored exactly, null clears, absent members keep their value, and lists filter and
// sort.

import { AbloError, AbloValidationError } from "./typescript/index.js";
import { assert, client, equal, main, refused } from "./support.js";

main(async () => {
  const ablo = client();
  const big = "9223372036854775807";
  const data = {
    title: 'Exact \u2028 "quoted" 😀',
    status: "draft",
    body: null,
    confidence: 255,
    dueAt: "2026-06-01T08:00:00.000Z",
    readers: big,
    price: "12345678.9012",
    sources: [{ url: "https://a.example", tags: ["x", null, 1.5e-7] }],
  } as const;
  const { id, stamp } = await ablo.reports.create({
    data: { ...data, sources: [...data.sources] } as never,
  });
  const { data: row, stamp: read } = await ablo.reports.retrieve({ id });
  assert(read >= stamp, "a read is not older than a preceding write");
  equal(
    { ...row, createdAt: 0, updatedAt: 0, organizationId: 0, createdBy: 0 },
    { ...row, ...data, id, createdAt: 0, updatedAt: 0, organizationId: 0, createdBy: 0 },
    "the row",
  );
  assert(BigInt(row.readers ?? "0") + 1n === 2n ** 63n, "64-bit integers are exact");
  assert(!Number.isNaN(Date.parse(row.createdAt)), "dates can be parsed");

  await ablo.reports.update({ id, data: { confidence: null, status: "ready" } });
  const { data: changed } = await ablo.reports.retrieve({ id });
  equal(
    [changed.confidence ?? null, changed.status, changed.readers],
    [null, "ready", big],
    "null clears, absent members keep their value",
  );

  const invalid = await refused(ablo.reports.create({ data: { title: "x", confidence: 256 } }));
  assert(
    invalid instanceof AbloValidationError && invalid.code === "check_violation",
    `${invalid}`,
  );
  equal(invalid.param, "reports.confidence", "the path of the invalid input");
  const missing = await refused(ablo.reports.retrieve({ id: "nowhere" }));
  assert(
    missing instanceof AbloError && missing.status === 404 && missing.requestId !== undefined,
    `${missing}`,
  );

  // A repeated idempotency key with the same body is the same write; another body is refused.
  const options = { id: "once", data: { title: "Once" }, idempotencyKey: "k-1" };
  equal(
    (await ablo.reports.create(options)).stamp,
    (await ablo.reports.create(options)).stamp,
    "a repeated write",
  );
  const other = await refused(ablo.reports.create({ ...options, data: { title: "Twice" } }));
  equal(other.code, "idempotency_conflict", "a reused idempotency key");

  const many = Array.from({ length: 45 }, (_, at) => ({
    action: "create" as const,
    model: "counters" as const,
    id: `c${String(at).padStart(2, "0")}`,
    data: { value: at % 9 },
  }));
  const committed = await ablo.commits.create({ operations: many });
  equal(committed.rows.length, 45, "a commit of many operations");
  const page = await ablo.counters.list({ where: { value: 4 }, orderBy: { id: "desc" }, limit: 2 });
  equal(
    page.map((found) => found.id),
    ["c40", "c31"],
    "the first page",
  );
  assert(page.next !== null && page.stamp !== undefined, "the page has a cursor");
  const rest = await ablo.counters.list({
    where: { value: 4 },
    orderBy: { id: "desc" },
    limit: 2,
    after: page.next,
  });
  equal(
    rest.map((found) => found.id),
    ["c22", "c13"],
    "the next page",
  );
  const all: string[] = [];
  for await (const found of ablo.counters.list({ limit: 7 })) all.push(found.id);
  equal([all.length, new Set(all).size], [45, 45], "each row of all pages, once");
  const some: number[] = [];
  for await (const found of ablo.counters.list({
    where: { value: { ge: 3, lt: 5 }, id: { like: "c1%" } },
    limit: 1,
  }))
    some.push(found.value);
  equal(some, [3, 4], "conditions across pages");
  const picked = await ablo.counters.list({
    where: { id: ["c01", "c02", "none"] },
    orderBy: { value: "desc" },
  });
  equal(
    picked.map((found) => found.id),
    ["c02", "c01"],
    "one of a list",
  );
  equal(
    (await ablo.reports.list({ where: { confidence: null, title: { ilike: "exact%" } } })).length,
    1,
    "null matches absent values",
  );

  // All or nothing.
  const half = [
    { action: "update", model: "counters", id: "c00", data: { value: 100 } },
    { action: "update", model: "counters", id: "none", data: { value: 1 } },
  ] as const;
  equal(
    (await refused(ablo.commits.create({ operations: half }))).code,
    "entity_not_found",
    "one operation fails",
  );
  equal((await ablo.counters.retrieve({ id: "c00" })).data.value, 0, "no operation is applied");

  const snapshot = await ablo.snapshot({ counters: ["c00", "c01"], reports: "once" });
  equal(
    [snapshot.rows.counters?.["c01"]?.value, snapshot.rows.reports?.["once"]?.title],
    [1, "Once"],
    "rows at one sync id",
  );
  const aborted = new Promise<void>((done) => snapshot.signal.addEventListener("abort", done));
  const seven = await ablo.counters.update({ id: "c01", data: { value: 7 } });
  await aborted;
  // Another program may have this client's key, so only the writes that it names do not count.
  const eight = { id: "c01", data: { value: 8 }, readAt: snapshot.stamp };
  equal((await refused(ablo.counters.update(eight))).code, "stale_context", "an own write");
  await ablo.counters.update({ ...eight, after: [seven] });
  const late = await refused(
    client({ agent: "late" }).counters.update({
      id: "c01",
      data: { value: 9 },
      readAt: snapshot.stamp,
    }),
  );
  equal(late.code, "stale_context", "a stale write");
  snapshot.close();
  await ablo.reports.delete({ id: "once" });
  equal(
    (await refused(ablo.reports.retrieve({ id: "once" }))).status,
    404,
    "a deleted row is not found",
  );

  const session = await ablo.sessions.create({
    agent: { id: "reader" },
    can: { reports: ["read"] },
    ttl: "5m",
  });
  const reader = client({ apiKey: session.token });
  equal((await reader.reports.retrieve({ id })).data.title, data.title, "a session reads");
  equal(
    (await refused(reader.reports.update({ id, data: { title: "no" } }))).code,
    "capability_scope_denied",
    "and is not permitted to write",
  );
  assert(await ablo.sessions.end({ id: session.id }), "the session ends");
  equal(
    (await refused(reader.reports.retrieve({ id }))).status,
    401,
    "its token is invalid afterwards",
  );

  const worker = client({ agent: "worker", httpOnly: true });
  await using claim = await worker.counters.claim({ id: "c02" });
  equal(claim.data?.value, 2, "claims work without a WebSocket");
  equal(
    (await refused(ablo.counters.update({ id: "c02", data: { value: 3 } }))).code,
    "entity_claimed",
    "and exclude others",
  );
  await claim.update({ data: { value: 22 } });
});
