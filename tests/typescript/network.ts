// A coordinator and the network to it, for tests with a fake clock.

import { type runtime } from "./typescript/index.js";

// A task of its own, as the events of a socket are.
declare const setImmediate: (run: () => void) => void;

interface Frame {
  type: string;
  payload?: any;
}

/** The answer to a request: a status, or none if it is lost. */
export type Answer = number | "lost" | "html" | "ok";

export class Network {
  /**
   * `away` refuses connections; `hole` accepts bytes and answers nothing; `mute` handles requests,
   * and their answers are lost.
   */
  state: "up" | "away" | "hole" | "mute" = "up";
  head = 10;
  rows: object[] = [];
  sockets: FakeSocket[] = [];
  /** The number of bootstraps. */
  bootstraps = 0;
  /** The tokens that are refused. */
  expired: Set<string> = new Set();
  /** The answers to the next requests other than checks of tokens. */
  answers: Answer[] = [];
  /** Whether sockets hold back the answers to sync requests. */
  holdsAnswers = false;
  /** Returns the code with which the coordinator refuses a commit, and what the error has. */
  refuse: (operations: any[], intent?: string) => { code: string } | undefined = () => undefined;
  /** The answers to commits, by key. */
  readonly #receipts: Map<string, object> = new Map();
  /** The operations that were applied, in order. */
  applied: any[] = [];
  /** The keys and bodies of commits. */
  commits: { key: string | undefined; body: string | undefined }[] = [];

  readonly fetch: runtime.Fetch = async (url, { headers, body, signal }) => {
    const path = url.replace(/^.*\/api/, "").replace(/\?.*/, "");
    if (path === "/v1/commits") this.commits.push({ key: headers["idempotency-key"], body });
    if (this.state === "away") throw new TypeError("Failed to fetch");
    if (this.state === "hole")
      await new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal)));
    const token = headers["authorization"]!.replace("Bearer ", "");
    if (this.state === "mute") {
      this.#respond(path, body);
      throw new TypeError("the connection was reset");
    }
    const answer = path === "/auth/check" ? "ok" : (this.answers.shift() ?? "ok");
    if (answer === "lost") throw new TypeError("the connection was reset");
    if (answer === "html") return respond(200, "<html>");
    if (typeof answer === "number") return respond(answer, '{"message":"refused"}');
    if (this.expired.has(token)) return respond(401, '{"code":"apikey_expired"}');
    const result = this.#respond(path, body);
    return respond("code" in result ? 409 : 200, JSON.stringify(result));
  };

  #commit({ idempotencyKey, operations, intent }: any): object {
    const known = this.#receipts.get(idempotencyKey);
    const refusal = known === undefined ? this.refuse(operations, intent) : undefined;
    if (refusal !== undefined) return refusal;
    if (known === undefined) this.applied.push(...operations);
    const receipt = known ?? { success: true, lastSyncId: (this.head += 1) };
    this.#receipts.set(idempotencyKey, receipt);
    return receipt;
  }

  #respond(path: string, body: string | undefined): object {
    if (path === "/sync/bootstrap") {
      this.bootstraps += 1;
      return { type: "full", lastSyncId: this.head, models: { Report: this.rows, Counter: [] } };
    }
    if (path === "/v1/commits") return this.#commit(JSON.parse(body ?? "{}"));
    if (path === "/v1/intents") return { status: "granted" };
    return { data: { id: "row" }, stamp: this.head, claims: [] };
  }

  /** A constructor of sockets. */
  get WebSocket(): runtime.SocketConstructor {
    const network = this;
    return class extends FakeSocket {
      constructor(_url: string, protocols: string[]) {
        super(network, protocols[0]!.replace("ablo.bearer.", ""));
      }
    };
  }

  /** Closes all connections. */
  cut(code: number = 1006): void {
    for (const socket of this.sockets) socket.lose(code);
  }

  /** The newest socket. */
  get last(): FakeSocket {
    return this.sockets.at(-1)!;
  }

  /** The number of sockets that were opened. */
  get opened(): number {
    return this.sockets.filter(({ isOpened }) => isOpened).length;
  }
}

const respond = (status: number, text: string): runtime.FetchResponse => ({
  status,
  headers: { get: () => null },
  text: async () => text,
});

export class FakeSocket implements runtime.Socket {
  readonly bufferedAmount = 0;
  onopen: runtime.Socket["onopen"] = null;
  onmessage: runtime.Socket["onmessage"] = null;
  onclose: runtime.Socket["onclose"] = null;
  onerror: runtime.Socket["onerror"] = null;
  readonly sent: Frame[] = [];
  isOpened = false;
  readonly #network: Network;

  constructor(network: Network, token: string) {
    this.#network = network;
    network.sockets.push(this);
    setImmediate(() => {
      if (network.state === "hole") return;
      if (network.state !== "up" || network.expired.has(token)) return this.lose();
      this.isOpened = true;
      this.onopen?.({});
    });
  }

  send(text: string): void {
    const frame = JSON.parse(text) as Frame;
    this.sent.push(frame);
    if (this.#network.state !== "up") return;
    const { type, payload } = frame;
    if (type === "ping") this.receive({ type: "pong" });
    if (type === "intent_begin")
      this.receive({ type: "intent_acquired", payload: { intentId: payload.intentId } });
    if (type === "sync_request" && !this.#network.holdsAnswers) this.answer();
  }

  close(): void {}

  /** The number of frames of a type that were sent. */
  count(type: string): number {
    return this.sent.filter((frame) => frame.type === type).length;
  }

  /** Answers a sync request. */
  answer(): void {
    const payload = { deltas: [], currentSyncId: this.#network.head };
    this.receive({ type: "sync_response", payload });
  }

  lose(code: number = 1006): void {
    this.onclose?.({ code, reason: "" });
  }

  receive(frame: object): void {
    setImmediate(() => this.onmessage?.({ data: JSON.stringify(frame) }));
  }

  /** Delivers a new title of a report. */
  deliver(id: number, title: string): void {
    this.#network.head = Math.max(this.#network.head, id);
    const data = { id: "a", title, status: "draft" };
    const delta = { id, actionType: "U", modelName: "Report", modelId: "a", data };
    this.receive({ type: "delta", payload: { deltas: [delta] } });
  }
}
