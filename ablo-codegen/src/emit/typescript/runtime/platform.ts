// What is asked of the program's surroundings: Node.js, a browser, a worker. Nothing global is named, so that no `lib` is needed.

/** A piece of `fetch`. */
export interface Fetch {
  (url: string, init: { method: string; headers: Record<string, string>; body?: string; signal?: any }): Promise<Answer>;
}

/** A piece of `Response`. */
export interface Answer {
  status: number;
  headers: { get(name: string): string | null };
  text(): Promise<string>;
}

/** A piece of `WebSocket`. */
export interface Socket {
  readonly bufferedAmount: number;
  send(text: string): void;
  close(code?: number, reason?: string): void;
  onopen: ((event: any) => void) | null;
  onmessage: ((event: any) => void) | null;
  onclose: ((event: any) => void) | null;
  onerror: ((event: any) => void) | null;
}

/** Opens WebSockets. */
export interface SocketConstructor {
  new (url: string, protocols: string[]): Socket;
}

/** A piece of `AbortSignal`. */
export interface Signal {
  readonly aborted: boolean;
  addEventListener(type: "abort", listener: () => void): void;
}

/** @internal */ export interface Host {
  fetch?: Fetch;
  WebSocket?: SocketConstructor;
  AbortController: new () => { readonly signal: Signal; abort(): void };
  crypto: { getRandomValues(bytes: Uint8Array): Uint8Array };
  document?: unknown;
  process?: { getBuiltinModule?(name: string): any };
  setTimeout(run: () => void, milliseconds: number): Timer;
  clearTimeout(timer: Timer | undefined): void;
}

/** @internal */ export type Timer = { unref?(): void };

/** @internal */ export const host: Host = globalThis as unknown as Host;

// What TypeScript makes of `await using` looks for this where it is older than the language feature.
(Symbol as { asyncDispose?: symbol }).asyncDispose ??= Symbol.for("Symbol.asyncDispose");

/** @internal */ export const sleep = (milliseconds: number): Promise<void> =>
  new Promise((done) => void host.setTimeout(done, milliseconds));

/** A random UUID; also where a page is not served over TLS, and `crypto.randomUUID` is not there. */
export function uuid(): string {
  const bytes = host.crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6]! & 0x0f) | 0x40;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

/** A length of time: seconds, or text such as `"500ms"`, `"30s"`, `"3m"`, `"24h"`. */
export type Duration = number | `${number}${"ms" | "s" | "m" | "h"}`;

/** @internal */ export function milliseconds(duration: Duration): number {
  if (typeof duration === "number") return duration * 1000;
  const [, digits, unit] = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(duration) ?? [];
  const factor = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }[unit ?? ""];
  if (factor === undefined) throw new RangeError(`"${duration}" is no duration: give seconds, or text such as "30s"`);
  return Number(digits) * factor;
}

/** How long to wait before trying again: longer each time, and never the same for two who wait. */
/** @internal */ export function pause(attempt: number): number {
  return Math.min(100 * 2 ** Math.min(attempt - 1, 8), 5000) * (1 - Math.random() / 2);
}

/** Who wants to be told when something changes. */
/** @internal */ export class Listeners<Told extends unknown[]> {
  readonly #all: Set<(...told: Told) => void> = new Set();

  add(listener: (...told: Told) => void): () => void {
    // The same function twice is two listeners.
    const own = (...told: Told): void => listener(...told);
    this.#all.add(own);
    return () => void this.#all.delete(own);
  }

  tell(...told: Told): void {
    for (const listener of [...this.#all]) {
      try {
        listener(...told);
      } catch (error) {
        // It is the listener's own affair, and the others are told all the same.
        host.setTimeout(() => {
          throw error;
        }, 0);
      }
    }
  }
}
