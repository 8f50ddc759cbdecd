// Streams of deltas: each delta once and in order, across disconnects.
//
// A stream has its own connection. Flow control: if the reader falls behind, the connection is
// closed and later reopened after the last delta that was received.

import type * as wire from "./wire.js";
import { deltasOf, discontinuity, syncRequest, type Core } from "./core.js";
import { type AbloError, invalid } from "./errors.js";
import { Connection } from "./connection.js";
import { host } from "./platform.js";
import { backoff, MAX_HEAD_CHECKS } from "./policy.js";
import { isReset } from "./store.js";

/** The start of a stream. */
export interface ChangesOptions {
  /** The sync id after which the stream starts. Default: the head of the sync log. */
  from?: number;
  /** The `epoch` of the earlier stream. The stream fails if the log there is another one. */
  epoch?: string | undefined;
}

/** A stream of deltas, for `for await`. Leaving the loop closes it. */
export interface Changes<Change> extends AsyncIterableIterator<Change>, AsyncDisposable {
  /** The sync id of the last delta that was read. Another stream can start from it. */
  readonly position: number | undefined;
  /** The epoch of the position: with it, another stream notices that the log was replaced. */
  readonly epoch: string | undefined;
  /** Resolves when the stream has started; later deltas are not missed. */
  readonly ready: Promise<void>;
}

/** The number of unread deltas above which the connection is closed. */
const MAX_UNREAD_DELTAS = 1024;

/** @internal */ export class DeltaStream implements Changes<wire.Delta> {
  readonly ready: Promise<void>;
  position: number | undefined;
  epoch: string | undefined;
  readonly #core: Core;
  #connection: Connection | undefined;
  #unread: wire.Delta[] = [];
  /** The number of deltas at the start of `#unread` that were read. */
  #read = 0;
  /** The sync id of the last delta that was received. */
  #received: number | undefined;
  /** The epoch of that delta. */
  #receivedEpoch: string | undefined;
  /** The number of responses that named an earlier head. */
  #headChecks = 0;
  /** Whether the connection has answered the sync request; earlier deltas are out of order. */
  #synced = false;
  #error: AbloError | undefined;
  #done = false;
  #wake: () => void = () => {};
  #started: () => void = () => {};

  constructor(core: Core, { from, epoch }: ChangesOptions) {
    this.#core = core;
    this.position = this.#received = from;
    this.epoch = this.#receivedEpoch = epoch;
    this.ready = new Promise((done) => (this.#started = done));
    this.#open();
  }

  #open(): void {
    this.#connection = new Connection(this.#core.http, this.#core.options, {
      onOpen: () => {
        this.#synced = false;
        return [syncRequest(this.#received, this.#receivedEpoch)];
      },
      onFrame: (frame) => this.#onFrame(frame),
      onDisconnect: () => {},
      onEnd: (error) => this.#end(error),
    });
  }

  #onFrame(frame: { type: string; payload?: unknown }): void {
    const answer = frame.payload as wire.SyncResponse | undefined;
    const head = answer?.currentSyncId;
    this.#synced ||= frame.type === "sync_response";
    if (!this.#synced) return;
    if (frame.type === "sync_response" && head !== undefined) {
      const code = discontinuity(answer);
      if (code !== undefined) return this.#leave(code);
      if (this.#received === undefined) this.epoch = this.#receivedEpoch = answer?.epoch;
      // A process may learn of a commit shortly after another one did.
      if (head < (this.#received ??= head)) return this.#checkHead();
      this.#headChecks = 0;
      this.position ??= this.#received;
      this.#started();
    }
    for (const delta of deltasOf(frame)) {
      if (this.#received !== undefined && delta.id <= this.#received) continue;
      this.#received = delta.id;
      this.#receivedEpoch = delta.createdAt;
      this.#unread.push(delta);
    }
    if (this.#unread.length - this.#read > MAX_UNREAD_DELTAS) {
      this.#connection?.close();
      this.#connection = undefined;
    }
    this.#wake();
  }

  /** Asks again for the deltas after a sync id that is not in the log. */
  #checkHead(): void {
    const connection = this.#connection;
    if ((this.#headChecks += 1) > MAX_HEAD_CHECKS)
      return this.#leave("log_replaced");
    host.setTimeout(
      () => connection?.send(syncRequest(this.#received, this.#receivedEpoch)),
      backoff(this.#headChecks),
    );
  }

  /** Ends the stream, because the log does not continue from its position. */
  #leave(code: string): void {
    this.#end(invalid("the log does not continue here: read the rows again", code));
  }

  #end(error: AbloError | undefined): void {
    this.#done = true;
    this.#error = error;
    this.#connection?.close();
    this.#started();
    this.#wake();
  }

  async next(): Promise<IteratorResult<wire.Delta, undefined>> {
    for (;;) {
      const delta = this.#unread[this.#read];
      if (delta !== undefined) {
        this.#read += 1;
        this.position = delta.id;
        this.epoch = delta.createdAt;
        if (isReset(delta)) {
          this.#end(invalid("too many rows became visible or invisible: read the rows again"));
        }
        return { done: false, value: delta };
      }
      [this.#unread, this.#read] = [[], 0];
      if (this.#error !== undefined) throw this.#error;
      if (this.#done) return { done: true, value: undefined };
      if (this.#connection === undefined) this.#open();
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
