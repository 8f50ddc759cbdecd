// Claims and credentials beyond the scenario: lines that are looked at and reordered, claims that end early, keys that a page must not have.

import { AbloAuthenticationError, AbloClaimedError, AbloError, type wire } from "./typescript/index.js";
import { assert, client, equal, main, refused, sleep } from "./support.js";

main(async () => {
  const ablo = client();
  const [one, two, three] = [client({ agent: "one" }), client({ agent: "two" }), client({ agent: "three", httpOnly: true })];
  const { id } = await ablo.counters.create({ data: { value: 0 } });
  const held = await one.counters.claim({ id, action: "counting", description: "of sheep", field: "value", meta: { page: 3 } });
  const state = await ablo.counters.claim.state({ id });
  equal([state?.actor, state?.action, state?.description, state?.field], ["agent:one", "counting", "of sheep", "value"], "who holds it, and why");
  equal(await one.counters.claim.queue({ id }), [], "nobody waits");

  // Two wait, one over a socket and one over HTTP; the line is turned round.
  const [second, third] = [two.counters.claim({ id }), three.counters.claim({ id, ttl: "10s" })];
  const both = async (): Promise<readonly wire.ModelClaim[]> => {
    for (const end = Date.now() + 20_000; ; ) {
      const line = await ablo.counters.claim.queue({ id });
      if (line.length === 2) return line;
      assert(Date.now() < end, `${line.length} are in line`);
      await sleep(10);
    }
  };
  const line = await both();
  await ablo.counters.claim.reorder({ id, order: [...line].reverse() });
  const turned = await ablo.counters.claim.queue({ id });
  equal(turned.map((claim) => claim.actor), line.map((claim) => claim.actor).reverse(), "the line is turned round");
  const deep = await refused(client({ agent: "four" }).counters.claim({ id, maxQueueDepth: 2 }));
  assert(deep instanceof AbloClaimedError && deep.code === "queue_too_deep", `${deep}`);
  const late = await refused(client({ agent: "five" }).counters.claim({ id, timeout: "200ms" }));
  equal(late.code, "grant_timeout", "patience ends");
  // And with it the place in the line.
  await both();

  await held.release();
  assert(!held.isHeld, "it is given up");
  equal((await refused(held.update({ data: { value: 1 } }))).code, "claim_lost", "and nothing is written through it");
  for (const actor of turned.map((claim) => claim.actor)) {
    const granted = await (actor === "agent:two" ? second : third);
    equal((await ablo.counters.claim.state({ id }))?.actor, actor, "who is first is served first");
    await granted.update({ data: { value: granted.data!.value + 1 } });
    await granted.release();
  }
  equal((await ablo.counters.retrieve({ id })).data.value, 2, "each saw what the other wrote");

  // Whoever is put out of its claim is told.
  const mine = await one.counters.claim({ id });
  assert(await one.counters.claim.release({ id }), "from elsewhere, as the same participant");
  const why = await mine.lost;
  equal(why.code, "claim_lost", "the reason");
  assert(!(await one.counters.claim.release({ id })), "there is nothing more to give up");

  // A row that is still to be made can be held, and is made under the claim.
  const ahead = await one.counters.claim({ id: "later", action: "creating" });
  equal(ahead.data, undefined, "there is no row yet");
  equal((await refused(two.counters.create({ id: "later", data: { value: 1 } }))).code, "entity_claimed", "nobody else makes it");
  await one.counters.create({ id: "later", data: { value: 7 } });
  equal((await ahead.refresh())?.value, 7, "the row");
  await ahead.release();

  // A write under a claim is refused when others had changed the row before it was granted, unless it is said otherwise.
  const before = await two.counters.retrieve({ id: "later" });
  await one.counters.update({ id: "later", data: { value: 8 } });
  {
    await using claim = await two.counters.claim({ id: "later" });
    equal((await refused(claim.update({ data: { value: 9 }, readAt: before.stamp }))).code, "stale_context", "an old read");
    await claim.update({ data: { value: 9 }, readAt: before.stamp, onStale: "force" });
  }

  const nobody = await refused(client({ apiKey: "sk_test_wrong" }).counters.retrieve({ id }));
  assert(nobody instanceof AbloAuthenticationError && nobody.status === 401, `${nobody}`);
  const out = await refused(client({ getToken: () => null }).counters.retrieve({ id }));
  equal(out.code, "session_expired", "nobody is logged in");
  let asked = 0;
  const { token } = await ablo.sessions.create({ user: { id: "ada" } });
  const renewed = client({ getToken: async () => ((asked += 1) === 1 ? "ek_test_over" : token) });
  equal((await renewed.counters.retrieve({ id })).data.value, 2, "a token that is over is fetched anew");
  equal(asked, 2, "once");

  const surroundings = globalThis as { document?: object };
  surroundings.document = {};
  let blocked: unknown;
  try {
    client();
  } catch (error) {
    blocked = error;
  }
  delete surroundings.document;
  assert(blocked instanceof AbloError && blocked.code === "browser_apikey_blocked", "a page must not have a key");
});
