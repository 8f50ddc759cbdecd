// A user and agents edit one report while an observer watches. A test compares the printed lines.

import {
  AbloClaimedError,
  AbloStaleContextError,
  type Ablo,
  type runtime,
} from "./typescript/index.js";
import { assert, client as anyClient, equal, main, refused, say, until } from "./support.js";

const id = "report_stockholm";

// The program also runs in a browser, on a page without other visitors.
const client = (options: Partial<runtime.ClientOptions> = {}): Ablo =>
  anyClient({ dangerouslyAllowBrowser: true, ...options });

export async function play(observer: Ablo): Promise<void> {
  const [ada, hasty, patient] = [
    client({ user: "ada" }),
    client({ agent: "hasty" }),
    client({ agent: "patient" }),
  ];
  const created = await ada.reports.create({ id, data: { title: "Stockholm" } });
  equal(created.id, id, "the row's id");
  await observer.ready();
  const seen: string[] = [];
  const changes = observer.changes({ from: created.stamp });
  const reading = (async () => {
    for await (const delta of changes) {
      if (delta.modelName === "Report" && delta.data)
        seen.push(`${delta.data.title}, ${delta.data.status}, ${delta.data.body ?? ""}`);
      if (seen.length === 3) break;
    }
  })();

  const earlier = await hasty.reports.retrieve({ id });
  const held = await ada.reports.claim({ id, action: "typing" });
  await until(
    () => observer.reports.claim.holder(id)?.action === "typing",
    "the observer sees the claim",
  );
  say("observer: ada is typing");

  const claimed = await refused(hasty.reports.claim({ id, wait: false }));
  assert(claimed instanceof AbloClaimedError, String(claimed));
  say(`hasty: ${claimed.heldBy} is at it, I yield`);
  const failed = await refused(hasty.reports.retrieve({ id, ifClaimed: "fail" }));
  equal(failed.code, "model_claimed", "reads of a claimed row can fail");

  const waiting = patient.reports.claim({ id });
  await until(
    () => observer.presence.queue("reports", id).length === 1,
    "the observer sees the waiter",
  );
  equal((await ada.reports.claim.queue({ id }))[0]?.actor, "agent:patient", "the claim queue");
  say("observer: somebody waits for ada");
  await held.update({ data: { body: "Rain in the morning." } });
  await held.release();

  {
    await using granted = await waiting;
    say(`patient: it is mine, and reads "${granted.data?.body}"`);
    // The stale guard applies to all writes of the holder, not only to those through the handle.
    await patient.reports.update({ id, data: { status: "ready" } });
  }
  await until(
    () => observer.reports.claim.holder(id) === undefined,
    "leaving the block releases the claim",
  );

  const stale = await refused(
    hasty.reports.update({ id, data: { body: "Sun all day." }, readAt: earlier.stamp }),
  );
  assert(stale instanceof AbloStaleContextError, String(stale));
  const [conflict] = stale.conflicts;
  const now = conflict?.data as { body: string };
  say(`hasty: refused, ${conflict?.conflictingFields?.join(", ")} is "${now.body}" by now`);

  // A holder disconnects without releasing its claim.
  const fragile = client({ agent: "fragile" });
  const crashed = await fragile.reports.claim({ id, ttl: "2s" });
  await until(
    () => observer.reports.claim.holder(id) !== undefined,
    "the observer sees the claim of the agent",
  );
  fragile.close();
  assert(!crashed.isHeld, "a closed client holds no claim");
  say("observer: an agent holds it, and crashed");
  const next = await patient.reports.claim({ id, timeout: "20s" });
  await next.update({ data: { title: "Stockholm, Tuesday" } });
  say("patient: its time was over, and it is mine again");
  await next.release();

  await reading;
  say(`observer: ${seen.join("; ")}`);
  await until(
    () => observer.reports.get(id)?.title === "Stockholm, Tuesday",
    "the local row is current",
  );
  equal(observer.syncStatus.state, "live", "the observer is live");
  for (const one of [ada, hasty, patient, observer]) one.close();
}

main(() => play(client()));
