// Claims and credentials: claim queues, reordering, lost claims, expired tokens, and keys in a
// browser.

import {
  AbloAuthenticationError,
  AbloClaimedError,
  AbloError,
  type wire,
} from "./typescript/index.js";
import { assert, client, equal, main, refused, sleep } from "./support.js";

main(async () => {
  const ablo = client();
  const [one, two, three] = [
    client({ agent: "one" }),
    client({ agent: "two" }),
    client({ agent: "three", httpOnly: true }),
  ];
  const { id } = await ablo.counters.create({ data: { value: 0 } });
  const held = await one.counters.claim({
    id,
    action: "counting",
    description: "of sheep",
    field: "value",
    meta: { page: 3 },
  });
  const state = await ablo.counters.claim.state({ id });
  equal(
    [state?.actor, state?.action, state?.description, state?.field],
    ["agent:one", "counting", "of sheep", "value"],
    "the holder and its work",
  );
  equal(await one.counters.claim.queue({ id }), [], "the claim queue is empty");

  // Two waiters, one over the WebSocket and one over HTTP; the claim queue is reversed.
  const [second, third] = [two.counters.claim({ id }), three.counters.claim({ id, ttl: "10s" })];
  const twoWaiters = async (): Promise<readonly wire.ModelClaim[]> => {
    for (const end = Date.now() + 20_000; ;) {
      const queue = await ablo.counters.claim.queue({ id });
      if (queue.length === 2) return queue;
      assert(Date.now() < end, `${queue.length} waiters instead of two`);
      await sleep(10);
    }
  };
  const queue = await twoWaiters();
  await ablo.counters.claim.reorder({ id, order: [...queue].reverse() });
  const reversed = await ablo.counters.claim.queue({ id });
  equal(
    reversed.map((claim) => claim.actor),
    queue.map((claim) => claim.actor).reverse(),
    "the claim queue is reversed",
  );
  const deep = await refused(client({ agent: "four" }).counters.claim({ id, maxQueueDepth: 2 }));
  assert(deep instanceof AbloClaimedError && deep.code === "queue_too_deep", `${deep}`);
  const late = await refused(client({ agent: "five" }).counters.claim({ id, timeout: "200ms" }));
  equal(late.code, "grant_timeout", "the timeout of a claim");
  // A timeout also ends the position in the claim queue.
  await twoWaiters();

  await held.release();
  assert(!held.isHeld, "the claim is released");
  equal(
    (await refused(held.update({ data: { value: 1 } }))).code,
    "claim_lost",
    "a released claim does not write",
  );
  for (const actor of reversed.map((claim) => claim.actor)) {
    const granted = await (actor === "agent:two" ? second : third);
    equal((await ablo.counters.claim.state({ id }))?.actor, actor, "waiters are promoted in order");
    await granted.update({ data: { value: granted.data!.value + 1 } });
    await granted.release();
  }
  equal(
    (await ablo.counters.retrieve({ id })).data.value,
    2,
    "each holder read the row that the previous one wrote",
  );

  // The holder is notified when its claim is lost.
  const mine = await one.counters.claim({ id });
  assert(
    await one.counters.claim.release({ id }),
    "the client releases its claim by its row",
  );
  const reason = await mine.lost;
  equal(reason.code, "claim_lost", "the reason");
  assert(!(await one.counters.claim.release({ id })), "there is no claim left to release");

  // One commit of two claimed rows has one claim; writes under the other one follow it.
  for (const row of ["both1", "both2"])
    await ablo.counters.create({ id: row, data: { value: 0 } });
  const both = [
    await one.counters.claim({ id: "both1" }),
    await one.counters.claim({ id: "both2" }),
  ];
  for (const value of [1, 2]) {
    await one.commits.create({
      operations: both.map(({ target }) => ({
        action: "update",
        model: "counters",
        id: target.id,
        data: { value },
      })),
    });
    for (const claim of both) await claim.update({ data: { value: value * 10 } });
  }
  for (const claim of both) await claim.release();

  // A row can be claimed before it exists and created under the claim.
  const ahead = await one.counters.claim({ id: "later", action: "creating" });
  equal(ahead.data, undefined, "the row does not exist yet");
  equal(
    (await refused(two.counters.create({ id: "later", data: { value: 1 } }))).code,
    "entity_claimed",
    "no other participant can create it",
  );
  await one.counters.create({ id: "later", data: { value: 7 } });
  equal((await ahead.refresh())?.value, 7, "the created row");
  await ahead.release();

  // Under a claim, a write based on an older read is refused unless it is forced.
  const before = await two.counters.retrieve({ id: "later" });
  await one.counters.update({ id: "later", data: { value: 8 } });
  {
    await using claim = await two.counters.claim({ id: "later" });
    equal(
      (await refused(claim.update({ data: { value: 9 }, readAt: before.stamp }))).code,
      "stale_context",
      "a stale write",
    );
    await claim.update({ data: { value: 9 }, readAt: before.stamp, onStale: "force" });
  }

  const rejected = await refused(client({ apiKey: "sk_test_wrong" }).counters.retrieve({ id }));
  assert(rejected instanceof AbloAuthenticationError && rejected.status === 401, `${rejected}`);
  const loggedOut = await refused(client({ getToken: () => null }).counters.retrieve({ id }));
  equal(loggedOut.code, "session_expired", "no user is logged in");
  let calls = 0;
  const { token } = await ablo.sessions.create({ user: { id: "ada" } });
  const renewed = client({ getToken: async () => ((calls += 1) === 1 ? "ek_test_over" : token) });
  equal(
    (await renewed.counters.retrieve({ id })).data.value,
    2,
    "an expired token is fetched again",
  );
  equal(calls, 2, "the number of token requests");

  const environment = globalThis as { document?: object };
  environment.document = {};
  let blocked: unknown;
  try {
    client();
  } catch (error) {
    blocked = error;
  }
  delete environment.document;
  assert(
    blocked instanceof AbloError && blocked.code === "browser_apikey_blocked",
    "an API key is rejected in a browser",
  );
});
