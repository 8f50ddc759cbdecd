// What goes wrong: the coordinator's refusals by their codes, and failures on the way to it.

import type * as wire from "./wire.js";

/** What an error says beside its message. */
export interface ErrorFacts {
  code?: string | undefined;
  status?: number | undefined;
  requestId?: string | undefined;
  param?: string | undefined;
  retryAfterSeconds?: number | undefined;
  /** Everything that the coordinator said. */
  details?: { readonly [member: string]: unknown };
  cause?: unknown;
}

/** Any error of this client. `code` is stable; the registry says what each means. */
export class AbloError extends Error {
  readonly type: string = "AbloError";
  readonly code: string;
  /** The status of the answer; absent where there was none. */
  readonly status: number | undefined;
  /** The request in the coordinator's log. */
  readonly requestId: string | undefined;
  /** The part of the request that is wrong. */
  readonly param: string | undefined;
  readonly retryAfterSeconds: number | undefined;
  readonly details: { readonly [member: string]: unknown };

  constructor(message: string, facts: ErrorFacts = {}) {
    super(message, facts.cause === undefined ? undefined : { cause: facts.cause });
    this.code = facts.code ?? "internal_error";
    this.status = facts.status;
    this.requestId = facts.requestId;
    this.param = facts.param;
    this.retryAfterSeconds = facts.retryAfterSeconds;
    this.details = facts.details ?? {};
  }

  // What shortens code renames classes.
  override get name(): string {
    return this.type;
  }

  /** The page that explains the code, if the server names one. */
  get docUrl(): string | undefined {
    return this.details["doc_url"] as string | undefined;
  }

  /** Whether the same request may succeed by itself after a while. */
  get retryable(): boolean {
    return ((this.status ?? 0) >= 500 || this.status === 429) && !STUCK.has(this.code);
  }
}

/** The credential is missing, unknown, or over. */
export class AbloAuthenticationError extends AbloError {
  override readonly type: string = "AbloAuthenticationError";
}
/** The credential may not do this. */
export class AbloPermissionError extends AbloError {
  override readonly type: string = "AbloPermissionError";
}
/** The credential may not do this; `requiredCapability` would be enough. */
export class CapabilityError extends AbloPermissionError {
  override get name(): string {
    return "CapabilityError";
  }
  get requiredCapability(): wire.RequiredCapability | undefined {
    return this.details["requiredCapability"] as wire.RequiredCapability | undefined;
  }
}
/** Too many requests. */
export class AbloRateLimitError extends AbloError {
  override readonly type: string = "AbloRateLimitError";
}
/** A conflict with what is stored. */
export class AbloIdempotencyError extends AbloError {
  override readonly type: string = "AbloIdempotencyError";
}
/** The way to the coordinator failed. */
export class AbloConnectionError extends AbloError {
  override readonly type: string = "AbloConnectionError";
  override get retryable(): boolean {
    return this.code === "network_error";
  }
}
/** The request is wrong. */
export class AbloValidationError extends AbloError {
  override readonly type: string = "AbloValidationError";
}
/** The coordinator failed. */
export class AbloServerError extends AbloError {
  override readonly type: string = "AbloServerError";
}

/** A row that moved between a read and the write that was based on it. */
export interface Conflict {
  /** The key of the model. */
  model: string;
  id: string;
  /** Where in the log it moved. */
  observedSyncId: number;
  /** The fields that both wrote; empty is all of them. */
  conflictingFields?: string[];
  /** The row as it is now; absent where it is gone. */
  data?: unknown;
}

/** A write was based on an old read. Decide anew, with the rows in `conflicts`. */
export class AbloStaleContextError extends AbloError {
  override readonly type: string = "AbloStaleContextError";
  get readAt(): number | undefined {
    return this.details["readAt"] as number | undefined;
  }
  get conflicts(): readonly Conflict[] {
    return (this.details["conflicts"] as Conflict[] | undefined) ?? [];
  }
}

/** Another participant holds the row. */
export class AbloClaimedError extends AbloError {
  override readonly type: string = "AbloClaimedError";
  /** Who; an agent is `agent:<id>`. */
  get heldBy(): string | undefined {
    return this.details["heldBy"] as string | undefined;
  }
  /** Until when without a sign of life, ISO 8601. */
  get expiresAt(): string | undefined {
    return this.details["heldByExpiresAt"] as string | undefined;
  }
  get claims(): readonly wire.ModelClaim[] {
    return (this.details["claims"] as wire.ModelClaim[] | undefined) ?? [];
  }
}

/** Failures that do not pass by themselves, whatever their status. */
const STUCK: ReadonlySet<string> = new Set([
  "bootstrap_offline_no_cache", "capability_auth_disabled", "commit_offline_grace_expired", "migration_failed", "provisioner_unavailable",
  "query_relation_target_unknown", "schema_scope_invalid", "schema_table_invalid",
]);

const CLAIMED: ReadonlySet<string> = new Set([
  "claim_conflict", "entity_claimed", "intent_conflict", "claim_lost", "model_claimed", "model_claimed_timeout",
  "queue_too_deep", "grant_timeout",
]);

/** @internal */ export function errorOf(message: string, facts: ErrorFacts): AbloError {
  const { code = "", status = 0 } = facts;
  const Kind =
    code === "stale_context" ? AbloStaleContextError
    : CLAIMED.has(code) ? AbloClaimedError
    : code === "capability_scope_denied" || code === "capability_invalid" ? CapabilityError
    : status === 401 ? AbloAuthenticationError
    : status === 403 ? AbloPermissionError
    : status === 409 ? AbloIdempotencyError
    : status === 429 ? AbloRateLimitError
    : status === 400 || status === 422 ? AbloValidationError
    : status >= 500 ? AbloServerError
    : AbloError;
  return new Kind(message, facts);
}

/** The error that an answer outside 2xx is. */
/** @internal */ export function errorOfAnswer(status: number, text: string, header: (name: string) => string | null): AbloError {
  let body: { [member: string]: unknown } = {};
  try {
    const said: unknown = JSON.parse(text);
    if (typeof said === "object" && said !== null) body = said as typeof body;
  } catch {
    // A proxy answers in its own words.
  }
  const inner = typeof body["error"] === "object" && body["error"] !== null ? (body["error"] as typeof body) : body;
  const word = (name: string): string | undefined => {
    const value = inner[name] ?? body[name];
    return typeof value === "string" ? value : undefined;
  };
  const wait = Number(header("retry-after"));
  return errorOf(word("message") ?? `HTTP ${status}`, {
    code: word("code") ?? (status === 401 ? "auth_no_credentials" : "internal_error"),
    status,
    param: word("param"),
    requestId: header("x-request-id") ?? word("request_id"),
    retryAfterSeconds: wait > 0 ? Math.min(wait, 30) : undefined,
    details: inner === body ? body : { ...body, ...inner },
  });
}

/** @internal */ export const unreachable = (cause: unknown): AbloConnectionError =>
  new AbloConnectionError(cause instanceof Error ? cause.message : String(cause), { code: "network_error", cause });

/** @internal */ export const invalid = (message: string, code: string = "invalid_request"): AbloValidationError =>
  new AbloValidationError(message, { code });

/** @internal */ export const claimLost = (reason: string): AbloClaimedError =>
  new AbloClaimedError(`the claim, or its place in the line, is gone: ${reason}`, { code: "claim_lost" });
