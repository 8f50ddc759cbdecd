// Requests for claims, and their state: queued, held or ended.
//
// A claim is requested over the WebSocket, on which the coordinator reports when it is granted or
// lost, or by polling over HTTP.

import type * as wire from "./wire.js";
import { AbloClaimedError, AbloError, claimLost, errorOf, invalid } from "./errors.js";
import { type Http } from "./http.js";
import {
  type Duration,
  host,
  Listeners,
  milliseconds,
  onWake,
  type Timer,
  uuid,
} from "./platform.js";
import { admits, CLAIM_TTL, claimAfterError, claimInterval } from "./policy.js";

/** The options of a claim. */
export interface ClaimOptions {
  /** The id of the row, which need not exist yet. */
  id: string;
  /** The kind of work, in one word. Default: `editing`. */
  action?: string;
  /** A description of the work, in one sentence. */
  description?: string;
  /** A field of the row, for display. The claim always covers the whole row. */
  field?: string;
  /** A path inside the row, such as `sections/2`, for display. */
  path?: string;
  /** The lines and columns that are edited, for display. */
  range?: wire.Range;
  /** The application's data about the work, for display. */
  meta?: { [key: string]: unknown };
  /**
   * The length of the lease, which is renewed while the client is connected. At most ten minutes.
   * Default: one minute.
   */
  ttl?: Duration;
  /** Whether to join the claim queue if the row is held. Default: true. */
  wait?: boolean;
  /**
   * The maximum length of the claim queue: with this many waiters ahead, the claim is refused with
   * `queue_too_deep`. 0 refuses it if the row is held.
   */
  maxQueueDepth?: number;
  /** The maximum time in the claim queue. Default: unlimited. */
  timeout?: Duration;
}

/** A requested claim. */
/** @internal */ export class Lease {
  readonly id: string = `int_${uuid()}`;
  readonly begin: wire.IntentBegin;
  readonly ttl: number;
  readonly changed: Listeners<[]> = new Listeners();
  state: "requested" | "queued" | "held" | "ended" = "requested";
  position = 0;
  error: AbloError | undefined;
  /** Releases the claim or leaves the claim queue. */
  end: () => void = () => {};

  constructor(model: string, options: ClaimOptions) {
    const { id, action = "editing", description, field, path, range, ttl, wait = true } = options;
    const meta = description === undefined ? options.meta : { ...options.meta, description };
    this.ttl = ttl === undefined ? CLAIM_TTL : Math.max(1, milliseconds(ttl));
    const estimatedMs = ttl === undefined ? undefined : Math.round(this.ttl);
    const begin = {
      intentId: this.id,
      entityType: model,
      entityId: id,
      action,
      queue: wait,
      field,
      path,
      range,
      meta,
      estimatedMs,
    };
    // JSON omits undefined members.
    this.begin = begin as wire.IntentBegin;
  }

  hold(): void {
    this.#set("held");
  }

  wait(position: number): void {
    this.position = position;
    this.#set("queued");
  }

  lose(error: AbloError): void {
    this.error = error;
    this.#set("ended");
  }

  #set(state: "queued" | "held" | "ended"): void {
    if (this.state === "ended") return;
    this.state = state;
    this.changed.notify();
  }

  /** Waits until the claim is held. */
  granted({ maxQueueDepth, timeout, id }: ClaimOptions): Promise<void> {
    return new Promise((resolve, reject) => {
      const check = (): void => {
        if (this.state === "held") settle(resolve);
        else if (this.state === "ended") settle(() => reject(this.error));
        else if (this.state === "queued" && !admits(this.position, maxQueueDepth))
          abandon("queue_too_deep", `${this.position} others are waiting for "${id}"`);
      };
      const abandon = (code: string, message: string): void => {
        settle(() => reject(errorOf(message, { code })));
        this.end();
      };
      const onTimeout = (): void => abandon("grant_timeout", `timed out waiting for "${id}"`);
      const timer =
        timeout === undefined ? undefined : host.setTimeout(onTimeout, milliseconds(timeout));
      const unsubscribe = this.changed.add(check);
      const settle = (run: () => void): void => {
        host.clearTimeout(timer);
        unsubscribe();
        run();
      };
      check();
    });
  }
}

/** The claims of this client that are requested over the WebSocket. */
/** @internal */ export class Leases {
  readonly #own: Map<string, Lease> = new Map();
  readonly #send: (frame: wire.ClientFrame) => void;
  #timer: Timer | undefined;

  constructor(send: (frame: wire.ClientFrame) => void) {
    this.#send = send;
  }

  begin(lease: Lease): void {
    this.#own.set(lease.id, lease);
    lease.end = () => {
      if (!this.#own.delete(lease.id)) return;
      lease.lose(claimLost("released"));
      this.#send({ type: "intent_abandon", payload: { intentId: lease.id } });
    };
    this.#send({ type: "intent_begin", payload: lease.begin });
  }

  /** Returns the frames that request all claims again on a new connection. */
  frames(): wire.ClientFrame[] {
    host.clearTimeout(this.#timer);
    return [...this.#own.values()].map((lease) => {
      // A claim that was held is either still held or lost; it must not be queued again.
      const queue = lease.state === "held" ? false : (lease.begin.queue ?? true);
      return { type: "intent_begin", payload: { ...lease.begin, queue } };
    });
  }

  receive({ type, payload }: { type: string; payload?: unknown }): void {
    const update = payload as { intentId?: string; position?: number; reason?: string } | undefined;
    const lease = this.#own.get(update?.intentId ?? "");
    if (lease === undefined || update === undefined) return;
    if (type === "intent_acquired" || type === "intent_granted") return lease.hold();
    if (type === "intent_queued") return lease.wait(update.position ?? 0);
    if (type !== "intent_lost" && type !== "intent_rejected") return;
    const held = lease.state === "held";
    this.#own.delete(lease.id);
    lease.lose(
      type === "intent_lost" || held
        ? claimLost(update.reason ?? "expired")
        : claimedBy(update as wire.IntentRejected),
    );
  }

  /**
   * Without a connection, ends held claims whose TTL has passed since the last message of the
   * coordinator, now and later.
   */
  expire(receivedAt: number): void {
    host.clearTimeout(this.#timer);
    let next = Infinity;
    for (const lease of [...this.#own.values()]) {
      if (lease.state !== "held") continue;
      const left = receivedAt + lease.ttl - Date.now();
      if (left > 0) {
        next = Math.min(next, left);
        continue;
      }
      this.#own.delete(lease.id);
      lease.lose(claimLost("expired"));
    }
    if (next < Infinity)
      (this.#timer = host.setTimeout(() => this.expire(receivedAt), next)).unref?.();
  }

  fail(error: AbloError): void {
    const all = [...this.#own.values()];
    host.clearTimeout(this.#timer);
    this.#own.clear();
    for (const lease of all) lease.lose(error);
  }
}

function claimedBy(rejected: wire.IntentRejected): AbloError {
  const { heldBy, heldByIntentId, heldByExpiresAt } = rejected;
  const at = heldByExpiresAt === undefined ? undefined : new Date(heldByExpiresAt).toISOString();
  const details = { heldBy, heldByIntentId, heldByExpiresAt: at };
  return errorOf(`the row is held by ${heldBy ?? "another participant"}`, {
    code: "entity_claimed",
    status: 409,
    details,
  });
}

/** Requests and renews a claim over HTTP until it ends. */
/** @internal */ export async function keepOverHttp(http: Http, lease: Lease): Promise<void> {
  const { entityType: model, entityId: id, action, field, path, range, meta } = lease.begin;
  const target = { model, id, field, path, range, meta };
  let wake = (): void => {};
  lease.end = () => {
    lease.lose(claimLost("released"));
    wake();
  };
  let queue = lease.begin.queue ?? true;
  let renewedAt = Date.now();
  let timer: Timer | undefined;
  const isEnded = (): boolean => lease.state === "ended";
  const isExpired = (): boolean =>
    lease.state === "held" && Date.now() - renewedAt >= lease.ttl;
  // A claim ends with its lease, also while a renewal has no answer or the machine slept.
  const stopListening = onWake(() => {
    if (isExpired()) lease.lose(claimLost("expired"));
    wake();
  });
  const stop = (): void => {
    stopListening();
    host.clearTimeout(timer);
  };
  while (!isEnded()) {
    const requestedAt = Date.now();
    try {
      const body = { intentId: lease.id, target, action, ttl: `${Math.round(lease.ttl)}ms`, queue };
      const response = await http.send<wire.ClaimAnswer>("POST", ["v1", "intents"], body);
      if (isEnded()) break;
      if (response.status === "queued") {
        lease.wait(response.position ?? 0);
      } else {
        [renewedAt, queue] = [requestedAt, false];
        lease.hold();
        host.clearTimeout(timer);
        const left = requestedAt + lease.ttl - Date.now();
        timer = host.setTimeout(() => lease.lose(claimLost("expired")), left);
      }
    } catch (thrown) {
      const error = thrown instanceof AbloError ? thrown : invalid(String(thrown));
      if (isEnded()) break;
      const outcome = claimAfterError(
        lease.state === "held",
        isExpired(),
        error instanceof AbloClaimedError,
        error.retryable,
      );
      if (outcome !== "kept") {
        lease.lose(outcome === "lost" ? claimLost("expired") : error);
        return stop();
      }
    }
    await new Promise<void>((done) => {
      wake = done;
      host.setTimeout(done, claimInterval(lease.state === "held", lease.ttl));
    });
  }
  stop();
  // If this fails, the claim ends when its lease expires.
  await http.send("DELETE", ["v1", "intents", lease.id]).catch(() => {});
}
