// Errors: refusals by the coordinator, classified by code, and connection failures.

import type * as wire from "./wire.js";
import type { FetchResponse } from "./platform.js";
import { codeOfStatus, retryAfter, shouldRetry } from "./policy.js";

/** The properties of an error other than its message. */
export interface AbloErrorInit {
  code?: string | undefined;
  status?: number | undefined;
  requestId?: string | undefined;
  param?: string | undefined;
  retryAfterSeconds?: number | undefined;
  /** All members of the error response. */
  details?: { readonly [member: string]: unknown };
  cause?: unknown;
}

/**
 * The base class of all errors of this client. `code` is stable and listed in the registry of
 * codes.
 */
export class AbloError extends Error {
  readonly type: string = "AbloError";
  readonly code: string;
  /** The HTTP status; undefined if there was no response. */
  readonly status: number | undefined;
  /** The id of the request in the coordinator's log. */
  readonly requestId: string | undefined;
  /** The path of the invalid input. */
  readonly param: string | undefined;
  readonly retryAfterSeconds: number | undefined;
  readonly details: { readonly [member: string]: unknown };

  constructor(message: string, init: AbloErrorInit = {}) {
    super(message, init.cause === undefined ? undefined : { cause: init.cause });
    this.code = init.code ?? "internal_error";
    this.status = init.status;
    this.requestId = init.requestId;
    this.param = init.param;
    this.retryAfterSeconds = init.retryAfterSeconds;
    this.details = init.details ?? {};
  }

  // Minifiers rename classes; the name must not change.
  override get name(): string {
    return this.type;
  }

  /** The page that explains the code, if the server names one. */
  get docUrl(): string | undefined {
    return this.details["doc_url"] as string | undefined;
  }

  /**
   * Whether repeating the same request can succeed soon. The client has already repeated it as
   * `attempts` allows.
   */
  get retryable(): boolean {
    return shouldRetry(this.code, this.status);
  }
}

/** The credential is missing, unknown or expired. */
export class AbloAuthenticationError extends AbloError {
  override readonly type: string = "AbloAuthenticationError";
}
/** The credential does not permit the request. */
export class AbloPermissionError extends AbloError {
  override readonly type: string = "AbloPermissionError";
}
/** The credential does not permit the request; `requiredCapability` would be sufficient. */
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
/** A conflict with stored data. */
export class AbloIdempotencyError extends AbloError {
  override readonly type: string = "AbloIdempotencyError";
}
/** The connection to the coordinator failed. */
export class AbloConnectionError extends AbloError {
  override readonly type: string = "AbloConnectionError";
}
/** The request is invalid. */
export class AbloValidationError extends AbloError {
  override readonly type: string = "AbloValidationError";
}
/** The coordinator failed. */
export class AbloServerError extends AbloError {
  override readonly type: string = "AbloServerError";
}

/** A row that changed between a read and the write that was based on it. */
export interface Conflict {
  /** The key of the model. */
  model: string;
  id: string;
  /** The sync id of the conflicting change. */
  observedSyncId: number;
  /** The fields that both wrote; an empty list means all fields. */
  conflictingFields?: string[];
  /** The current row; absent if it was deleted. */
  data?: unknown;
}

/** A stale write: the row has changed since it was read. `conflicts` has the current rows. */
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
  /** The holder; an agent is `agent:<id>`. */
  get heldBy(): string | undefined {
    return this.details["heldBy"] as string | undefined;
  }
  /** The end of the holder's lease unless it is renewed, ISO 8601. */
  get expiresAt(): string | undefined {
    return this.details["heldByExpiresAt"] as string | undefined;
  }
  get claims(): readonly wire.ModelClaim[] {
    return (this.details["claims"] as wire.ModelClaim[] | undefined) ?? [];
  }
}

const CLAIMED: ReadonlySet<string> = new Set([
  "claim_conflict",
  "entity_claimed",
  "intent_conflict",
  "claim_lost",
  "model_claimed",
  "model_claimed_timeout",
  "queue_too_deep",
  "grant_timeout",
]);

/** @internal */ export function errorOf(message: string, init: AbloErrorInit): AbloError {
  const { code = "", status = 0 } = init;
  const Kind =
    code === "stale_context"
      ? AbloStaleContextError
      : CLAIMED.has(code)
        ? AbloClaimedError
        : code === "capability_scope_denied" || code === "capability_invalid"
          ? CapabilityError
          : status === 401
            ? AbloAuthenticationError
            : status === 403
              ? AbloPermissionError
              : status === 409
                ? AbloIdempotencyError
                : status === 429
                  ? AbloRateLimitError
                  : status === 400 || status === 422
                    ? AbloValidationError
                    : status >= 500
                      ? AbloServerError
                      : AbloError;
  return new Kind(message, init);
}

/** Returns the error for a response outside 2xx. */
/** @internal */ export function errorOfResponse(
  status: number,
  text: string,
  headers: FetchResponse["headers"],
): AbloError {
  let body: { [member: string]: unknown } = {};
  try {
    const parsed: unknown = JSON.parse(text);
    if (typeof parsed === "object" && parsed !== null) body = parsed as typeof body;
  } catch {
    // Proxies respond with bodies of their own.
  }
  const inner =
    typeof body["error"] === "object" && body["error"] !== null
      ? (body["error"] as typeof body)
      : body;
  const member = (name: string): string | undefined => {
    const value = inner[name] ?? body[name];
    return typeof value === "string" ? value : undefined;
  };
  return errorOf(member("message") ?? `HTTP ${status}`, {
    code: member("code") ?? codeOfStatus(status),
    status,
    param: member("param"),
    requestId: headers.get("x-request-id") ?? member("request_id"),
    retryAfterSeconds: retryAfter(headers.get("retry-after")),
    details: inner === body ? body : { ...body, ...inner },
  });
}

/** Returns an error of this client as it is, and any other as a connection failure. */
/** @internal */ export const connectionError = (cause: unknown): AbloError =>
  cause instanceof AbloError
    ? cause
    : new AbloConnectionError(cause instanceof Error ? cause.message : String(cause), {
        code: "network_error",
        cause,
      });

/** Returns the error of a write whose answer was lost. */
/** @internal */ export const outcomeUnknown = (key: string, cause?: AbloError): AbloError =>
  new AbloConnectionError(
    `it is unknown whether the commit ${key} was applied: ${cause?.message ?? "no answer"}`,
    { code: "commit_no_result", details: { clientTxId: key }, cause },
  );

/** @internal */ export const invalid = (
  message: string,
  code: string = "invalid_request",
): AbloValidationError => new AbloValidationError(message, { code });

/** @internal */ export const claimLost = (reason: string): AbloClaimedError =>
  new AbloClaimedError(`the claim was lost: ${reason}`, { code: "claim_lost" });
