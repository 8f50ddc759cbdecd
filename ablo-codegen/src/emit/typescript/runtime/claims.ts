// Claims: a row that is held while it is worked on, or a place in its line.
//
// A claim is asked for over the connection, where the coordinator tells at once when it is granted or lost, or over HTTP, where it
// is asked for again and again. What is asked for comes in; a `Lease` goes out, whose standing is the newest state.

import type * as wire from "./wire.js";
import { AbloError, claimLost, errorOf, invalid } from "./errors.js";
import { type Http } from "./http.js";
import { type Duration, host, Listeners, milliseconds, uuid } from "./platform.js";

/** How a claim is asked for. */
export interface ClaimOptions {
  /** The row; it need not exist yet. */
  id: string;
  /** What the work is, in a word; `editing` without it. */
  action?: string;
  /** What the work is, in a sentence. */
  description?: string;
  /** A place inside the row, for others to see; the whole row is held. */
  field?: string;
  path?: string;
  range?: wire.Range;
  meta?: { [key: string]: unknown };
  /** How long it lives without a sign of life, at most ten minutes; a minute without it. */
  ttl?: Duration;
  /** Whether to wait in line when the row is held; true without it. */
  wait?: boolean;
  /** How many may wait before this one. */
  maxQueueDepth?: number;
  /** How long to wait in line; without an end without it. */
  timeout?: Duration;
}

/** How long a claim lives where nobody says, in milliseconds. */
const TTL = 60_000;
/** How often a waiting claim is asked for over HTTP, in milliseconds. */
const ASK = 750;

/** @internal */ export class Lease {
  readonly id: string = `int_${uuid()}`;
  readonly begin: wire.IntentBegin;
  readonly ttl: number;
  readonly changed: Listeners<[]> = new Listeners();
  standing: "asked" | "queued" | "held" | "over" = "asked";
  position = 0;
  error: AbloError | undefined;
  /** Gives it up, or its place in the line. */
  end: () => void = () => {};

  constructor(model: string, options: ClaimOptions) {
    const { id, action = "editing", description, field, path, range, ttl, wait = true } = options;
    const meta = description === undefined ? options.meta : { ...options.meta, description };
    this.ttl = ttl === undefined ? TTL : Math.max(1, milliseconds(ttl));
    const estimatedMs = ttl === undefined ? undefined : Math.round(this.ttl);
    const said = { intentId: this.id, entityType: model, entityId: id, action, queue: wait, field, path, range, meta, estimatedMs };
    // JSON leaves out what is undefined.
    this.begin = said as wire.IntentBegin;
  }

  hold(): void {
    this.#now("held");
  }

  wait(position: number): void {
    this.position = position;
    this.#now("queued");
  }

  lose(error: AbloError): void {
    this.error = error;
    this.#now("over");
  }

  #now(standing: "queued" | "held" | "over"): void {
    if (this.standing === "over") return;
    this.standing = standing;
    this.changed.tell();
  }

  /** Waits for the grant. */
  granted({ maxQueueDepth, timeout, id }: ClaimOptions): Promise<void> {
    return new Promise((done, refuse) => {
      const look = (): void => {
        if (this.standing === "held") over(done);
        else if (this.standing === "over") over(() => refuse(this.error));
        else if (this.standing === "queued" && maxQueueDepth !== undefined && this.position >= maxQueueDepth) {
          give("queue_too_deep", `${this.position} wait for "${id}" before this one`);
        }
      };
      const give = (code: string, message: string): void => {
        over(() => refuse(errorOf(message, { code })));
        this.end();
      };
      const late = (): void => give("grant_timeout", `"${id}" was not free in time`);
      const timer = timeout === undefined ? undefined : host.setTimeout(late, milliseconds(timeout));
      const forget = this.changed.add(look);
      const over = (settle: () => void): void => {
        host.clearTimeout(timer);
        forget();
        settle();
      };
      look();
    });
  }
}

/** What claims are asked for over. */
/** @internal */ export class Leases {
  readonly #own: Map<string, Lease> = new Map();
  readonly #say: (frame: wire.ClientFrame) => void;

  constructor(say: (frame: wire.ClientFrame) => void) {
    this.#say = say;
  }

  begin(lease: Lease): void {
    this.#own.set(lease.id, lease);
    lease.end = () => {
      if (!this.#own.delete(lease.id)) return;
      lease.lose(claimLost("it was given up"));
      this.#say({ type: "intent_abandon", payload: { intentId: lease.id } });
    };
    this.#say({ type: "intent_begin", payload: lease.begin });
  }

  /** What is said again when the connection is opened again. */
  announcement(): wire.ClientFrame[] {
    return [...this.#own.values()].map((lease) => {
      // A claim that was held is held, or lost: it does not go back into a line.
      const queue = lease.standing === "held" ? false : (lease.begin.queue ?? true);
      return { type: "intent_begin", payload: { ...lease.begin, queue } };
    });
  }

  hear({ type, payload }: { type: string; payload?: unknown }): void {
    const said = payload as { intentId?: string; position?: number; reason?: string } | undefined;
    const lease = this.#own.get(said?.intentId ?? "");
    if (lease === undefined || said === undefined) return;
    if (type === "intent_acquired" || type === "intent_granted") return lease.hold();
    if (type === "intent_queued") return lease.wait(said.position ?? 0);
    if (type !== "intent_lost" && type !== "intent_rejected") return;
    const held = lease.standing === "held";
    this.#own.delete(lease.id);
    lease.lose(type === "intent_lost" || held ? claimLost(said.reason ?? "expired") : claimedBy(said as wire.IntentRejected));
  }

  /** Nobody has kept those alive whose time ran out since the coordinator was last heard of. */
  expire(heardAt: number): void {
    for (const lease of [...this.#own.values()]) {
      if (lease.standing !== "held" || Date.now() - heardAt <= lease.ttl) continue;
      this.#own.delete(lease.id);
      lease.lose(claimLost("expired"));
    }
  }

  fail(error: AbloError): void {
    const all = [...this.#own.values()];
    this.#own.clear();
    for (const lease of all) lease.lose(error);
  }
}

function claimedBy(said: wire.IntentRejected): AbloError {
  const { heldBy, heldByIntentId, heldByExpiresAt } = said;
  const at = heldByExpiresAt === undefined ? undefined : new Date(heldByExpiresAt).toISOString();
  const details = { heldBy, heldByIntentId, heldByExpiresAt: at };
  return errorOf(`the row is held by ${heldBy ?? "another participant"}`, { code: "entity_claimed", status: 409, details });
}

/** Keeps a claim by asking for it over HTTP, until it is given up. */
/** @internal */ export async function keepOverHttp(http: Http, lease: Lease): Promise<void> {
  const { entityType: model, entityId: id, action, field, meta } = lease.begin;
  const target = { model, id, field, meta };
  let over = false;
  let wake = (): void => {};
  lease.end = () => {
    over = true;
    lease.lose(claimLost("it was given up"));
    wake();
  };
  let queue = lease.begin.queue ?? true;
  let renewed = Date.now();
  const isOver = (): boolean => over;
  while (!over) {
    const asked = Date.now();
    try {
      const body = { intentId: lease.id, target, action, ttl: `${Math.round(lease.ttl)}ms`, queue };
      const answer = await http.send<wire.ClaimAnswer>("POST", ["v1", "intents"], body);
      if (isOver()) break;
      if (answer.status === "queued") {
        lease.wait(answer.position ?? 0);
      } else {
        [renewed, queue] = [asked, false];
        lease.hold();
      }
    } catch (thrown) {
      const error = thrown instanceof AbloError ? thrown : invalid(String(thrown));
      const held = lease.standing === "held";
      if (!error.retryable || (held && Date.now() - renewed >= lease.ttl)) {
        over = true;
        lease.lose(held ? claimLost("expired") : error);
        return;
      }
    }
    const wait = lease.standing === "held" ? Math.max(lease.ttl / 3, 50) : Math.min(ASK, lease.ttl / 3);
    await new Promise<void>((done) => {
      wake = done;
      host.setTimeout(done, wait);
    });
  }
  // Where this fails, the claim ends with its time.
  await http.send("DELETE", ["v1", "intents", lease.id]).catch(() => {});
}
