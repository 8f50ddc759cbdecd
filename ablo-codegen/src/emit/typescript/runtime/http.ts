// Requests: the bearer token, retries with jitter, and answers that are read or thrown.

import type * as wire from "./wire.js";
import { AbloAuthenticationError, AbloError, errorOf, errorOfAnswer, invalid, unreachable } from "./errors.js";
import { host, milliseconds, pause, sleep, type Answer, type Duration, type Fetch, type SocketConstructor } from "./platform.js";

/** How to reach a coordinator, and as whom. */
export interface Options {
  /** Its address, `https://…`. */
  baseURL: string;
  /** A secret or restricted key; in browsers only keys that begin with `pk_`. */
  apiKey?: string;
  /** A session's token, or what fetches one; null says that nobody is logged in any more. */
  getToken?: () => string | null | Promise<string | null>;
  /** Speaks as this agent: the key is exchanged for a token of it, which is renewed in time. */
  agent?: string;
  /** Speaks as this user, in the same way. */
  user?: string;
  /** Uses no WebSocket: claims are asked for again and again. For workers that live shortly. */
  httpOnly?: boolean;
  /** How often a request is sent that fails in a way that passes; 4 without it. */
  attempts?: number;
  /** How long an answer may take; half a minute without it. */
  timeout?: Duration;
  /** Takes secret keys in a browser. Everyone who opens the page has them then. */
  dangerouslyAllowBrowser?: boolean;
  fetch?: Fetch;
  WebSocket?: SocketConstructor;
}

/** How long an exchanged token is to live, in seconds. */
const LIFE = 3600;

/** @internal */ export type Method = "GET" | "POST" | "DELETE" | "HEAD";

/** What follows the path in an address. */
/** @internal */ export type Query = readonly (readonly [string, string])[];

/** @internal */ export class Http {
  readonly base: string;
  readonly #fetch: Fetch;
  readonly #options: Options;
  readonly #patience: number;
  #token: { text: string; renewAt: number } | undefined;
  #asking: Promise<string> | undefined;

  constructor(options: Options) {
    const { apiKey, dangerouslyAllowBrowser, getToken } = options;
    if (host.document !== undefined && !dangerouslyAllowBrowser && apiKey !== undefined && !apiKey.startsWith("pk_")) {
      const message = "a page must not hold an API key: everyone who opens it has it. Give `getToken`, which asks your server for a session's token.";
      throw new AbloAuthenticationError(message, { code: "browser_apikey_blocked" });
    }
    if (apiKey === undefined && getToken === undefined) {
      throw new AbloAuthenticationError("give `apiKey`, or `getToken`", { code: "auth_no_credentials" });
    }
    const fetch = options.fetch ?? host.fetch;
    if (fetch === undefined) throw invalid("there is no `fetch` here: give one", "fetch_unavailable");
    // Browsers refuse a `fetch` that is called as a method of something else.
    this.#fetch = (url, init) => fetch(url, init);
    this.#options = options;
    this.#patience = milliseconds(options.timeout ?? 30);
    this.base = baseOf(options.baseURL);
  }

  /** The token of now. */
  token(): Promise<string> {
    if (this.#token !== undefined && Date.now() < this.#token.renewAt) return Promise.resolve(this.#token.text);
    this.#asking ??= this.#ask().finally(() => (this.#asking = undefined));
    return this.#asking;
  }

  async #ask(): Promise<string> {
    const { apiKey, getToken, agent, user } = this.#options;
    const text = getToken === undefined ? apiKey : await getToken();
    if (text === null) throw new AbloAuthenticationError("nobody is logged in any more", { code: "session_expired", status: 401 });
    if (text === undefined || !/^[!-~]+$/.test(text)) {
      throw new AbloAuthenticationError("there is no key, or it holds what no header can carry", { code: "api_key_required", status: 401 });
    }
    const participant = agent ?? user;
    if (participant === undefined) {
      this.#token = { text, renewAt: Infinity };
      return text;
    }
    const body: wire.ExchangeRequest = {
      participantKind: agent === undefined ? "user" : "agent", participantId: participant, ttlSeconds: LIFE,
    };
    const asked = Date.now();
    const answer = (await this.once(text, "POST", ["auth", "capability"], body)) as wire.ExchangeResponse;
    // Two thirds, so that one that failed has time to try again.
    this.#token = { text: answer.token, renewAt: asked + (LIFE * 2000) / 3 };
    return answer.token;
  }

  /** Whether there may be another token than this one, which was refused. */
  renew(refused: string): boolean {
    if (this.#token?.text === refused) this.#token = undefined;
    return this.#options.getToken !== undefined || this.#options.agent !== undefined || this.#options.user !== undefined;
  }

  /** Sends a request, again where that may help, and reads the answer. */
  async send<T>(method: Method, path: readonly string[], body?: unknown, query?: Query, key?: string): Promise<T> {
    const attempts = Math.max(1, this.#options.attempts ?? 4);
    let renewed = false;
    for (let attempt = 1; ; attempt += 1) {
      let token = "";
      try {
        token = await this.token();
        return (await this.once(token, method, path, body, query, key)) as T;
      } catch (error) {
        if (!(error instanceof AbloError)) throw error;
        if (error.status === 401 && token !== "" && !renewed && this.renew(token)) {
          renewed = true;
        } else if (attempt >= attempts || !error.retryable) {
          throw error;
        } else {
          await sleep(Math.max(pause(attempt), (error.retryAfterSeconds ?? 0) * 1000));
        }
      }
    }
  }

  /** Sends a request once, with this token. */
  async once(token: string, method: Method, path: readonly string[], body?: unknown, query?: Query, key?: string): Promise<unknown> {
    const headers: Record<string, string> = { authorization: `Bearer ${token}` };
    if (body !== undefined) headers["content-type"] = "application/json";
    if (key !== undefined) headers["idempotency-key"] = key;
    const said = body === undefined ? {} : { body: JSON.stringify(body) };
    const url = this.url(path, query);
    let answer: Answer;
    let text: string;
    // The timers of `AbortSignal.timeout` let a Node.js process end while it waits, and its `fetch` can forget a request whose
    // connection was cut.
    const controller = new host.AbortController();
    const timer = host.setTimeout(() => controller.abort(), this.#patience);
    try {
      answer = await this.#fetch(url, { method, headers, ...said, signal: controller.signal });
      text = await answer.text();
    } catch (error) {
      throw unreachable(controller.signal.aborted ? "the coordinator did not answer in time" : error);
    } finally {
      host.clearTimeout(timer);
    }
    const header = (name: string): string | null => answer.headers.get(name);
    if (answer.status < 200 || answer.status > 299) throw errorOfAnswer(answer.status, text, header);
    try {
      return text === "" ? undefined : JSON.parse(text);
    } catch (cause) {
      throw errorOf("the answer is no JSON", { code: "response_unreadable", status: answer.status, cause });
    }
  }

  /** The address of a request. */
  url(path: readonly string[], query: Query = []): string {
    // A URL leaves these out, and another route would be asked.
    const lost = path.find((part) => part === "" || part === "." || part === "..");
    if (lost !== undefined) throw invalid(`"${lost}" is no id that a URL can carry`);
    const asked = query.map((pair) => pair.map(encodeURIComponent).join("=")).join("&");
    return `${this.base}/${path.map(encodeURIComponent).join("/")}${asked === "" ? "" : `?${asked}`}`;
  }
}

function baseOf(text: string): string {
  const [, scheme = "https", s, rest] = /^(?:(http|ws)(s?):\/\/)?([^\s/?#:]+(?::\d+)?(?:\/[^\s?#]*)?)$/.exec(text) ?? [];
  if (rest === undefined) throw invalid(`"${text}" is no address of a coordinator: give "https://…"`, "base_url_missing");
  const base = `${scheme.replace("ws", "http")}${s ?? ""}://${rest.replace(/\/+$/, "")}`;
  return base.endsWith("/api") ? base : `${base}/api`;
}
