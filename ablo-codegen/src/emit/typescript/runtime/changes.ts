// Changes as they are confirmed: every one once, in order, over cut connections and at the reader's own pace.
//
// A stream has a connection of its own. Whoever reads slowly is not sent more: the connection is given up, and opened again behind
// the last change that was taken.

import type * as wire from "./wire.js";
import { deltasOf, hello, type Core } from "./core.js";
import { type AbloError, errorOf } from "./errors.js";
import { Link } from "./link.js";
import { isReset } from "./store.js";

/** Where a stream begins. */
export interface ChangesOptions {
  /** Behind this place in the log; without it, now. */
  from?: number;
}

/** A stream of changes. `for await` takes them; leaving the loop ends it. */
export interface Changes<Change> extends AsyncIterableIterator<Change>, AsyncDisposable {
  /** Behind the last change that was taken: where another stream may begin. */
  readonly position: number | undefined;
  /** Settles once no change from now on is missed. */
  readonly ready: Promise<void>;
}

/** Changes that may wait to be taken. */
const MOST_WAITING = 1024;

/** @internal */ export class Feed implements Changes<wire.Delta> {
  readonly ready: Promise<void>;
  position: number | undefined;
  readonly #core: Core;
  #link: Link | undefined;
  #waiting: wire.Delta[] = [];
  #taken = 0;
  #after: number | undefined;
  #error: AbloError | undefined;
  #done = false;
  #wake: () => void = () => {};
  #begun: () => void = () => {};

  constructor(core: Core, { from }: ChangesOptions) {
    this.#core = core;
    this.position = this.#after = from;
    this.ready = new Promise((done) => (this.#begun = done));
    this.#open();
  }

  #open(): void {
    this.#link = new Link(this.#core.http, this.#core.options, {
      opened: () => [hello(this.#after)],
      heard: (frame) => this.#hear(frame),
      cut: () => {},
      ended: (error) => this.#end(error),
    });
  }

  #hear(frame: { type: string; payload?: unknown }): void {
    const head = (frame.payload as wire.SyncResponse | undefined)?.currentSyncId;
    if (frame.type === "sync_response" && head !== undefined) {
      this.position = this.#after ??= head;
      this.#begun();
    }
    for (const delta of deltasOf(frame)) {
      if (this.#after !== undefined && delta.id <= this.#after) continue;
      this.#after = delta.id;
      this.#waiting.push(delta);
    }
    if (this.#waiting.length - this.#taken > MOST_WAITING) {
      this.#link?.close();
      this.#link = undefined;
    }
    this.#wake();
  }

  #end(error: AbloError | undefined): void {
    this.#done = true;
    this.#error = error;
    this.#link?.close();
    this.#begun();
    this.#wake();
  }

  async next(): Promise<IteratorResult<wire.Delta, undefined>> {
    for (;;) {
      const delta = this.#waiting[this.#taken];
      if (delta !== undefined) {
        this.#taken += 1;
        this.position = delta.id;
        if (isReset(delta)) {
          this.#end(errorOf("which rows are seen has changed, and of too many for each to be told: read the rows anew", { code: "invalid_request" }));
        }
        return { done: false, value: delta };
      }
      [this.#waiting, this.#taken] = [[], 0];
      if (this.#error !== undefined) throw this.#error;
      if (this.#done) return { done: true, value: undefined };
      if (this.#link === undefined) this.#open();
      await new Promise<void>((done) => (this.#wake = done));
    }
  }

  async return(): Promise<IteratorResult<wire.Delta, undefined>> {
    this.#end(undefined);
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }
}
