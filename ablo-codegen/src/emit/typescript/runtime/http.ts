// HTTP requests: authentication, retries with jitter, and decoding of responses.

import type * as wire from "./wire.js";
import {
  AbloAuthenticationError,
  AbloError,
  connectionError,
  errorOf,
  errorOfResponse,
  invalid,
  outcomeUnknown,
} from "./errors.js";
import {
  host,
  milliseconds,
  pause,
  sleep,
  type Duration,
  type Fetch,
  type FetchResponse,
  type SocketConstructor,
  type Timer,
  uuid,
} from "./platform.js";
import {
  ATTEMPTS,
  backoff,
  isLost,
  renewAfter,
  REQUEST_TIMEOUT,
  staysUnknown,
  TOKEN_TTL,
} from "./policy.js";

/** The address of a coordinator, the credentials, and transport options. */
export interface ClientOptions {
  /** The coordinator's address, `https://…`. */
  baseURL: string;
  /** A secret or restricted key; in browsers only keys that begin with `pk_`. */
  apiKey?: string;
  /**
   * Returns a session token, or null if no user is logged in any more. An error, and a call that
   * takes longer than `timeout`, are retried like failures of the network.
   */
  getToken?: () => string | null | Promise<string | null>;
  /**
   * Acts as this agent: the key is exchanged for the agent's token, which is renewed before it
   * expires.
   */
  agent?: string;
  /** Acts as this user, in the same way. */
  user?: string;
  /** Opens no WebSocket; claims are polled. For short-lived workers. */
  httpOnly?: boolean;
  /** The maximum number of attempts for a request that fails with a retryable error. Default: 4. */
  attempts?: number;
  /**
   * The timeout of a request and of `getToken`, and the time for which a write whose answer was
   * lost is asked for. Default: 30 seconds.
   */
  timeout?: Duration;
  /** Allows secret keys in a browser, where every visitor of the page can read them. */
  dangerouslyAllowBrowser?: boolean;
  fetch?: Fetch;
  WebSocket?: SocketConstructor;
}

/** @internal */ export type Method = "GET" | "POST" | "DELETE" | "HEAD";

/** The parameters of a URL. */
/** @internal */ export type QueryParameters = readonly (readonly [string, string])[];

/** @internal */ export class Http {
  readonly base: string;
  /** The name of this client among those of its participant, which its claims belong to. */
  readonly holder: string = uuid();
  readonly #fetch: Fetch;
  readonly #options: ClientOptions;
  readonly #timeoutMs: number;
  #token: { text: string; renewAt: number } | undefined;
  #pendingToken: Promise<string> | undefined;

  constructor(options: ClientOptions) {
    const { apiKey, dangerouslyAllowBrowser, getToken } = options;
    if (
      host.document !== undefined &&
      !dangerouslyAllowBrowser &&
      apiKey !== undefined &&
      !apiKey.startsWith("pk_")
    ) {
      const message = "a page shows its API key to every visitor: pass `getToken`";
      throw new AbloAuthenticationError(message, { code: "browser_apikey_blocked" });
    }
    if (apiKey === undefined && getToken === undefined) {
      throw new AbloAuthenticationError("`apiKey` or `getToken` is required", {
        code: "auth_no_credentials",
      });
    }
    const fetch = options.fetch ?? host.fetch;
    if (fetch === undefined)
      throw invalid("there is no global `fetch`: pass one", "fetch_unavailable");
    // Browsers reject a `fetch` that is called as a method of another object.
    this.#fetch = (url, init) => fetch(url, init);
    this.#options = options;
    this.#timeoutMs =
      options.timeout === undefined ? REQUEST_TIMEOUT : milliseconds(options.timeout);
    this.base = baseOf(options.baseURL);
  }

  /** Returns the current token. */
  token(): Promise<string> {
    if (this.#token !== undefined && Date.now() < this.#token.renewAt)
      return Promise.resolve(this.#token.text);
    this.#pendingToken ??= this.#requestToken().finally(() => (this.#pendingToken = undefined));
    return this.#pendingToken;
  }

  async #requestToken(): Promise<string> {
    const { apiKey, getToken, agent, user } = this.#options;
    const text = getToken === undefined ? apiKey : await this.#fetchToken(getToken);
    if (text === null)
      throw new AbloAuthenticationError("no user is logged in", {
        code: "session_expired",
        status: 401,
      });
    if (text === undefined || !/^[!-~]+$/.test(text)) {
      throw new AbloAuthenticationError("the key is missing or not valid in a header", {
        code: "api_key_required",
        status: 401,
      });
    }
    const participant = agent ?? user;
    if (participant === undefined) {
      this.#token = { text, renewAt: Infinity };
      return text;
    }
    const body: wire.ExchangeRequest = {
      participantKind: agent === undefined ? "user" : "agent",
      participantId: participant,
      ttlSeconds: TOKEN_TTL,
    };
    const requestedAt = Date.now();
    const response = (await this.once(
      text,
      "POST",
      ["auth", "capability"],
      body,
    )) as wire.ExchangeResponse;
    // If the coordinator grants a shorter lifetime, the token is refused and renewed then.
    this.#token = { text: response.token, renewAt: requestedAt + renewAfter(TOKEN_TTL) };
    return response.token;
  }

  /** Calls the application's function. Its failures are those of the network. */
  async #fetchToken(
    getToken: () => string | null | Promise<string | null>,
  ): Promise<string | null> {
    let timer: Timer | undefined;
    try {
      const text = await Promise.race([
        (async () => getToken())(),
        new Promise<never>((_, reject) => {
          timer = host.setTimeout(() => reject(new Error("no answer in time")), this.#timeoutMs);
        }),
      ]);
      // The error page of a proxy is no token.
      if (text === null || (typeof text === "string" && /^[\w.~+/=-]+$/.test(text))) return text;
      throw new Error("the result is no token");
    } catch (error) {
      if (error instanceof AbloError) throw error;
      const { message } = connectionError(error);
      throw connectionError(new Error(`\`getToken\` failed: ${message}`, { cause: error }));
    } finally {
      host.clearTimeout(timer);
    }
  }

  /** Discards a refused token and returns whether another one can be obtained. */
  renew(refused: string): boolean {
    if (this.#token?.text === refused) this.#token = undefined;
    const { getToken, agent, user } = this.#options;
    return (getToken ?? agent ?? user) !== undefined;
  }

  /**
   * Sends a request, with retries, and decodes the response. A write with a key whose answer was
   * lost is repeated until the outcome is known or the timeout has passed.
   */
  async send<T>(
    method: Method,
    path: readonly string[],
    body?: unknown,
    query?: QueryParameters,
    key?: string,
  ): Promise<T> {
    const attempts = this.#options.attempts ?? ATTEMPTS;
    let renewed = false;
    let lostAt: number | undefined;
    for (let failures = 0; ;) {
      const startedAt = Date.now();
      let token = "";
      try {
        token = await this.token();
        return (await this.once(token, method, path, body, query, key)) as T;
      } catch (error) {
        if (!(error instanceof AbloError)) throw error;
        if (key !== undefined && token !== "" && isLost(error.code)) lostAt ??= Date.now();
        // The machine slept: ask again after it woke up.
        if (lostAt !== undefined && Date.now() - startedAt > 2 * this.#timeoutMs)
          lostAt = Date.now();
        if (error.status === 401 && token !== "" && !renewed && this.renew(token)) {
          renewed = true;
          continue;
        }
        failures += 1;
        const delay = Math.max(backoff(failures), (error.retryAfterSeconds ?? 0) * 1000);
        const isOver =
          lostAt === undefined
            ? failures >= attempts
            : Date.now() + delay - lostAt > this.#timeoutMs;
        if (isOver || !error.retryable)
          throw key !== undefined && lostAt !== undefined && staysUnknown(error.status)
            ? outcomeUnknown(key, error)
            : error;
        await (error.retryAfterSeconds === undefined ? pause : sleep)(delay);
      }
    }
  }

  /** Sends a request once, with the given token. */
  async once(
    token: string,
    method: Method,
    path: readonly string[],
    body?: unknown,
    query?: QueryParameters,
    key?: string,
  ): Promise<unknown> {
    const headers: Record<string, string> = {
      authorization: `Bearer ${token}`,
      "ablo-holder": this.holder,
    };
    if (body !== undefined) headers["content-type"] = "application/json";
    if (key !== undefined) headers["idempotency-key"] = key;
    const encoded = body === undefined ? {} : { body: JSON.stringify(body) };
    const url = this.url(path, query);
    let response: FetchResponse;
    let text: string;
    // Not `AbortSignal.timeout`: its timer lets a Node.js process exit while the request is
    // pending, and Node's `fetch` can lose a request whose connection was cut.
    const controller = new host.AbortController();
    const timer = host.setTimeout(() => controller.abort(), this.#timeoutMs);
    try {
      const signal = controller.signal as never;
      response = await this.#fetch(url, { method, headers, ...encoded, signal });
      text = await response.text();
    } catch (error) {
      throw connectionError(controller.signal.aborted ? "the request timed out" : error);
    } finally {
      host.clearTimeout(timer);
    }
    if (response.status < 200 || response.status > 299)
      throw errorOfResponse(response.status, text, response.headers);
    try {
      return text === "" ? undefined : JSON.parse(text);
    } catch (cause) {
      throw errorOf("the response is not JSON", {
        code: "response_unreadable",
        status: response.status,
        cause,
      });
    }
  }

  /** Returns the URL of a request. */
  url(path: readonly string[], query: QueryParameters = []): string {
    // URLs drop these segments, and the request would reach another route.
    const dropped = path.find((part) => part === "" || part === "." || part === "..");
    if (dropped !== undefined) throw invalid(`invalid id "${dropped}"`);
    const parameters = query.map((pair) => pair.map(encodeURIComponent).join("=")).join("&");
    const url = `${this.base}/${path.map(encodeURIComponent).join("/")}`;
    return parameters === "" ? url : `${url}?${parameters}`;
  }
}

function baseOf(text: string): string {
  const [, scheme = "https", s, rest] =
    /^(?:(http|ws)(s?):\/\/)?([^\s/?#:]+(?::\d+)?(?:\/[^\s?#]*)?)$/.exec(text) ?? [];
  if (rest === undefined)
    throw invalid(`invalid baseURL "${text}": use "https://…"`, "base_url_missing");
  const base = `${scheme.replace("ws", "http")}${s ?? ""}://${rest.replace(/\/+$/, "")}`;
  return base.endsWith("/api") ? base : `${base}/api`;
}
