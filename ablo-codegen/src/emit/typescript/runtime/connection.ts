// One WebSocket to the coordinator, which is reopened after a disconnect.

import type * as wire from "./wire.js";
import {
  AbloAuthenticationError,
  type AbloError,
  connectionError,
  errorOf,
  invalid,
} from "./errors.js";
import { type ClientOptions, type Http } from "./http.js";
import { host, onWake, type Socket, type SocketConstructor, type Timer } from "./platform.js";
import {
  backoff,
  endsSession,
  failuresAfter,
  HANDSHAKE_TIMEOUT,
  isFinal,
  MAX_SILENCE,
  PING_INTERVAL,
  renewsToken,
  STABLE_AFTER,
} from "./policy.js";

/** The number of unsent bytes above which the connection counts as lost. */
const MAX_BUFFERED_BYTES = 16 << 20;
/** The delay of a timer above which the machine slept or the page was hidden, in milliseconds. */
const MAX_TIMER_DELAY = 5000;

/** The callbacks of a connection. */
/** @internal */ export interface ConnectionHandler {
  /** Returns the frames to send first on a new connection. */
  onOpen(): wire.ClientFrame[];
  /** Handles a frame. */
  onFrame(frame: { type: string; payload?: unknown }): void;
  /** Reports a lost connection, which is reopened automatically. */
  onDisconnect(error: AbloError): void;
  /** Reports the end of the connection; only a new login helps. */
  onEnd(error: AbloError): void;
}

/** Returns whether a WebSocket implementation is available. */
/** @internal */ export const hasSocket = (options: ClientOptions): boolean =>
  (options.WebSocket ?? host.WebSocket ?? host.process?.getBuiltinModule) !== undefined;

async function socketOf(options: ClientOptions): Promise<SocketConstructor> {
  const known = options.WebSocket ?? host.WebSocket;
  if (known !== undefined) return known;
  const load = host.process?.getBuiltinModule?.bind(host.process);
  if (load === undefined)
    throw invalid(
      "there is no global `WebSocket`: pass one, or use Node.js 20.16 or later",
      "ws_not_ready",
    );
  return (await import("./node_socket.js")).nodeSocket(load) as SocketConstructor;
}

/** @internal */ export class Connection {
  readonly #http: Http;
  readonly #options: ClientOptions;
  readonly #handler: ConnectionHandler;
  #socket: Socket | undefined;
  #open = false;
  #closed = false;
  #failures = 0;
  /** When the connection was opened; infinite before that. */
  #openedAt = Infinity;
  /** Whether the token was renewed since the last other failure. */
  #renewed = false;
  /** Counts attempts to connect; an earlier attempt has no effect any more. */
  #attempt = 0;
  #dialedAt = 0;
  /** Whether the timer is that of the next attempt. */
  #waiting = false;
  /** When the ping was sent that has no answer yet. */
  #pingedAt: number | undefined;
  /** Whether that ping repeats one. */
  #repeated = false;
  #timer: Timer | undefined;
  readonly #stopListening: () => void;

  constructor(http: Http, options: ClientOptions, handler: ConnectionHandler) {
    this.#http = http;
    this.#options = options;
    this.#handler = handler;
    this.#stopListening = onWake(() => this.#wake());
    void this.#connect();
  }

  get isOpen(): boolean {
    return this.#open;
  }

  /** Sends a frame if the connection is open. State is sent again by `onOpen`. */
  send(frame: wire.ClientFrame): void {
    if (!this.#open || this.#socket === undefined) return;
    if (this.#socket.bufferedAmount > MAX_BUFFERED_BYTES)
      return this.#fail(connectionError("the send buffer is full"));
    this.#socket.send(JSON.stringify(frame));
  }

  /** Replaces the connection by another one. */
  restart(): void {
    void this.#connect();
  }

  close(): void {
    this.#closed = true;
    this.#attempt += 1;
    this.#stopListening();
    this.#disconnect();
  }

  /** Tries at once: asks for an answer on an open connection, and else connects. */
  #wake(): void {
    if (this.#open) {
      // A ping from before a sleep says nothing.
      if (Date.now() - (this.#pingedAt ?? -Infinity) > MAX_SILENCE) this.#ping();
      return;
    }
    this.#failures = 0;
    if (this.#waiting || Date.now() - this.#dialedAt > STABLE_AFTER) void this.#connect();
  }

  #after(milliseconds: number, run: () => void): void {
    host.clearTimeout(this.#timer);
    this.#timer = host.setTimeout(run, milliseconds);
    this.#waiting = false;
  }

  #disconnect(): void {
    host.clearTimeout(this.#timer);
    const socket = this.#socket;
    this.#socket = this.#pingedAt = undefined;
    this.#open = this.#waiting = false;
    if (socket === undefined) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    // Some implementations report errors after `close`; an unhandled one ends a Node.js process.
    socket.onerror = () => {};
    try {
      socket.close(1000);
    } catch {
      // It was already closed.
    }
  }

  async #connect(): Promise<void> {
    const attempt = (this.#attempt += 1);
    this.#disconnect();
    this.#dialedAt = Date.now();
    let token: string;
    let socket: Socket;
    try {
      token = await this.#http.token();
      const Socket = await socketOf(this.#options);
      if (attempt !== this.#attempt) return;
      const query: [string, string][] = [
        ["cursor", ""],
        ["holder", this.#http.holder],
      ];
      const url = this.#http.url(["sync", "ws"], query).replace(/^http/, "ws");
      socket = new Socket(url, [`ablo.bearer.${token}`, "ablo.sync.v1"]);
    } catch (error) {
      if (attempt === this.#attempt) this.#fail(connectionError(error));
      return;
    }
    this.#socket = socket;
    socket.onerror = () => {};
    socket.onopen = () => this.#onOpen();
    socket.onmessage = (event: { readonly data: unknown }) => this.#onMessage(event.data);
    socket.onclose = (event: { readonly code: number; readonly reason: string }) =>
      void this.#onClose(event.code, event.reason, token);
    this.#after(HANDSHAKE_TIMEOUT, () =>
      this.#fail(connectionError("the handshake timed out")),
    );
  }

  #onOpen(): void {
    this.#open = true;
    this.#openedAt = Date.now();
    this.#keepAlive();
    for (const frame of this.#handler.onOpen()) this.send(frame);
  }

  #keepAlive(): void {
    const dueAt = Date.now() + PING_INTERVAL;
    this.#after(PING_INTERVAL, () => {
      const sentAt = this.#pingedAt;
      const isLate = Date.now() - dueAt > MAX_TIMER_DELAY;
      this.#keepAlive();
      if (sentAt === undefined) return this.#ping();
      if (Date.now() - sentAt <= MAX_SILENCE) return;
      // The answer may have come while the machine slept or the page was hidden.
      if (!isLate || this.#repeated) return this.#fail(connectionError("the connection timed out"));
      this.#ping();
      this.#repeated = true;
    });
  }

  #ping(): void {
    this.#pingedAt = Date.now();
    this.#repeated = false;
    this.send({ type: "ping" });
  }

  #onMessage(data: unknown): void {
    if (this.#pingedAt !== undefined) {
      this.#pingedAt = undefined;
      // Browsers delay a chain of timers in a hidden page; a message begins another chain.
      this.#keepAlive();
    }
    try {
      const frame: unknown = JSON.parse(String(data));
      if (typeof frame === "object" && frame !== null && "type" in frame)
        this.#handler.onFrame(frame as { type: string });
    } catch (cause) {
      // Earlier frames were applied; the new connection requests the rest.
      this.#fail(
        errorOf("a frame cannot be read", { code: "response_unreadable", status: 502, cause }),
      );
    }
  }

  async #onClose(code: number, reason: string, token: string): Promise<void> {
    const opened = this.#open;
    const attempt = this.#attempt;
    this.#disconnect();
    if (endsSession(code)) {
      const message = reason === "" ? "the session has ended" : reason;
      return this.#end(
        new AbloAuthenticationError(message, { code: "session_expired", status: 401 }),
      );
    }
    if (renewsToken(code)) this.#http.renew(token);
    if (opened || renewsToken(code))
      return this.#fail(
        connectionError(reason === "" ? `the connection was closed (${code})` : reason),
      );
    // A WebSocket does not expose why a handshake was refused; an HTTP request does.
    let error = connectionError("the handshake failed");
    try {
      await this.#http.once(token, "HEAD", ["auth", "check"]);
    } catch (refused) {
      error = connectionError(refused);
    }
    if (attempt !== this.#attempt) return;
    if (error.status === 401 && !this.#renewed && this.#http.renew(token)) {
      this.#renewed = true;
      return this.#connect();
    }
    this.#fail(error);
  }

  /** Ends the connection and opens another one, unless the error is permanent. */
  #fail(error: AbloError): void {
    if (this.#closed) return;
    this.#disconnect();
    if (isFinal(error.code, error.status)) return this.#end(error);
    this.#failures = failuresAfter(this.#failures, Date.now() - this.#openedAt);
    this.#openedAt = Infinity;
    this.#renewed = false;
    this.#handler.onDisconnect(error);
    this.#after(backoff(this.#failures), () => void this.#connect());
    this.#waiting = true;
  }

  #end(error: AbloError): void {
    if (this.#closed) return;
    this.close();
    this.#handler.onEnd(error);
  }
}
