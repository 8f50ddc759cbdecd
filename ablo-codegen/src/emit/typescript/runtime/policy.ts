// The decisions of the client: constants and pure functions. The Rust client has the same ones, and
// tests run both on `fixtures/client/behaviour.json`.

/** The default number of attempts for a request. */
/** @internal */ export const ATTEMPTS = 4;
/** The default timeout of a request, in milliseconds. */
/** @internal */ export const REQUEST_TIMEOUT = 30_000;
/** The longest delay that a response can ask for, in seconds. */
/** @internal */ export const MAX_RETRY_AFTER = 30;
/** The delay after the first failure and the longest one, in milliseconds. */
/** @internal */ export const FIRST_BACKOFF = 100;
/** @internal */ export const MAX_BACKOFF = 5000;

/** The timeout of a WebSocket handshake, in milliseconds. */
/** @internal */ export const HANDSHAKE_TIMEOUT = 15_000;
/** The interval of pings, in milliseconds. */
/** @internal */ export const PING_INTERVAL = 10_000;
/** The time without an answer to a ping after which a connection is lost, in milliseconds. */
/** @internal */ export const MAX_SILENCE = 35_000;

/** The time after which a connection counts as stable, in milliseconds. */
/** @internal */ export const STABLE_AFTER = 5000;
/** The number of times that a log that ends before the start of a stream is asked for again. */
/** @internal */ export const MAX_HEAD_CHECKS = 6;

/** The default length of a lease, in milliseconds. */
/** @internal */ export const CLAIM_TTL = 60_000;
/** The interval at which a queued claim is polled over HTTP, in milliseconds. */
/** @internal */ export const CLAIM_POLL_INTERVAL = 750;
/** The shortest interval between renewals of a claim, in milliseconds. */
/** @internal */ export const MIN_RENEWAL_INTERVAL = 50;
/** The interval at which `ifClaimed: "wait"` polls, in milliseconds. */
/** @internal */ export const CLAIMED_POLL_INTERVAL = 500;

/** The requested lifetime of an exchanged token, in seconds. */
/** @internal */ export const TOKEN_TTL = 3600;
/** The default lifetime of a session, in seconds. */
/** @internal */ export const SESSION_TTL = 900;

/** Returns the delay after a number of failures, in milliseconds. `random` is from 0 to 1. */
/** @internal */ export const backoff = (
  failures: number,
  random: number = Math.random(),
): number => Math.min(FIRST_BACKOFF * 2 ** (failures - 1), MAX_BACKOFF) * (1 - random / 2);

/** Codes that are not retryable despite their status of 429 or 5xx. */
const NOT_RETRYABLE: ReadonlySet<string> = new Set([
  "bootstrap_offline_no_cache",
  "capability_auth_disabled",
  "commit_offline_grace_expired",
  "migration_failed",
  "provisioner_unavailable",
  "query_relation_target_unknown",
  "retries_exhausted",
  "schema_scope_invalid",
  "schema_table_invalid",
]);

/** Returns whether the client repeats a request that failed. */
/** @internal */ export const shouldRetry = (code: string, status: number = 0): boolean =>
  code === "network_error" || ((status === 429 || status >= 500) && !NOT_RETRYABLE.has(code));

/** Returns whether a failure ends the client's work, because a person has to act. */
/** @internal */ export const isFinal = (code: string, status: number = 0): boolean =>
  // An answer that cannot be read, and a refusal without a code, are those of a proxy. The check of
  // a token has a status only.
  !shouldRetry(code, status) &&
  code !== "response_unreadable" &&
  (code !== "internal_error" || status === 403);

/** Returns whether a failed request may have been carried out: its answer was lost. */
/** @internal */ export const isLost = (code: string): boolean => code === "network_error";

/** Returns whether the outcome of a request is still unknown after the answer to its repetition. */
/** @internal */ export const staysUnknown = (status: number = 0): boolean =>
  status < 400 || status >= 500 || [401, 403, 429].includes(status);

/** Returns the code of a response that has none, such as that of a proxy. */
/** @internal */ export const codeOfStatus = (status: number): string =>
  status === 401
    ? "auth_no_credentials"
    : status === 429
      ? "rate_limited"
      : status >= 502 && status <= 504
        ? "network_error"
        : "internal_error";

/** Reads a `Retry-After` header in seconds. A date is ignored. */
/** @internal */ export const retryAfter = (header: string | null): number | undefined =>
  /^\d+$/.test(header ?? "") ? Math.min(Number(header), MAX_RETRY_AFTER) : undefined;

/** Returns the number of failures after a connection was lost that had lasted some milliseconds. */
/** @internal */ export const failuresAfter = (failures: number, lasted: number): number =>
  lasted < STABLE_AFTER ? failures + 1 : 1;

/** Returns whether a close code means that the session has ended. */
/** @internal */ export const endsSession = (code: number): boolean =>
  [1008, 4001, 4003].includes(code);

/** Returns whether a close code means that the token has expired. */
/** @internal */ export const renewsToken = (code: number): boolean => code === 4408;

/** Returns what happens to a claim whose request over HTTP failed. */
/** @internal */ export const claimAfterError = (
  isHeld: boolean,
  isExpired: boolean,
  isClaimed: boolean,
  isRetryable: boolean,
): "kept" | "lost" | "refused" =>
  isHeld && (isExpired || isClaimed) ? "lost" : isRetryable ? "kept" : "refused";

/** Returns when a claim is requested again over HTTP, in milliseconds. */
/** @internal */ export const claimInterval = (isHeld: boolean, ttl: number): number =>
  isHeld ? Math.max(ttl / 3, MIN_RENEWAL_INTERVAL) : Math.min(ttl / 3, CLAIM_POLL_INTERVAL);

/** Returns whether a waiter stays in the claim queue, with this number of waiters ahead. */
/** @internal */ export const admits = (position: number, maxDepth: number = Infinity): boolean =>
  position < maxDepth;

/** Returns when an exchanged token is renewed, in milliseconds; `ttl` is in seconds. */
/** @internal */ export const renewAfter = (ttl: number): number => (ttl * 2000) / 3;
