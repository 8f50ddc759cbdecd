// The runtime environment: Node.js, a browser or a worker. Globals are accessed through `host`,
// which makes the files independent of `lib`.

/** The part of `fetch` that the client uses. */
export interface Fetch {
  (
    url: string,
    init: {
      method: string;
      headers: Record<string, string>;
      body?: string;
      signal: RequestSignal;
    },
  ): Promise<FetchResponse>;
}

/** `AbortSignal`, if the environment declares it. */
export type RequestSignal = typeof globalThis extends { AbortSignal: { prototype: infer Own } }
  ? Own
  : Signal;

/** The part of `Response` that the client uses. */
export interface FetchResponse {
  status: number;
  headers: { get(name: string): string | null };
  text(): Promise<string>;
}

/** The part of `WebSocket` that the client uses. */
export interface Socket {
  readonly bufferedAmount: number;
  send(text: string): void;
  close(code?: number, reason?: string): void;
  onopen: SocketHandler<object>;
  onmessage: SocketHandler<{ readonly data?: unknown }>;
  onclose: SocketHandler<{ readonly code?: number; readonly reason?: string }>;
  onerror: SocketHandler<object>;
}

/** A handler of events. Methods compare their parameters loosely, so that any WebSocket fits. */
export type SocketHandler<Event> = { handle(event: Event): void }["handle"] | null;

/** A constructor of WebSockets. */
export interface SocketConstructor {
  new (url: string, protocols: string[]): Socket;
}

/** The part of `AbortSignal` that the client uses. */
export interface Signal {
  readonly aborted: boolean;
  addEventListener(type: "abort", listener: () => void): void;
}

/** @internal */ export interface Host {
  fetch?: Fetch;
  WebSocket?: SocketConstructor;
  AbortController: new () => { readonly signal: Signal; abort(): void };
  crypto: { getRandomValues(bytes: Uint8Array): Uint8Array };
  document?: { readonly visibilityState?: string };
  addEventListener?: Listen;
  removeEventListener?: Listen;
  process?: { getBuiltinModule?(name: string): unknown };
  setTimeout(run: () => void, milliseconds: number): Timer;
  clearTimeout(timer: Timer | undefined): void;
}

/** @internal */ export type Timer = { unref?(): void };

type Listen = (
  type: string,
  listener: (event: { readonly type: string }) => void,
  capture: boolean,
) => void;

/** @internal */ export const host: Host = globalThis as unknown as Host;

// Compiled `await using` looks up this symbol on engines without explicit resource management.
(Symbol as { asyncDispose?: symbol }).asyncDispose ??= Symbol.for("Symbol.asyncDispose");

/** @internal */ export const sleep = (milliseconds: number): Promise<void> =>
  new Promise((done) => void host.setTimeout(done, milliseconds));

/** Calls the listener on events of the page, if there is one. Returns a function that ends it. */
/** @internal */ export function onPage(
  types: readonly string[],
  listener: (type: string) => void,
): () => void {
  const run = (event: { readonly type: string }): void => listener(event.type);
  // Captured, because not every event of the document bubbles to the window.
  for (const type of types) host.addEventListener?.(type, run, true);
  return () => {
    for (const type of types) host.removeEventListener?.(type, run, true);
  };
}

/** Calls the listener when the page is used again or the network is back. */
/** @internal */ export const onWake = (listener: () => void): (() => void) =>
  onPage(["online", "pageshow", "resume", "visibilitychange"], (type) => {
    if (type !== "visibilitychange" || host.document?.visibilityState === "visible") listener();
  });

/** Waits, but not beyond the next time that the page is used again or the network is back. */
/** @internal */ export const pause = (milliseconds: number): Promise<void> =>
  new Promise((done) => {
    const finish = (): void => {
      host.clearTimeout(timer);
      stop();
      done();
    };
    const timer = host.setTimeout(finish, milliseconds);
    const stop = onWake(finish);
  });

/** Returns a random UUID. Unlike `crypto.randomUUID`, it also works on pages without TLS. */
export function uuid(): string {
  const bytes = host.crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = ((bytes[6] as number) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] as number) & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

/** A duration: seconds, or text such as `"500ms"`, `"30s"`, `"3m"`, `"24h"`. */
export type Duration = number | `${number}${"ms" | "s" | "m" | "h"}`;

/** @internal */ export function milliseconds(duration: Duration): number {
  if (typeof duration === "number") return duration * 1000;
  const [, digits, unit] = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(duration) ?? [];
  const factor = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }[unit ?? ""];
  if (factor === undefined)
    throw new RangeError(`invalid duration "${duration}": use seconds or text such as "30s"`);
  return Number(digits) * factor;
}

/** A set of listeners. */
/** @internal */ export class Listeners<Args extends unknown[]> {
  readonly #all: Set<(...args: Args) => void> = new Set();

  /** Adds a listener and returns a function that removes it. */
  add(listener: (...args: Args) => void): () => void {
    // A wrapper per call lets the same function be added twice.
    const own = (...args: Args): void => listener(...args);
    this.#all.add(own);
    return () => void this.#all.delete(own);
  }

  notify(...args: Args): void {
    for (const listener of [...this.#all]) {
      try {
        listener(...args);
      } catch (error) {
        // Rethrown outside this loop: one failing listener must not affect the others.
        host.setTimeout(() => {
          throw error;
        }, 0);
      }
    }
  }
}
