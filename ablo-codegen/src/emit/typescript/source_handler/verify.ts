// Reads request bodies and checks their signatures.

import type * as wire from "./wire.js";
import { SourceError, host, type Incoming, type Outgoing } from "./types.js";

const MAX_BODY_BYTES = 4 << 20;
const MAX_REMEMBERED_MESSAGES = 65536;

/** @internal */ export function refuse(
  code: wire.SourceErrorCode,
  status: number,
  message?: string,
  details: Partial<wire.SourceFailure> = {},
): SourceError {
  return new SourceError(code, message, status, details);
}

/** @internal */ export function json(status: number, body: unknown): Outgoing {
  return new host.Response(JSON.stringify(body), {
    status,
    headers: { "content-type": "application/json" },
  });
}

/** Reads a body of at most `MAX_BODY_BYTES`. */
/** @internal */ export async function read(request: Incoming): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let length = 0;
  const reader = request.body?.getReader();
  for (;;) {
    const { value } = (await reader?.read()) ?? {};
    if (value === undefined) break;
    length += value.length;
    if (length > MAX_BODY_BYTES) {
      await reader?.cancel();
      throw refuse("source_body_too_large", 413);
    }
    parts.push(value);
  }
  const whole = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

function bytes(base64: string): Uint8Array | null {
  try {
    return Uint8Array.from(host.atob(base64), (letter) => letter.charCodeAt(0));
  } catch {
    return null;
  }
}

/** Checks signatures and rejects replayed messages. */
/** @internal */ export class Verifier {
  readonly #seen: Map<string, number> = new Map();
  readonly #tolerance: number;

  constructor(tolerance: number) {
    this.#tolerance = tolerance;
  }

  /** Returns the key that signed the message. */
  async verify(
    keys: readonly string[],
    request: Incoming,
    body: Uint8Array,
  ): Promise<{ key: string; id: string; at: number }> {
    const refused = (code: wire.SourceErrorCode): SourceError => refuse(code, 401);
    if (keys.length === 0) throw refused("source_api_key_missing");
    const id = request.headers.get("webhook-id");
    if (!id) throw refused("source_id_missing");
    const timestamp = request.headers.get("webhook-timestamp");
    if (!timestamp) throw refused("source_timestamp_missing");
    if (!/^\d{1,15}$/.test(timestamp.trim())) throw refused("source_timestamp_invalid");
    const at = Number(timestamp);
    const now = Math.floor(Date.now() / 1000);
    if (Math.abs(now - at) > this.#tolerance) throw refused("source_timestamp_expired");
    const given = (request.headers.get("webhook-signature") ?? "")
      .split(" ")
      .flatMap((part) => (part.startsWith("v1,") ? [bytes(part.slice(3))] : []))
      .filter((part) => part !== null)
      .slice(0, 16);
    if (given.length === 0) throw refused("source_signature_missing");
    const encoder = new host.TextEncoder();
    const head = encoder.encode(`${id}.${timestamp.trim()}.`);
    const message = new Uint8Array(head.length + body.length);
    message.set(head);
    message.set(body, head.length);
    // All combinations are checked in constant time, so that the duration reveals nothing.
    let found: string | undefined;
    for (const key of keys) {
      const hmac = await host.crypto.subtle.importKey(
        "raw",
        encoder.encode(key),
        { name: "HMAC", hash: "SHA-256" },
        false,
        ["verify"],
      );
      for (const signature of given) {
        if (await host.crypto.subtle.verify("HMAC", hmac, signature, message)) found = key;
      }
    }
    if (found === undefined) throw refused("source_signature_invalid");
    const name = `${at}.${id}`;
    if (this.#seen.has(name)) throw refused("source_message_replayed");
    this.#remember(name, at, now);
    return { key: found, id, at };
  }

  #remember(name: string, at: number, now: number): void {
    this.#seen.set(name, at);
    for (const [known, when] of this.#seen) {
      if (this.#seen.size <= MAX_REMEMBERED_MESSAGES && now - when <= this.#tolerance) break;
      this.#seen.delete(known);
    }
  }
}
