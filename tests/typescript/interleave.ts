// One of several clients that increment the same rows while the network is cut repeatedly. Prints
// each confirmed write.

import {
  AbloClaimedError,
  AbloConnectionError,
  AbloError,
  AbloStaleContextError,
  runtime,
} from "./typescript/index.js";
import { client, main, more, say, sleep } from "./support.js";

const [name = "", seed = "1", rounds = "20", rows = "3"] = more;

let state = Number(seed);
/** Returns a pseudo-random number below a limit; the sequence depends on the seed only. */
const random = (below: number): number => {
  state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
  return Math.floor((state / 0x80000000) * below);
};

/**
 * Retries a call until it succeeds or fails permanently. Repeated writes have the same idempotency
 * key.
 */
async function retry<T>(call: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await call();
    } catch (error) {
      const isRetryable =
        error instanceof AbloConnectionError || (error instanceof AbloError && error.retryable);
      if (!isRetryable) throw error;
      await sleep(20);
    }
  }
}

main(async () => {
  const ablo = client({ agent: name, timeout: "5s" });
  for (let round = 0; round < Number(rounds);) {
    const id = `row-${random(Number(rows))}`;
    const entry = `${name}-${round}`;
    const held = random(2) === 0;
    try {
      const claim = held
        ? await retry(() => ablo.counters.claim({ id, ttl: "5s", timeout: "10s" }))
        : undefined;
      const { data, stamp } =
        claim?.data === undefined
          ? await retry(() => ablo.counters.retrieve({ id }))
          : { data: claim.data, stamp: claim.stamp };
      const log = [...((data.log ?? []) as string[]), entry];
      const write = { data: { value: data.value + 1, log }, idempotencyKey: runtime.uuid() };
      if (random(3) === 0) await sleep(random(30));
      try {
        await retry(() =>
          claim === undefined
            ? ablo.counters.update({ id, ...write, readAt: stamp })
            : claim.update(write),
        );
        say(`${id} ${entry}`);
        round += 1;
      } finally {
        await claim?.release().catch(() => {});
      }
    } catch (error) {
      // Another client wrote first: read the row again.
      if (!(error instanceof AbloStaleContextError || error instanceof AbloClaimedError))
        throw error;
      await sleep(random(20));
    }
  }
  ablo.close();
});
