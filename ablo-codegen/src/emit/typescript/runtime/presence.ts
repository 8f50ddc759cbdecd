// Presence: connected participants, their activity, and the claims and claim queues of rows.

import type * as wire from "./wire.js";
import { Listeners } from "./platform.js";

/** The other participants and what they do. */
export class Presence {
  readonly #peers: Map<string, wire.PresenceUpdate> = new Map();
  readonly #queues: Map<string, readonly wire.Intent[]> = new Map();
  readonly #changed: Listeners<[]> = new Listeners();
  readonly #report: (report: wire.PresenceReport) => void;
  #others: readonly wire.PresenceUpdate[] = [];

  /** @internal */
  constructor(report: (report: wire.PresenceReport) => void) {
    this.#report = report;
  }

  /**
   * The other participants: an entry for each of their programs, such as tabs and workers
   * (`holder`), and for the other programs of this participant. The array is the same until one of
   * them changes.
   */
  get others(): readonly wire.PresenceUpdate[] {
    return this.#others;
  }

  /** Reports this participant's activity. */
  update(activity: wire.Activity): void {
    this.#report({ status: "online", activity });
  }

  /** Reports that this participant is idle. */
  idle(): void {
    this.update({ entityType: "Unknown", entityId: "", action: "idle" });
  }

  /** Calls the listener on every change. Returns a function that removes the listener. */
  onChange(listener: () => void): () => void {
    return this.#changed.add(listener);
  }

  /** Returns the claim of the other client that holds a row, of any participant. */
  holder(model: string, id: string): wire.ActiveIntent | undefined {
    for (const peer of this.#peers.values()) {
      const held = peer.activeIntents?.find(
        (claim) =>
          claim.entityType === model &&
          claim.entityId === id &&
          (claim.status ?? "active") === "active",
      );
      if (held !== undefined) return held;
    }
    return undefined;
  }

  /** Returns the claim queue of a row, next first. */
  queue(model: string, id: string): readonly wire.Intent[] {
    return this.#queues.get(`${model}\0${id}`) ?? [];
  }

  /** @internal */
  receive(update: wire.PresenceUpdate): void {
    if (update.userId === undefined) return;
    const id = `${update.userId}\0${update.holder ?? ""}`;
    if (update.kind === "leave") {
      this.#peers.delete(id);
    } else {
      const before = this.#peers.get(id);
      const { status, syncGroups, isAgent, activity } = before ?? {};
      const kept = {
        status,
        syncGroups,
        isAgent,
        activity: update.kind === "update" ? activity : undefined,
      };
      const known = Object.entries({ ...kept, ...update }).filter(
        ([, value]) => value !== undefined,
      );
      this.#peers.set(id, Object.fromEntries(known));
    }
    this.#notify();
  }

  /** @internal */
  setQueue({ target, queue }: wire.IntentQueue): void {
    const key = `${target.type}\0${target.id}`;
    if (queue.length === 0) this.#queues.delete(key);
    else this.#queues.set(key, queue);
    this.#notify();
  }

  /** @internal */
  clear(): void {
    this.#peers.clear();
    this.#queues.clear();
    this.#notify();
  }

  #notify(): void {
    this.#others = [...this.#peers.values()];
    this.#changed.notify();
  }
}
