// The reader of the binary form.

import type * as wire from "./wire.js";
import type { SchemaDescriptor } from "./descriptors.js";
import type { AbloError } from "./runtime.js";
import type { Batch } from "./batch.js";
import {
  ABSENT,
  BASE_FIELDS,
  ISO_RANGE,
  KINDS,
  TWO_DIGITS,
  TextDecoder,
  isCompatible,
  numberOf,
  shapeOf,
  unreadable,
  uuidText,
  zigzag,
  type Column,
  type Decoder,
  type Shape,
} from "./shapes.js";

/** @internal */ export class BatchReader {
  readonly #schema: SchemaDescriptor;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #interned: string[] = [];
  readonly #text: Decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  #at = 0;
  #end = 0;
  #tail: Uint8Array = new Uint8Array(0);
  #tailAt = 0;
  /** The tail as text, if it is ASCII only. */
  #ascii: string | undefined;
  #date = 0;
  #created = 0;
  #day = NaN;
  #dayText = "";

  constructor(schema: SchemaDescriptor, bytes: Uint8Array) {
    this.#schema = schema;
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#end = bytes.length;
  }

  #invalid(reason: string): AbloError {
    return unreadable(reason, this.#at);
  }

  read(): Batch {
    if (this.#byte() !== 0xab || this.#byte() !== 1) throw this.#invalid("unknown version");
    const flags = this.#byte();
    const [isList, described] = [(flags & 1) !== 0, (flags & 2) !== 0];
    if (flags > 15 || (!isList && flags > 3)) throw this.#invalid("unknown flags");
    if (!described) this.#sameSchema();
    const [count, headLength] = [this.#varint(), this.#varint()];
    if (headLength > this.#end - this.#at || count * 6 > headLength || (!isList && count !== 1))
      throw this.#invalid("invalid length");
    this.#end = this.#at + headLength;
    this.#tail = this.#bytes.subarray(this.#end);
    const whole = this.#decoded(this.#tail);
    if (whole.length === this.#tail.length) this.#ascii = whole;
    const shapes = described ? this.#dictionary() : this.#schema.models.map(shapeOf);
    const rest: { [member: string]: unknown } = {};
    if ((flags & 4) !== 0) rest["newVersions"] = this.#json();
    if ((flags & 8) !== 0)
      this.#extras([undefined, undefined, undefined, undefined, undefined, rest]);
    const deltas = this.#deltas(count, shapes);
    if (this.#at !== this.#end || this.#tailAt !== this.#tail.length)
      throw this.#invalid("trailing data");
    return { deltas, rest };
  }

  #sameSchema(): void {
    for (let at = 0; at < 32; at += 2) {
      if (this.#byte() !== parseInt(this.#schema.contentHash.slice(at, at + 2), 16)) {
        throw this.#invalid("the batch belongs to another schema and has no dictionary");
      }
    }
  }

  #byte(): number {
    const byte = this.#bytes[this.#at];
    if (byte === undefined || this.#at >= this.#end) throw this.#invalid("unexpected end");
    this.#at += 1;
    return byte;
  }

  /** Reads an unsigned integer of at most 64 bits, in its shortest encoding. */
  #big(): bigint | number {
    let value = 0;
    for (let shift = 1, size = 1; size <= 7; shift *= 128, size += 1) {
      const byte = this.#byte();
      value += (byte & 127) * shift;
      if (byte < 128) {
        if (byte === 0 && size > 1) throw this.#invalid("overlong number");
        return value;
      }
    }
    let big = BigInt(value);
    for (let shift = 49n; ; shift += 7n) {
      const byte = this.#byte();
      if (shift === 63n && byte > 1) throw this.#invalid("number out of range");
      big += BigInt(byte & 127) << shift;
      if (byte < 128) {
        if (byte === 0) throw this.#invalid("overlong number");
        return big;
      }
    }
  }

  #varint(): number {
    return Number(this.#big());
  }

  /** Reads a varint, with a fast path for one byte. */
  #short(): number {
    const byte = this.#bytes[this.#at] as number;
    if (byte > 127 || this.#at >= this.#end) return this.#varint();
    this.#at += 1;
    return byte;
  }

  #signed(): number {
    return zigzag(this.#big());
  }

  #decoded(bytes: Uint8Array): string {
    try {
      return this.#text.decode(bytes);
    } catch {
      throw this.#invalid("invalid UTF-8");
    }
  }

  #take(length: number): string {
    const start = this.#tailAt;
    if (length > this.#tail.length - start) throw this.#invalid("invalid length");
    this.#tailAt = start + length;
    return this.#ascii === undefined
      ? this.#decoded(this.#tail.subarray(start, start + length))
      : this.#ascii.slice(start, start + length);
  }

  #json(): unknown {
    const text = this.#take(this.#varint());
    if (text.trim() !== text) throw this.#invalid("white space around JSON");
    try {
      return JSON.parse(text);
    } catch {
      throw this.#invalid("invalid JSON");
    }
  }

  #plain(): string | null | undefined {
    const code = this.#short();
    return code === 0 ? ABSENT : code === 1 ? null : this.#take(code - 2);
  }

  #shared(): string | null | undefined {
    const code = this.#short();
    if (code < 2) return code === 0 ? ABSENT : null;
    if (code === 2) {
      const text = this.#take(this.#varint());
      this.#interned.push(text);
      return text;
    }
    const known = this.#interned[code - 3];
    if (known === undefined) throw this.#invalid("invalid reference");
    return known;
  }

  #required(): string {
    return this.#shared() ?? this.#missing();
  }

  #missing(): never {
    throw this.#invalid("missing value");
  }

  #uuid(): string {
    if (this.#end - this.#at < 16) throw this.#invalid("unexpected end");
    this.#at += 16;
    return uuidText(this.#bytes, this.#at - 16);
  }

  #dictionary(): Shape[] {
    const own = new Map(this.#schema.models.map((model) => [model.typename, model.fields]));
    return this.#many(2, () => {
      const name = this.#take(this.#varint());
      const fields = own.get(name) ?? [];
      const byNumber = new Map(
        own.has(name) ? [...BASE_FIELDS, ...fields].map((field) => [numberOf(field), field]) : [],
      );
      const byName = new Map(
        own.has(name) ? [...BASE_FIELDS, ...fields].map((field) => [field.name, field]) : [],
      );
      const columns = this.#many(3, (): Column => {
        const number = this.#varint();
        const kind = KINDS[this.#byte()];
        if (kind === undefined) throw this.#invalid("unknown field kind");
        const written = this.#take(this.#varint());
        const values = kind === "enum" ? this.#many(1, () => this.#take(this.#varint())) : [];
        const field = byNumber.get(number) ?? byName.get(written);
        if (field !== undefined && !isCompatible(field.kind, kind))
          throw this.#invalid(`the kind of \`${written}\` has changed`);
        return { name: field?.name ?? written, kind, values };
      });
      return { name, columns };
    });
  }

  /** Reads a list of items that take at least `minBytes` each. */
  #many<T>(minBytes: number, read: () => T): T[] {
    const count = this.#varint();
    if (count * minBytes > this.#end - this.#at) throw this.#invalid("invalid length");
    const items: T[] = [];
    for (let at = 0; at < count; at += 1) items.push(read());
    return items;
  }

  #participant(): wire.Actor | null | undefined {
    const kind = this.#shared();
    return typeof kind === "string" ? { kind, id: this.#required() } : kind;
  }

  #extras(owners: readonly (object | null | undefined)[]): void {
    for (let left = this.#varint(); left > 0; left -= 1) {
      const owner = owners[this.#byte()];
      const name = this.#take(this.#varint());
      if (owner === undefined || owner === null) throw this.#invalid("member without an owner");
      Object.defineProperty(owner, name, {
        value: this.#json(),
        configurable: true,
        enumerable: true,
        writable: true,
      });
    }
  }

  #deltas(count: number, shapes: readonly Shape[]): wire.Delta[] {
    const deltas: wire.Delta[] = [];
    let [id, action, model, shape] = [0, "", "", undefined as Shape | undefined];
    let [groups, capability, confirmation, cause]: [
      string[] | undefined,
      ...(string | null | undefined)[],
    ] = [ABSENT];
    let [actor, principal, creator]: (wire.Actor | null | undefined)[] = [];
    for (let left = count; left > 0; left -= 1) {
      const marks = this.#byte() | (this.#byte() << 8);
      id += this.#signed();
      if (marks >= 0x8000 || !Number.isSafeInteger(id) || id < 0)
        throw this.#invalid("invalid delta id");
      const packed = this.#varint();
      if (packed % 2 === 1 && packed !== 1) throw this.#invalid("unknown encoding");
      const modelId = packed === 1 ? this.#uuid() : this.#take(packed / 2);
      const transaction = this.#plain();
      const createdAt = this.#createdAt();
      if (marks & 0x10) action = this.#required();
      if (marks & 0x20) {
        const at = this.#varint();
        shape = at === 0 ? undefined : (shapes[at - 1] ?? this.#missing());
        model = shape === undefined ? this.#required() : shape.name;
      }
      if (marks & 0x40) groups = this.#groups();
      if (marks & 0x80) actor = this.#participant();
      if (marks & 0x100) principal = this.#participant();
      if (marks & 0x200) capability = this.#shared();
      if (marks & 0x400) confirmation = this.#shared();
      if (marks & 0x800) cause = this.#shared();
      if (marks & 0x1000) creator = this.#participant();
      if (marks & 0x4000) creator = actor;
      const previous = marks & 8 ? this.#plain() : ABSENT;
      if (marks === 0 && deltas.length === 0) throw this.#invalid("missing value");
      // Deltas share participant objects. One with unknown members is copied, as they belong to one
      // delta only.
      const own = (participant: wire.Actor | null | undefined): wire.Actor | null | undefined =>
        marks & 4 && participant ? { ...participant } : participant;
      const delta = { id, actionType: action, modelName: model, modelId } as wire.Delta & {
        [member: string]: unknown;
      };
      const data = this.#data(marks, modelId, shape) as wire.Data | null | undefined;
      if (data !== ABSENT) delta["data"] = data;
      if (previous !== ABSENT)
        delta["previousData"] = previous === null ? null : (this.#parsed(previous) as wire.Data);
      if (groups !== ABSENT) delta["syncGroups"] = groups;
      if (transaction !== ABSENT) delta["transactionId"] = transaction;
      if (createdAt !== ABSENT) delta["createdAt"] = createdAt;
      const [acts, behalf, made] = [own(actor), own(principal), own(creator)];
      if (acts !== ABSENT) delta["actor"] = acts;
      if (behalf !== ABSENT) delta["onBehalfOf"] = behalf;
      if (capability !== ABSENT) delta["capabilityId"] = capability;
      if (confirmation !== ABSENT) delta["confirmationState"] = confirmation;
      if (cause !== ABSENT) delta["causedByTaskId"] = cause;
      if (made !== ABSENT) delta["createdBy"] = made;
      if (marks & 4)
        this.#extras([
          delta,
          typeof data === "object" ? (data as object | null) : undefined,
          acts,
          behalf,
          made,
        ]);
      if (action === "" && model === "") throw this.#invalid("missing value");
      deltas.push(delta);
    }
    return deltas;
  }

  #parsed(text: string): unknown {
    try {
      return JSON.parse(text);
    } catch {
      throw this.#invalid("invalid JSON");
    }
  }

  #groups(): string[] | undefined {
    const count = this.#varint() - 1;
    if (count < 0) return ABSENT;
    if (count > this.#end - this.#at) throw this.#invalid("invalid length");
    const groups: string[] = [];
    for (let at = 0; at < count; at += 1) groups.push(this.#required());
    return groups;
  }

  #createdAt(): string | undefined {
    const code = this.#big();
    if (code === 0) return ABSENT;
    if (code === 1) return this.#take(this.#varint());
    this.#created += zigzag(typeof code === "number" ? code - 2 : code - 2n);
    return this.#iso(this.#created);
  }

  #iso(milliseconds: number): string {
    if (milliseconds < ISO_RANGE[0] || milliseconds > ISO_RANGE[1])
      throw this.#invalid("date out of range");
    const day = Math.floor(milliseconds / 86_400_000);
    // Formatting the day is slow, and most dates of a batch share few days.
    if (day !== this.#day)
      [this.#day, this.#dayText] = [day, new Date(day * 86_400_000).toISOString().slice(0, 11)];
    const of = milliseconds - day * 86_400_000;
    const seconds = Math.floor(of / 1000);
    const rest = of - seconds * 1000;
    const minutes = Math.floor(seconds / 60);
    const tail = rest < 10 ? `00${rest}` : rest < 100 ? `0${rest}` : rest;
    const hours = TWO_DIGITS[Math.floor(minutes / 60)];
    const time = `${hours}:${TWO_DIGITS[minutes % 60]}:${TWO_DIGITS[seconds % 60]}`;
    return `${this.#dayText}${time}.${tail}Z`;
  }

  #data(marks: number, id: string, shape: Shape | undefined): unknown {
    const form = marks & 3;
    if (form < 2) return form === 0 ? ABSENT : null;
    if (form === 3) return this.#json();
    if (shape === undefined) throw this.#invalid("row without a model");
    return this.#row(shape, marks & 0x2000 ? id : undefined);
  }

  #row({ columns }: Shape, id: string | undefined): { [member: string]: unknown } {
    const start = this.#at;
    const size = (columns.length + 3) >> 2;
    if (size > this.#end - start) throw this.#invalid("unexpected end");
    this.#at += size;
    const row: { [member: string]: unknown } = {};
    for (let at = 0; at < columns.length; at += 1) {
      const column = columns[at] as Column;
      const form = ((this.#bytes[start + (at >> 2)] as number) >> ((at & 3) * 2)) & 3;
      if (form === 0) continue;
      const isSame = id !== undefined && form === 2 && column.name === "id";
      row[column.name] = isSame ? id : form === 1 ? null : this.#value(column, form === 2);
    }
    return row;
  }

  #value({ kind, values }: Column, usual: boolean): unknown {
    if (kind === "string") return usual ? this.#take(this.#short()) : this.#uuid();
    if (kind === "boolean") return !usual;
    if (kind === "json") {
      if (!usual) throw this.#invalid("unknown encoding");
      return this.#json();
    }
    if (kind === "enum") {
      if (!usual) return this.#take(this.#varint());
      return values[this.#varint()] ?? this.#missing();
    }
    if (kind === "number") return usual ? this.#whole() : this.#double();
    if (usual) return this.#iso((this.#date += this.#signed()));
    const [seconds, nanos] = [this.#signed(), this.#signed()];
    if (Math.abs(nanos) > 999_999_999) throw this.#invalid("date out of range");
    const whole = nanos < 0 ? seconds - 1 : seconds;
    const date = new Date(whole * 1000);
    if (Number.isNaN(date.getTime())) throw this.#invalid("date out of range");
    const digits = String(nanos < 0 ? nanos + 1_000_000_000 : nanos)
      .padStart(9, "0")
      .replace(/0{1,6}$/, "");
    return date.toISOString().replace(/\.\d+Z$/, `.${digits}Z`);
  }

  #whole(): number {
    const value = this.#signed();
    if (!Number.isSafeInteger(value)) throw this.#invalid("number out of range");
    return value;
  }

  #double(): number {
    if (this.#end - this.#at < 8) throw this.#invalid("unexpected end");
    this.#at += 8;
    const value = this.#view.getFloat64(this.#at - 8, true);
    if (!Number.isFinite(value)) throw this.#invalid("number is not finite");
    return value;
  }
}
