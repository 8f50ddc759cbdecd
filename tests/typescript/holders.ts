// Two tabs of one user, and two workers with one key: their claims exclude each other.

import { AbloClaimedError } from "./typescript/index.js";
import { assert, client, equal, main, refused, until } from "./support.js";

main(async () => {
  const ablo = client();
  for (const httpOnly of [false, true]) {
    const { id } = await ablo.counters.create({ data: { value: 0 } });
    const [one, two] = [client({ user: "ada", httpOnly }), client({ user: "ada", httpOnly })];
    const held = await one.counters.claim({ id, action: "first" });
    const rejected = await refused(two.counters.claim({ id, wait: false }));
    assert(rejected instanceof AbloClaimedError, `${rejected}`);
    equal(rejected.code, "entity_claimed", "a tab waits for the other");
    const blocked = await refused(two.counters.update({ id, data: { value: 1 } }));
    equal(blocked.code, "entity_claimed", "a write of the other tab");
    await one.counters.update({ id, data: { value: 1 } });
    await held.update({ data: { value: 2 } });

    // Each sees the claims of the other only.
    equal(await one.counters.claim.state({ id }), null, "the state for the holder");
    equal((await two.counters.claim.state({ id }))?.action, "first", "the state for the other");
    if (!httpOnly) {
      await two.ready();
      await until(() => two.counters.claim.holder(id)?.action === "first", "the other's claim");
      const peer = two.presence.others.find((own) => own.activeIntents?.length === 1);
      equal(peer?.userId, "ada", "the same participant");
      await one.ready();
      await until(() => one.presence.others.length > 0, "the other tab");
      assert(one.presence.others.every((own) => own.holder !== peer?.holder), "not itself");
      equal(one.counters.claim.holder(id), undefined, "a tab is not its own peer");
    }

    assert(!(await two.counters.claim.release({ id })), "a tab cannot release the other's claim");
    const waiting = two.counters.claim({ id });
    for (let waiters = 0; waiters === 0;)
      waiters = (await one.counters.claim.queue({ id })).length;
    await held.release();
    await using granted = await waiting;
    equal(granted.data?.value, 2, "the row as the holder left it");
    await granted.update({ data: { value: 3 } });
    one.close();
    two.close();
  }
});
