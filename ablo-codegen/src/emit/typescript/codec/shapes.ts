// Shapes of rows, and helpers for the values of the binary form.

import type { FieldDescriptor } from "./descriptors.js";
import { AbloError } from "./runtime.js";

/** @internal */ export interface Decoder {
  decode(bytes: Uint8Array): string;
}

// All supported environments have it, independent of `lib`.
/** @internal */ export const { TextDecoder } = globalThis as unknown as {
  TextDecoder: new (label: string, options: { fatal: boolean; ignoreBOM: boolean }) => Decoder;
};

/** The base fields, in order. */
const BASE = ["id", "createdAt", "updatedAt", "organizationId", "createdBy"];
/** @internal */ export const KINDS = [
  "string",
  "number",
  "boolean",
  "date",
  "json",
  "enum",
] as const;

/** @internal */ export const ABSENT = undefined;
/** The range of milliseconds that `Date.toISOString` prints with a four-digit year. */
/** @internal */ export const ISO_RANGE = [-62_135_596_800_000, 253_370_764_799_999] as const;

/** @internal */ export interface Column {
  name: string;
  kind: (typeof KINDS)[number];
  values: readonly string[];
}

/** @internal */ export interface Shape {
  name: string;
  columns: readonly Column[];
}

/** Returns the error for an invalid batch, with the byte offset. */
/** @internal */ export const unreadable = (reason: string, at: number): AbloError =>
  new AbloError(`invalid batch at byte ${at}: ${reason}`, { code: "response_unreadable" });

/** @internal */ export const BASE_FIELDS: readonly FieldDescriptor[] = BASE.map((name) => ({
  name,
  column: name,
  kind: name.endsWith("At") ? "date" : "string",
}));

/** @internal */ export const shapeOf = ({
  typename,
  fields,
}: {
  typename: string;
  fields: readonly FieldDescriptor[];
}): Shape => ({
  name: typename,
  columns: [...BASE_FIELDS, ...fields.filter((field) => !BASE.includes(field.name))].map(
    ({ name, kind, values = [] }) => ({ name, kind, values }),
  ),
});

/** @internal */ export const isCompatible = (own: string, written: string): boolean => {
  const family = (kind: string): string => (kind === "enum" ? "string" : kind);
  return own === "json" || family(own) === family(written);
};

/** Returns the declared number of a field, else a hash of its oldest known name. */
/** @internal */ export function numberOf({ number, name, renamedFrom }: FieldDescriptor): number {
  if (number !== undefined) return number;
  let hash = 0x811c9dc5;
  for (const byte of renamedFrom ?? name) hash = Math.imul(hash ^ byte.charCodeAt(0), 0x01000193);
  return (hash | 0x80000000) >>> 0;
}

/** @internal */ export const TWO_DIGITS: readonly string[] = Array.from(
  { length: 60 },
  (_, number) => String(number).padStart(2, "0"),
);
const HEX: readonly string[] = Array.from({ length: 256 }, (_, byte) =>
  byte.toString(16).padStart(2, "0"),
);

const hexOf = (byte: number | undefined): string => HEX[byte ?? 0] ?? "";

/** @internal */ export function uuidText(bytes: Uint8Array, at: number): string {
  const four = (from: number): string => hexOf(bytes[at + from]) + hexOf(bytes[at + from + 1]);
  return `${four(0)}${four(2)}-${four(4)}-${four(6)}-${four(8)}-${four(10)}${four(12)}${four(14)}`;
}

/** Decodes a zigzag-encoded number. */
/** @internal */ export function zigzag(encoded: number | bigint): number {
  if (typeof encoded === "number") return encoded % 2 === 0 ? encoded / 2 : -(encoded + 1) / 2;
  return Number(encoded & 1n ? -((encoded + 1n) >> 1n) : encoded >> 1n);
}
