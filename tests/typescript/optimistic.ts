// A row that is not yet confirmed has the members that the coordinator will store: defaults are
// there, and members that are undefined are not.

import { client, equal, main } from "./support.js";

main(async () => {
  const ablo = client();
  await ablo.ready();
  // Programs without `exactOptionalPropertyTypes` can write this.
  const data = { title: "New", body: undefined, sources: [{ url: "a", tag: undefined }] } as never;
  const writing = ablo.reports.create({ id: "r-1", data });
  const local = ablo.reports.get("r-1");
  equal(
    [local?.status, local?.title, "body" in (local ?? {}), JSON.stringify(local?.sources)],
    ["draft", "New", false, '[{"url":"a"}]'],
    "the row before it is confirmed",
  );
  equal("tag" in ((local?.sources as [object])[0] ?? {}), false, "nested members");
  equal(ablo.reports.getCount({ where: { status: "draft" } }), 1, "the default is found");
  await writing;
  const { data: stored } = await ablo.reports.retrieve({ id: "r-1" });
  const { createdAt, updatedAt, ...declared } = local ?? {};
  for (const [name, value] of Object.entries(declared))
    equal(stored[name as "title"], value, `the stored ${name}`);

  // An update keeps members that are undefined.
  await ablo.reports.update({ id: "r-1", data: { body: "Text." } });
  const updating = ablo.reports.update({
    id: "r-1",
    data: { title: "Newer", body: undefined } as never,
  });
  equal(ablo.reports.get("r-1")?.body, "Text.", "an undefined member of a patch");
  await updating;
  equal((await ablo.reports.retrieve({ id: "r-1" })).data.body, "Text.", "the stored member");

  // The local row is what was sent, whatever happens to the object afterwards.
  const sources = ["first"];
  const last = ablo.reports.update({ id: "r-1", data: { sources } });
  sources.push("second");
  equal(ablo.reports.get("r-1")?.sources, ["first"], "a copy");
  await last;
  equal((await ablo.reports.retrieve({ id: "r-1" })).data.sources, ["first"], "what was sent");
  ablo.close();
});
