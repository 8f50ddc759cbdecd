// The product's scenario: a person and agents edit one report, and an observer sees all of it. The lines that it prints are compared.

import { AbloClaimedError, AbloStaleContextError, type Ablo, type runtime } from "./typescript/index.js";
import { assert, client as anyClient, equal, main, refused, say, until } from "./support.js";

const id = "report_stockholm";

// The same program runs in a page, which nobody else opens.
const client = (options: Partial<runtime.Options> = {}): Ablo => anyClient({ dangerouslyAllowBrowser: true, ...options });

export async function play(observer: Ablo): Promise<void> {
  const [ada, hasty, patient] = [client({ user: "ada" }), client({ agent: "hasty" }), client({ agent: "patient" })];
  const created = await ada.reports.create({ id, data: { title: "Stockholm" } });
  equal(created.id, id, "the row's id");
  await observer.ready();
  const seen: string[] = [];
  const changes = observer.changes({ from: created.stamp });
  const taken = (async () => {
    for await (const delta of changes) {
      if (delta.modelName === "Report" && delta.data) seen.push(`${delta.data.title}, ${delta.data.status}, ${delta.data.body ?? ""}`);
      if (seen.length === 3) break;
    }
  })();

  const thought = await hasty.reports.retrieve({ id });
  const held = await ada.reports.claim({ id, action: "typing" });
  await until(() => observer.reports.claim.holder(id)?.action === "typing", "the observer sees the claim");
  say("observer: ada is typing");

  const claimed = await refused(hasty.reports.claim({ id, wait: false }));
  assert(claimed instanceof AbloClaimedError, String(claimed));
  say(`hasty: ${claimed.heldBy} is at it, I yield`);
  const failed = await refused(hasty.reports.retrieve({ id, ifClaimed: "fail" }));
  equal(failed.code, "model_claimed", "reads can fail on a claimed row");

  const waits = patient.reports.claim({ id });
  await until(() => observer.presence.queue("reports", id).length === 1, "the observer sees who waits");
  equal((await ada.reports.claim.queue({ id }))[0]?.actor, "agent:patient", "the line");
  say("observer: somebody waits for ada");
  await held.update({ data: { body: "Rain in the morning." } });
  await held.release();

  {
    await using granted = await waits;
    say(`patient: it is mine, and reads "${granted.data?.body}"`);
    // Under a claim every write of this client to the row is guarded, also one that does not go through the handle.
    await patient.reports.update({ id, data: { status: "ready" } });
  }
  await until(() => observer.reports.claim.holder(id) === undefined, "leaving the block gives the row up");

  const stale = await refused(hasty.reports.update({ id, data: { body: "Sun all day." }, readAt: thought.stamp }));
  assert(stale instanceof AbloStaleContextError, String(stale));
  const [conflict] = stale.conflicts;
  const now = conflict?.data as { body: string };
  say(`hasty: refused, ${conflict?.conflictingFields?.join(", ")} is "${now.body}" by now`);

  // Whoever holds the row is gone without a word.
  const fragile = client({ agent: "fragile" });
  const crashed = await fragile.reports.claim({ id, ttl: "2s" });
  await until(() => observer.reports.claim.holder(id) !== undefined, "the observer sees who crashes");
  fragile.close();
  assert(!crashed.isHeld, "who is gone holds nothing");
  say("observer: an agent holds it, and crashed");
  const next = await patient.reports.claim({ id, timeout: "20s" });
  await next.update({ data: { title: "Stockholm, Tuesday" } });
  say("patient: its time was over, and it is mine again");
  await next.release();

  await taken;
  say(`observer: ${seen.join("; ")}`);
  await until(() => observer.reports.get(id)?.title === "Stockholm, Tuesday", "the rows that are here are the newest");
  equal(observer.syncStatus.state, "live", "the observer is live");
  for (const one of [ada, hasty, patient, observer]) one.close();
}

main(() => play(client()));
