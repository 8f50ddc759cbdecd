// Who is here, what they do, what they hold and who waits: as the coordinator tells it, the newest state alone.

import type * as wire from "./wire.js";
import { Listeners } from "./platform.js";

/** Who else is here. */
export class Presence {
  readonly #peers: Map<string, wire.PresenceUpdate> = new Map();
  readonly #lines: Map<string, readonly wire.Intent[]> = new Map();
  readonly #changed: Listeners<[]> = new Listeners();
  readonly #say: (report: wire.PresenceReport) => void;
  #others: readonly wire.PresenceUpdate[] = [];

  /** @internal */
  constructor(say: (report: wire.PresenceReport) => void) {
    this.#say = say;
  }

  /** Everyone else; the same array until somebody comes, goes or does something. */
  get others(): readonly wire.PresenceUpdate[] {
    return this.#others;
  }

  /** Says what this participant is doing. */
  update(activity: wire.Activity): void {
    this.#say({ status: "online", activity });
  }

  /** Says that this participant does nothing in particular. */
  idle(): void {
    this.update({ entityType: "Unknown", entityId: "", action: "idle" });
  }

  /** Runs when anything is different; gives what ends that. */
  onChange(listener: () => void): () => void {
    return this.#changed.add(listener);
  }

  /** Who holds a row, beside this participant. */
  holder(model: string, id: string): wire.ActiveIntent | undefined {
    for (const peer of this.#peers.values()) {
      const held = peer.activeIntents?.find(
        (claim) => claim.entityType === model && claim.entityId === id && (claim.status ?? "active") === "active",
      );
      if (held !== undefined) return held;
    }
    return undefined;
  }

  /** Who waits for a row, the next one first. */
  queue(model: string, id: string): readonly wire.Intent[] {
    return this.#lines.get(`${model}\0${id}`) ?? [];
  }

  /** @internal */
  hear(said: wire.PresenceUpdate): void {
    const id = said.userId;
    if (id === undefined) return;
    if (said.kind === "leave") {
      this.#peers.delete(id);
    } else {
      const before = this.#peers.get(id);
      const { status, syncGroups, isAgent, activity } = before ?? {};
      const kept = { status, syncGroups, isAgent, activity: said.kind === "update" ? activity : undefined };
      const known = Object.entries({ ...kept, ...said }).filter(([, value]) => value !== undefined);
      this.#peers.set(id, Object.fromEntries(known));
    }
    this.#told();
  }

  /** @internal */
  line({ target, queue }: wire.IntentQueue): void {
    const key = `${target.type}\0${target.id}`;
    if (queue.length === 0) this.#lines.delete(key);
    else this.#lines.set(key, queue);
    this.#told();
  }

  /** @internal */
  forget(): void {
    this.#peers.clear();
    this.#lines.clear();
    this.#told();
  }

  #told(): void {
    this.#others = [...this.#peers.values()];
    this.#changed.tell();
  }
}
