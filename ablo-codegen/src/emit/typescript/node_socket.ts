// A WebSocket for Node.js 20, which has no global one: a subset of RFC 6455 over `node:http`.

/** The maximum size of a message. */
const MAX_MESSAGE_BYTES = 64 << 20;

// The parts of Node.js that the socket uses. Its types may be missing where this is compiled.
interface Bytes extends Uint8Array {
  readUInt16BE(at: number): number;
  readBigUInt64BE(at: number): bigint;
  subarray(start: number, end?: number): Bytes;
  toString(encoding?: "utf8"): string;
}
interface Emitter {
  on(event: string, run: (...values: never[]) => void): void;
  destroy(): void;
}
interface Stream extends Emitter {
  readonly writableLength: number;
  setNoDelay(on: boolean): void;
  write(bytes: Uint8Array): void;
  end(done: () => void): void;
}
interface Request extends Emitter {
  end(): void;
}
interface Response {
  readonly headers: { readonly [name: string]: string | undefined };
}
interface Modules {
  "node:buffer": {
    Buffer: {
      from(data: string | Uint8Array): Bytes;
      concat(parts: readonly Uint8Array[]): Bytes;
    };
  };
  "node:crypto": {
    randomBytes(size: number): Uint8Array & { toString(encoding: "base64"): string };
    createHash(name: string): { update(text: string): { digest(encoding: "base64"): string } };
  };
  "node:http": { request(url: string, options: { headers: object }): Request };
}

type Listener = ((event: object) => void) | null;

/** Returns the WebSocket class. `load` loads built-in modules of Node.js. */
export function nodeSocket(
  load: (name: string) => unknown,
): new (url: string, protocols: string[]) => object {
  const crypto = load("node:crypto") as Modules["node:crypto"];
  const { Buffer } = load("node:buffer") as Modules["node:buffer"];
  return class NodeSocket {
    binaryType = "arraybuffer";
    onopen: Listener = null;
    onmessage: Listener = null;
    onclose: Listener = null;
    onerror: Listener = null;
    #stream: Stream | undefined;
    readonly #request: Request;
    #chunks: Bytes[] = [];
    #size = 0;
    #needed = 2;
    #parts: Uint8Array[] = [];
    #partsSize = 0;
    #isText = true;
    #ended = false;

    constructor(url: string, protocols: string[]) {
      const key = crypto.randomBytes(16).toString("base64");
      const headers = {
        connection: "Upgrade",
        upgrade: "websocket",
        "sec-websocket-version": "13",
        "sec-websocket-key": key,
        "sec-websocket-protocol": protocols.join(", "),
      };
      const secure = url.startsWith("wss:");
      const http = load(secure ? "node:https" : "node:http") as Modules["node:http"];
      this.#request = http.request(url.replace(/^ws/, "http"), { headers });
      this.#request.on("error", (error: unknown) => this.#end(1006, "", error));
      // The client finds the reason for a refusal with another request, as in a browser.
      this.#request.on("response", () => this.#end(1006, ""));
      this.#request.on("upgrade", (response: Response, stream: Stream, head: Bytes) => {
        const accept = crypto
          .createHash("sha1")
          .update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
          .digest("base64");
        this.#stream = stream;
        if (response.headers["sec-websocket-accept"] !== accept)
          return this.#end(1006, "the server does not speak WebSocket");
        stream.setNoDelay(true);
        stream.on("data", (bytes: Bytes) => this.#read(bytes));
        stream.on("error", () => this.#end(1006, ""));
        stream.on("close", () => this.#end(1006, ""));
        this.onopen?.({});
        this.#read(head);
      });
      this.#request.end();
    }

    get bufferedAmount(): number {
      return this.#stream?.writableLength ?? 0;
    }

    send(text: string): void {
      this.#write(1, Buffer.from(text));
    }

    close(code: number = 1000, reason: string = ""): void {
      if (this.#ended) return;
      if (this.#stream === undefined) return this.#end(1006, "");
      const text: Uint8Array = Buffer.from(reason);
      this.#write(8, Uint8Array.of(code >> 8, code & 255, ...text));
      this.#end(code, reason);
    }

    #write(kind: number, data: Uint8Array): void {
      if (this.#ended || this.#stream === undefined) return;
      const size = data.length;
      const mask: Uint8Array = crypto.randomBytes(4);
      const length =
        size < 126
          ? [size]
          : size < 65536
            ? [126, size >> 8, size & 255]
            : [127, 0, 0, 0, 0, size >>> 24, (size >> 16) & 255, (size >> 8) & 255, size & 255];
      length[0] = 128 | (length[0] ?? 0);
      const frame = new Uint8Array(1 + length.length + 4 + size);
      frame.set([128 | kind, ...length, ...mask]);
      for (let at = 0, start = 5 + length.length; at < size; at += 1)
        frame[start + at] = (data[at] ?? 0) ^ (mask[at & 3] ?? 0);
      this.#stream.write(frame);
    }

    #read(bytes: Bytes): void {
      this.#chunks.push(bytes);
      this.#size += bytes.length;
      if (this.#size < this.#needed) return;
      let rest = this.#chunks.length === 1 ? bytes : Buffer.concat(this.#chunks);
      this.#needed = 2;
      while (!this.#ended && rest.length >= 2) {
        const short = rest[1] ?? 0;
        const head = short === 126 ? 4 : short === 127 ? 10 : 2;
        const size: number =
          rest.length < head || short < 126
            ? short
            : short === 126
              ? rest.readUInt16BE(2)
              : Number(rest.readBigUInt64BE(2));
        if (short > 127 || size + this.#partsSize > MAX_MESSAGE_BYTES)
          return this.#end(1009, "masked frame or message too large");
        this.#needed = rest.length < head ? head : head + size;
        if (rest.length < this.#needed) break;
        const [first, data] = [rest[0] ?? 0, rest.subarray(head, this.#needed)];
        rest = rest.subarray(this.#needed);
        this.#needed = 2;
        this.#frame(first & 15, first > 127, data);
      }
      this.#chunks = rest.length === 0 ? [] : [rest];
      this.#size = rest.length;
    }

    #frame(kind: number, last: boolean, data: Bytes): void {
      if (kind === 9) return this.#write(10, data);
      if (kind === 8) {
        const code = data.length < 2 ? 1005 : ((data[0] ?? 0) << 8) | (data[1] ?? 0);
        this.#write(8, data);
        return this.#end(code, String(Buffer.from(data.subarray(2))));
      }
      if (kind > 2) return;
      if (kind !== 0) this.#isText = kind === 1;
      this.#parts.push(data);
      this.#partsSize += data.length;
      if (!last) return;
      const whole = Buffer.concat(this.#parts);
      this.#parts = [];
      this.#partsSize = 0;
      const message = this.#isText ? whole.toString("utf8") : Uint8Array.from(whole).buffer;
      this.onmessage?.({ data: message });
    }

    #end(code: number, reason: string, error?: unknown): void {
      if (this.#ended) return;
      this.#ended = true;
      if (this.#stream === undefined) this.#request.destroy();
      else this.#stream.end(() => this.#stream?.destroy());
      if (error !== undefined) this.onerror?.({ error });
      this.onclose?.({ code, reason });
    }
  };
}
