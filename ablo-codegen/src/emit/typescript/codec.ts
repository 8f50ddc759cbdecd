// Deltas on the wire (docs/reference/delta-format.md): JSON, and the binary form that a schema describes.
//
// Bytes or text come in, deltas go out. Every length, reference and text is checked before it is used; whatever breaks a rule is an
// error, and nothing of the batch is kept. Memory grows with the input: what deltas share is one object.

import type * as wire from "./wire.js";
import type { FieldDescriptor, SchemaDescriptor } from "./descriptors.js";
import { AbloError } from "./runtime.js";

/** Changes, and what else their frame said. */
export interface Batch {
  deltas: wire.Delta[];
  /** The members of the frame beside `deltas`. */
  rest: { [member: string]: unknown };
}

interface Decoder {
  decode(bytes: Uint8Array): string;
}

// It is everywhere, whatever `lib` says.
const { TextDecoder } = globalThis as unknown as {
  TextDecoder: new (label: string, options: { fatal: boolean; ignoreBOM: boolean }) => Decoder;
};

/** Fields of every row, in their order. */
const BASE = ["id", "createdAt", "updatedAt", "organizationId", "createdBy"];
const KINDS = ["string", "number", "boolean", "date", "json", "enum"] as const;

const ABSENT = undefined;
/** Milliseconds that `Date.toISOString` prints with a year of four digits. */
const FIXED = [-62_135_596_800_000, 253_370_764_799_999] as const;

interface Column {
  name: string;
  kind: (typeof KINDS)[number];
  values: readonly string[];
}

interface Shape {
  name: string;
  columns: readonly Column[];
}

/** Where a batch breaks the rules. */
const unreadable = (why: string, at: number): AbloError =>
  new AbloError(`the batch cannot be read at byte ${at}: ${why}`, { code: "response_unreadable" });

/**
 * Reads a `delta` frame, its payload, or the payload of a `sync_response`: binary, or JSON as text.
 *
 * @throws AbloError `response_unreadable` with the place.
 */
export function readBatch(schema: SchemaDescriptor, frame: Uint8Array | string): Batch {
  if (typeof frame !== "string") return new BatchReader(schema, frame).read();
  let said: unknown;
  try {
    said = JSON.parse(frame);
  } catch (cause) {
    throw new AbloError("the frame is no JSON", { code: "response_unreadable", cause });
  }
  const payload = isObject(said) && isObject(said["payload"]) ? said["payload"] : said;
  if (!isObject(payload)) throw new AbloError("the frame is no object", { code: "response_unreadable" });
  const { deltas: list, ...rest } = payload;
  const isList = Array.isArray(list);
  const deltas: unknown[] = isList ? list : "actionType" in payload ? [payload] : [];
  deltas.forEach(checked);
  return { deltas: deltas as wire.Delta[], rest: isList ? rest : {} };
}

const isObject = (value: unknown): value is { [member: string]: unknown } =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function checked(delta: unknown): void {
  const wrong = (name: string): AbloError => new AbloError(`a delta has a wrong \`${name}\``, { code: "response_unreadable", param: name });
  if (!isObject(delta)) throw wrong("delta");
  if (!Number.isSafeInteger(delta["id"])) throw wrong("id");
  if ((delta["id"] as number) < 0) delta["id"] = 0;
  for (const name of ["actionType", "modelName", "modelId"]) if (typeof delta[name] !== "string") throw wrong(name);
  // Null counts as absence of these.
  for (const name of ["syncGroups", "createdAt"]) if (delta[name] === null) delete delta[name];
}

class BatchReader {
  readonly #schema: SchemaDescriptor;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #interned: string[] = [];
  readonly #text: Decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  #at = 0;
  #end = 0;
  #tail: Uint8Array = new Uint8Array(0);
  #tailAt = 0;
  /** The tail as text, where a byte is a character. */
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

  #fault(why: string): AbloError {
    return unreadable(why, this.#at);
  }

  read(): Batch {
    if (this.#byte() !== 0xab || this.#byte() !== 1) throw this.#fault("it is none of this version");
    const flags = this.#byte();
    const [isList, described] = [(flags & 1) !== 0, (flags & 2) !== 0];
    if (flags > 15 || (!isList && flags > 3)) throw this.#fault("unknown flags");
    if (!described) this.#sameSchema();
    const [count, headLength] = [this.#varint(), this.#varint()];
    if (headLength > this.#end - this.#at || count * 6 > headLength || (!isList && count !== 1)) throw this.#fault("a length is wrong");
    this.#end = this.#at + headLength;
    this.#tail = this.#bytes.subarray(this.#end);
    const whole = this.#decoded(this.#tail);
    if (whole.length === this.#tail.length) this.#ascii = whole;
    const shapes = described ? this.#dictionary() : this.#schema.models.map(shapeOf);
    const rest: { [member: string]: unknown } = {};
    if ((flags & 4) !== 0) rest["newVersions"] = this.#json();
    if ((flags & 8) !== 0) this.#extras([undefined, undefined, undefined, undefined, undefined, rest]);
    const deltas = this.#deltas(count, shapes);
    if (this.#at !== this.#end || this.#tailAt !== this.#tail.length) throw this.#fault("something is left over");
    return { deltas, rest };
  }

  #sameSchema(): void {
    for (let at = 0; at < 32; at += 2) {
      if (this.#byte() !== parseInt(this.#schema.contentHash.slice(at, at + 2), 16)) {
        throw this.#fault("it is a batch of another schema, without a description");
      }
    }
  }

  #byte(): number {
    const byte = this.#bytes[this.#at];
    if (byte === undefined || this.#at >= this.#end) throw this.#fault("it ends early");
    this.#at += 1;
    return byte;
  }

  /** An unsigned number of at most 64 bits, in its shortest form. */
  #big(): bigint | number {
    let value = 0;
    for (let shift = 1, size = 1; size <= 7; shift *= 128, size += 1) {
      const byte = this.#byte();
      value += (byte & 127) * shift;
      if (byte < 128) {
        if (byte === 0 && size > 1) throw this.#fault("a number is longer than it has to be");
        return value;
      }
    }
    let big = BigInt(value);
    for (let shift = 49n; ; shift += 7n) {
      const byte = this.#byte();
      if (shift === 63n && byte > 1) throw this.#fault("a number is too large");
      big += BigInt(byte & 127) << shift;
      if (byte < 128) {
        if (byte === 0) throw this.#fault("a number is longer than it has to be");
        return big;
      }
    }
  }

  #varint(): number {
    return Number(this.#big());
  }

  /** The same, most often of one byte. */
  #short(): number {
    const byte = this.#bytes[this.#at]!;
    if (byte > 127 || this.#at >= this.#end) return this.#varint();
    this.#at += 1;
    return byte;
  }

  #signed(): number {
    return unfolded(this.#big());
  }

  #decoded(bytes: Uint8Array): string {
    try {
      return this.#text.decode(bytes);
    } catch {
      throw this.#fault("text is not UTF-8");
    }
  }

  #take(length: number): string {
    const start = this.#tailAt;
    if (length > this.#tail.length - start) throw this.#fault("a length is wrong");
    this.#tailAt = start + length;
    return this.#ascii === undefined ? this.#decoded(this.#tail.subarray(start, start + length)) : this.#ascii.slice(start, start + length);
  }

  #json(): unknown {
    const text = this.#take(this.#varint());
    if (text.trim() !== text) throw this.#fault("JSON has white space around it");
    try {
      return JSON.parse(text);
    } catch {
      throw this.#fault("text is no JSON");
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
    if (known === undefined) throw this.#fault("a reference leads nowhere");
    return known;
  }

  #required(): string {
    return this.#shared() ?? this.#missing();
  }

  #missing(): never {
    throw this.#fault("something is missing");
  }

  #uuid(): string {
    if (this.#end - this.#at < 16) throw this.#fault("it ends early");
    this.#at += 16;
    return uuidText(this.#bytes, this.#at - 16);
  }

  #dictionary(): Shape[] {
    const own = new Map(this.#schema.models.map((model) => [model.typename, model.fields]));
    return this.#many(2, () => {
      const name = this.#take(this.#varint());
      const fields = own.get(name) ?? [];
      const byNumber = new Map(own.has(name) ? [...BASE_FIELDS, ...fields].map((field) => [numberOf(field), field]) : []);
      const byName = new Map(own.has(name) ? [...BASE_FIELDS, ...fields].map((field) => [field.name, field]) : []);
      const columns = this.#many(3, (): Column => {
        const number = this.#varint();
        const kind = KINDS[this.#byte()];
        if (kind === undefined) throw this.#fault("a field has an unknown kind");
        const written = this.#take(this.#varint());
        const values = kind === "enum" ? this.#many(1, () => this.#take(this.#varint())) : [];
        const field = byNumber.get(number) ?? byName.get(written);
        if (field !== undefined && !agree(field.kind, kind)) throw this.#fault(`the kind of \`${written}\` has changed`);
        return { name: field?.name ?? written, kind, values };
      });
      return { name, columns };
    });
  }

  /** So many of something that takes some bytes at least. */
  #many<T>(least: number, read: () => T): T[] {
    const count = this.#varint();
    if (count * least > this.#end - this.#at) throw this.#fault("a length is wrong");
    const all: T[] = [];
    for (let at = 0; at < count; at += 1) all.push(read());
    return all;
  }

  #participant(): wire.Actor | null | undefined {
    const kind = this.#shared();
    return typeof kind === "string" ? { kind, id: this.#required() } : kind;
  }

  #extras(owners: readonly (object | null | undefined)[]): void {
    for (let left = this.#varint(); left > 0; left -= 1) {
      const owner = owners[this.#byte()];
      const name = this.#take(this.#varint());
      if (owner === undefined || owner === null) throw this.#fault("a member has no owner");
      Object.defineProperty(owner, name, { value: this.#json(), configurable: true, enumerable: true, writable: true });
    }
  }

  #deltas(count: number, shapes: readonly Shape[]): wire.Delta[] {
    const deltas: wire.Delta[] = [];
    let [id, action, model, shape] = [0, "", "", undefined as Shape | undefined];
    let [groups, capability, confirmation, cause]: [string[] | undefined, ...(string | null | undefined)[]] = [ABSENT];
    let [actor, principal, creator]: (wire.Actor | null | undefined)[] = [];
    for (let left = count; left > 0; left -= 1) {
      const marks = this.#byte() | (this.#byte() << 8);
      id += this.#signed();
      if (marks >= 0x8000 || !Number.isSafeInteger(id) || id < 0) throw this.#fault("a delta has a wrong id");
      const packed = this.#varint();
      if (packed % 2 === 1 && packed !== 1) throw this.#fault("a form is unknown");
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
      if (marks === 0 && deltas.length === 0) throw this.#fault("something is missing");
      // What deltas share is one object; members that nobody knew belong to one delta alone.
      const own = (who: wire.Actor | null | undefined): wire.Actor | null | undefined => (marks & 4 && who ? { ...who } : who);
      const delta = { id, actionType: action, modelName: model, modelId } as wire.Delta & { [member: string]: unknown };
      const data = this.#data(marks, modelId, shape) as wire.Data | null | undefined;
      if (data !== ABSENT) delta["data"] = data;
      if (previous !== ABSENT) delta["previousData"] = previous === null ? null : (this.#parsed(previous) as wire.Data);
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
      if (marks & 4) this.#extras([delta, typeof data === "object" ? (data as object | null) : undefined, acts, behalf, made]);
      if (action === "" && model === "") throw this.#fault("something is missing");
      deltas.push(delta);
    }
    return deltas;
  }

  #parsed(text: string): unknown {
    try {
      return JSON.parse(text);
    } catch {
      throw this.#fault("text is no JSON");
    }
  }

  #groups(): string[] | undefined {
    const count = this.#varint() - 1;
    if (count < 0) return ABSENT;
    if (count > this.#end - this.#at) throw this.#fault("a length is wrong");
    const groups: string[] = [];
    for (let at = 0; at < count; at += 1) groups.push(this.#required());
    return groups;
  }

  #createdAt(): string | undefined {
    const code = this.#big();
    if (code === 0) return ABSENT;
    if (code === 1) return this.#take(this.#varint());
    this.#created += unfolded(typeof code === "number" ? code - 2 : code - 2n);
    return this.#iso(this.#created);
  }

  #iso(milliseconds: number): string {
    if (milliseconds < FIXED[0] || milliseconds > FIXED[1]) throw this.#fault("a date is out of range");
    const day = Math.floor(milliseconds / 86_400_000);
    // Most dates of a batch are of few days, and a day is what is slow to print.
    if (day !== this.#day) [this.#day, this.#dayText] = [day, new Date(day * 86_400_000).toISOString().slice(0, 11)];
    const of = milliseconds - day * 86_400_000;
    const seconds = Math.floor(of / 1000);
    const rest = of - seconds * 1000;
    const minutes = Math.floor(seconds / 60);
    const tail = rest < 10 ? `00${rest}` : rest < 100 ? `0${rest}` : rest;
    return `${this.#dayText}${TWO[Math.floor(minutes / 60)]}:${TWO[minutes % 60]}:${TWO[seconds % 60]}.${tail}Z`;
  }

  #data(marks: number, id: string, shape: Shape | undefined): unknown {
    const form = marks & 3;
    if (form < 2) return form === 0 ? ABSENT : null;
    if (form === 3) return this.#json();
    if (shape === undefined) throw this.#fault("a row has no model");
    return this.#row(shape, marks & 0x2000 ? id : undefined);
  }

  #row({ columns }: Shape, id: string | undefined): { [member: string]: unknown } {
    const start = this.#at;
    const size = (columns.length + 3) >> 2;
    if (size > this.#end - start) throw this.#fault("it ends early");
    this.#at += size;
    const row: { [member: string]: unknown } = {};
    for (let at = 0; at < columns.length; at += 1) {
      const column = columns[at]!;
      const form = (this.#bytes[start + (at >> 2)]! >> ((at & 3) * 2)) & 3;
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
      if (!usual) throw this.#fault("a form is unknown");
      return this.#json();
    }
    if (kind === "enum") {
      if (!usual) return this.#take(this.#varint());
      return values[this.#varint()] ?? this.#missing();
    }
    if (kind === "number") return usual ? this.#whole() : this.#double();
    if (usual) return this.#iso((this.#date += this.#signed()));
    const [seconds, nanos] = [this.#signed(), this.#signed()];
    if (Math.abs(nanos) > 999_999_999) throw this.#fault("a date is out of range");
    const whole = nanos < 0 ? seconds - 1 : seconds;
    const date = new Date(whole * 1000);
    if (Number.isNaN(date.getTime())) throw this.#fault("a date is out of range");
    const digits = String(nanos < 0 ? nanos + 1_000_000_000 : nanos).padStart(9, "0").replace(/0{1,6}$/, "");
    return date.toISOString().replace(/\.\d+Z$/, `.${digits}Z`);
  }

  #whole(): number {
    const value = this.#signed();
    if (!Number.isSafeInteger(value)) throw this.#fault("a number is too large");
    return value;
  }

  #double(): number {
    if (this.#end - this.#at < 8) throw this.#fault("it ends early");
    this.#at += 8;
    const value = this.#view.getFloat64(this.#at - 8, true);
    if (!Number.isFinite(value)) throw this.#fault("a number is not finite");
    return value;
  }
}

const BASE_FIELDS: readonly FieldDescriptor[] = BASE.map((name) => ({
  name, column: name, kind: name.endsWith("At") ? "date" : "string",
}));

const shapeOf = ({ typename, fields }: { typename: string; fields: readonly FieldDescriptor[] }): Shape => ({
  name: typename,
  columns: [...BASE_FIELDS, ...fields.filter((field) => !BASE.includes(field.name))].map(({ name, kind, values = [] }) => ({ name, kind, values })),
});

const agree = (own: string, written: string): boolean => {
  const family = (kind: string): string => (kind === "enum" ? "string" : kind);
  return own === "json" || family(own) === family(written);
};

/** A field's number: the author's, else a hash of its oldest known name. */
function numberOf({ number, name, renamedFrom }: FieldDescriptor): number {
  if (number !== undefined) return number;
  let hash = 0x811c9dc5;
  for (const byte of renamedFrom ?? name) hash = Math.imul(hash ^ byte.charCodeAt(0), 0x01000193);
  return (hash | 0x80000000) >>> 0;
}

const TWO: readonly string[] = Array.from({ length: 60 }, (_, number) => String(number).padStart(2, "0"));
const HEX: readonly string[] = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

function uuidText(bytes: Uint8Array, at: number): string {
  const four = (from: number): string => HEX[bytes[at + from]!]! + HEX[bytes[at + from + 1]!]!;
  return `${four(0)}${four(2)}-${four(4)}-${four(6)}-${four(8)}-${four(10)}${four(12)}${four(14)}`;
}

/** The signed number that was folded into an unsigned one. */
function unfolded(folded: number | bigint): number {
  if (typeof folded === "number") return folded % 2 === 0 ? folded / 2 : -(folded + 1) / 2;
  return Number(folded & 1n ? -((folded + 1n) >> 1n) : folded >> 1n);
}
