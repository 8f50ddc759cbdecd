// One WebSocket to the coordinator: opened again when it is cut, with what has to be said again said again.

import type * as wire from "./wire.js";
import { AbloAuthenticationError, AbloError, errorOf, invalid, unreachable } from "./errors.js";
import { type Http, type Options } from "./http.js";
import { host, pause, type Socket, type SocketConstructor, type Timer } from "./platform.js";

/** How often a sign of life is asked for, and how long silence may last, in milliseconds. */
const PING = 10_000;
const SILENCE = 35_000;
/** How long a handshake may take, in milliseconds. */
const HANDSHAKE = 15_000;
/** Bytes that may wait to be sent before the connection counts as cut. */
const MOST_BUFFERED = 16 << 20;
/** Close codes that say that the login is over. */
const OVER: ReadonlySet<number> = new Set([1008, 4001, 4003]);

/** What a connection is for. */
/** @internal */ export interface Talk {
  /** What is said first. */
  opened(): wire.ClientFrame[];
  /** Takes a frame. */
  heard(frame: { type: string; payload?: unknown }): void;
  /** The connection is cut and opened again by itself. */
  cut(error: AbloError): void;
  /** It is over: nothing helps but somebody who logs in. */
  ended(error: AbloError): void;
}

/** Whether there is a WebSocket here, or a way to make one. */
/** @internal */ export const hasSocket = (options: Options): boolean =>
  (options.WebSocket ?? host.WebSocket ?? host.process?.getBuiltinModule) !== undefined;

async function socketOf(options: Options): Promise<SocketConstructor> {
  const known = options.WebSocket ?? host.WebSocket;
  if (known !== undefined) return known;
  const load = host.process?.getBuiltinModule?.bind(host.process);
  if (load === undefined) throw invalid("there is no `WebSocket` here: give one, or use Node.js 20.16 or later", "ws_not_ready");
  return (await import("./node_socket.js")).nodeSocket(load) as SocketConstructor;
}

/** @internal */ export class Link {
  readonly #http: Http;
  readonly #options: Options;
  readonly #talk: Talk;
  #socket: Socket | undefined;
  #open = false;
  #closed = false;
  #failures = 0;
  #heardAt = 0;
  #timer: Timer | undefined;

  constructor(http: Http, options: Options, talk: Talk) {
    this.#http = http;
    this.#options = options;
    this.#talk = talk;
    void this.#dial();
  }

  get isOpen(): boolean {
    return this.#open;
  }

  /** Says something now; what is not open hears it from `opened` later. */
  say(frame: wire.ClientFrame): void {
    if (!this.#open || this.#socket === undefined) return;
    if (this.#socket.bufferedAmount > MOST_BUFFERED) return this.#cut(unreachable("the coordinator does not read"));
    this.#socket.send(JSON.stringify(frame));
  }

  close(): void {
    this.#closed = true;
    this.#drop();
  }

  #after(milliseconds: number, run: () => void): void {
    host.clearTimeout(this.#timer);
    this.#timer = host.setTimeout(run, milliseconds);
  }

  #drop(): void {
    host.clearTimeout(this.#timer);
    const socket = this.#socket;
    this.#socket = undefined;
    this.#open = false;
    if (socket === undefined) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    // Some report an error after they were closed, and one that nobody hears ends a Node.js process.
    socket.onerror = () => {};
    try {
      socket.close(1000);
    } catch {
      // It was no longer open.
    }
  }

  async #dial(): Promise<void> {
    let token: string;
    let Socket: SocketConstructor;
    try {
      token = await this.#http.token();
      Socket = await socketOf(this.#options);
    } catch (error) {
      return this.#failed(error instanceof AbloError ? error : unreachable(error));
    }
    if (this.#closed) return;
    const url = this.#http.url(["sync", "ws"], [["cursor", ""]]).replace(/^http/, "ws");
    let socket: Socket;
    try {
      socket = new Socket(url, [`ablo.bearer.${token}`, "ablo.sync.v1"]);
    } catch (error) {
      return this.#failed(unreachable(error));
    }
    this.#socket = socket;
    socket.onerror = () => {};
    socket.onopen = () => this.#opened();
    socket.onmessage = (event) => this.#message(event.data);
    socket.onclose = (event) => void this.#closedBy(event.code, event.reason, token);
    this.#after(HANDSHAKE, () => this.#cut(unreachable("the coordinator did not answer the handshake in time")));
  }

  #opened(): void {
    this.#open = true;
    this.#heardAt = Date.now();
    this.#live();
    for (const frame of this.#talk.opened()) this.say(frame);
  }

  #live(): void {
    this.#after(PING, () => {
      if (Date.now() - this.#heardAt > SILENCE) return this.#cut(unreachable("the coordinator is silent"));
      this.#live();
      this.say({ type: "ping" });
    });
  }

  #message(data: unknown): void {
    this.#heardAt = Date.now();
    // Whoever says something has let this connection in: the next one that is cut is the first.
    this.#failures = 0;
    try {
      const frame: unknown = JSON.parse(String(data));
      if (typeof frame === "object" && frame !== null && "type" in frame) this.#talk.heard(frame as { type: string });
    } catch (cause) {
      // What came before is kept, and the rest is asked for again.
      this.#cut(errorOf("a frame cannot be read", { code: "response_unreadable", status: 502, cause }));
    }
  }

  async #closedBy(code: number, reason: string, token: string): Promise<void> {
    const opened = this.#open;
    this.#drop();
    if (OVER.has(code)) {
      const message = reason === "" ? "the session is over" : reason;
      return this.#end(new AbloAuthenticationError(message, { code: "session_expired", status: 401 }));
    }
    if (opened || this.#closed) return this.#failed(unreachable(reason === "" ? `the connection was closed (${code})` : reason));
    // Nobody says why a handshake was refused; another request does.
    let error = unreachable("the handshake failed") as AbloError;
    try {
      await this.#http.once(token, "HEAD", ["auth", "check"]);
    } catch (refused) {
      error = refused instanceof AbloError ? refused : unreachable(refused);
    }
    const renewed = error.status === 401 && this.#http.renew(token) && this.#failures < 3;
    this.#failed(renewed ? errorOf(error.message, { code: "network_error", status: 503 }) : error);
  }

  #cut(error: AbloError): void {
    this.#drop();
    this.#failed(error);
  }

  #failed(error: AbloError): void {
    if (this.#closed) return;
    this.#drop();
    if (!error.retryable) return this.#end(error);
    this.#failures += 1;
    this.#talk.cut(error);
    this.#after(pause(this.#failures), () => void this.#dial());
  }

  #end(error: AbloError): void {
    if (this.#closed) return;
    this.close();
    this.#talk.ended(error);
  }
}
