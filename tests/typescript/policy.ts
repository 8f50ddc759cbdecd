// Compares the client's constants and decisions with `fixtures/client/behaviour.json`, whose path
// is the argument. The Rust client is tested with the same file in
// `ablo/src/client/policy/tests.rs`.

import { connectionError, errorOf, errorOfResponse, outcomeUnknown } from "./typescript/errors.js";
import * as policy from "./typescript/policy.js";
import { assert, equal, main, url } from "./support.js";

declare const process: {
  getBuiltinModule(name: string): { readFileSync(path: string, encoding: string): string };
};

interface Behaviour {
  constants: { [name: string]: number };
  backoff: { failures: number; random: number; delayMs: number }[];
  retryAfter: { header: string; seconds: number | null }[];
  errors: { code: string; status: number | null; class: string; kind: string; retry: boolean }[];
  errorBodies: { status: number; body: string; code: string; message: string }[];
  lostAnswers: { code: string; status: number | null; lost: boolean; unknown: boolean }[];
  reconnects: { failures: number; lastedMs: number | null; next: number }[];
  finalErrors: { code: string; status: number | null; final: boolean }[];
  closeCodes: { code: number; endsSession: boolean; renewsToken?: boolean }[];
  claimErrors: {
    held: boolean;
    expired: boolean;
    claimed: boolean;
    retryable: boolean;
    outcome: string;
  }[];
  claimIntervals: { held: boolean; ttlMs: number; nextMs: number }[];
  queue: { position: number; maxDepth: number | null; admitted: boolean }[];
  tokens: { ttlSeconds: number; renewAfterMs: number }[];
}

const { readFileSync } = process.getBuiltinModule("node:fs");
const behaviour = JSON.parse(readFileSync(url, "utf8")) as Behaviour;
// `scenarios.ts` runs the scenarios.
const checked = new Set<string>([
  "constants",
  "requestScenarios",
  "claimDetails",
  "readScenarios",
  "claimScenarios",
]);

/** Compares a decision with every case of a table. */
function check<Table extends keyof Behaviour>(
  table: Table,
  decide: (
    of: Behaviour[Table] extends (infer Case)[] ? Case : never,
  ) => readonly [unknown, unknown],
): void {
  checked.add(table);
  for (const of of behaviour[table] as Parameters<typeof decide>[0][]) {
    const [actual, expected] = decide(of);
    equal(actual, expected, `${table} ${JSON.stringify(of)}`);
  }
}

main(async () => {
  const constants = {
    attempts: policy.ATTEMPTS,
    requestTimeoutMs: policy.REQUEST_TIMEOUT,
    maxRetryAfterSeconds: policy.MAX_RETRY_AFTER,
    firstBackoffMs: policy.FIRST_BACKOFF,
    maxBackoffMs: policy.MAX_BACKOFF,
    handshakeTimeoutMs: policy.HANDSHAKE_TIMEOUT,
    pingIntervalMs: policy.PING_INTERVAL,
    maxSilenceMs: policy.MAX_SILENCE,
    stableAfterMs: policy.STABLE_AFTER,
    maxHeadChecks: policy.MAX_HEAD_CHECKS,
    claimTtlMs: policy.CLAIM_TTL,
    claimPollIntervalMs: policy.CLAIM_POLL_INTERVAL,
    minRenewalIntervalMs: policy.MIN_RENEWAL_INTERVAL,
    claimedPollIntervalMs: policy.CLAIMED_POLL_INTERVAL,
    tokenTtlSeconds: policy.TOKEN_TTL,
    sessionTtlSeconds: policy.SESSION_TTL,
  };
  equal(constants, behaviour.constants, "the constants");
  check("backoff", ({ failures, random, delayMs }) => [policy.backoff(failures, random), delayMs]);
  check("retryAfter", ({ header, seconds }) => [policy.retryAfter(header), seconds ?? undefined]);
  check("errors", ({ code, status, class: name, retry }) => {
    const error =
      status === null && code === "network_error"
        ? connectionError("the connection was cut")
        : status === null && code === "commit_no_result"
          ? outcomeUnknown("key")
          : errorOf("refused", { code, status: status ?? undefined });
    return [
      [error.code, error.name, error.retryable],
      [code, name, retry],
    ];
  });
  check("errorBodies", ({ status, body, code, message }) => {
    const error = errorOfResponse(status, body, { get: () => null });
    return [
      [error.code, error.message],
      [code, message],
    ];
  });
  check("lostAnswers", ({ code, status, lost, unknown }) => [
    [policy.isLost(code), policy.staysUnknown(status ?? undefined)],
    [lost, unknown],
  ]);
  check("finalErrors", ({ code, status, final }) => [
    policy.isFinal(code, status ?? undefined),
    final,
  ]);
  check("reconnects", ({ failures, lastedMs, next }) => [
    policy.failuresAfter(failures, lastedMs ?? -Infinity),
    next,
  ]);
  check("closeCodes", ({ code, endsSession, renewsToken }) => [
    [policy.endsSession(code), policy.renewsToken(code)],
    [endsSession, renewsToken ?? false],
  ]);
  check("claimErrors", ({ held, expired, claimed, retryable, outcome }) => [
    policy.claimAfterError(held, expired, claimed, retryable),
    outcome,
  ]);
  check("claimIntervals", ({ held, ttlMs, nextMs }) => [
    policy.claimInterval(held, ttlMs),
    nextMs,
  ]);
  check("queue", ({ position, maxDepth, admitted }) => [
    policy.admits(position, maxDepth ?? undefined),
    admitted,
  ]);
  check("tokens", ({ ttlSeconds, renewAfterMs }) => [
    policy.renewAfter(ttlSeconds),
    renewAfterMs,
  ]);
  for (const table of Object.keys(behaviour)) assert(checked.has(table), `${table} is not checked`);
});
