// Validation of values against the schema, without a schema library.

import type { FieldDescriptor, ModelDescriptor } from "./descriptors.js";

/** A violation of the schema. */
export interface Problem {
  /** The path of the member, such as `weatherReports.status`. */
  param: string;
  message: string;
}

const WHOLE: { readonly [format: string]: readonly [number, number] } = {
  int8: [-128, 127],
  int16: [-32768, 32767],
  int32: [-2147483648, 2147483647],
  uint8: [0, 255],
  uint16: [0, 65535],
  uint32: [0, 4294967295],
};
const LONG: { readonly [format: string]: readonly [bigint, bigint] } = {
  int64: [-(2n ** 63n), 2n ** 63n - 1n],
  uint64: [0n, 2n ** 64n - 1n],
};
const DECIMAL = /^-?(?:0|[1-9]\d*)(?:\.\d+)?$/;
const INTEGER = /^(?:0|-?[1-9]\d*)$/;
const UUID = /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/i;
const DATE = /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:[Zz]|[+-]\d\d:?\d\d)$/;

/** Returns whether a value that is neither null nor absent is valid for a field. */
function fits({ kind, format: name, digits }: FieldDescriptor, value: unknown): boolean {
  const format: string = name ?? "";
  if (kind === "json") return true;
  if (kind === "date")
    return (
      typeof value === "string" &&
      DATE.test(value) &&
      !Number.isNaN(Date.parse(value.replace(" ", "T")))
    );
  if (typeof value === "number") {
    const [least, most] = WHOLE[format] ?? [-Infinity, Infinity];
    return (
      kind === "number" &&
      Number.isFinite(value) &&
      value >= least &&
      value <= most &&
      (!(format in WHOLE) || Number.isInteger(value))
    );
  }
  if (typeof value !== "string" || kind === "number" || kind === "boolean")
    return typeof value === kind;
  const range = LONG[format];
  if (range !== undefined)
    return (
      INTEGER.test(value) &&
      value.length < 21 &&
      BigInt(value) >= range[0] &&
      BigInt(value) <= range[1]
    );
  if (format === "decimal") {
    const [whole = "", fraction = ""] = value.replace("-", "").split(".");
    const [precision, scale] = digits ?? [Infinity, 0];
    return (
      DECIMAL.test(value) &&
      (!digits || fraction.length <= scale) &&
      (whole === "0" ? 0 : whole.length) <= precision - scale
    );
  }
  return format === "uuid" ? UUID.test(value) : !value.includes("\0");
}

/**
 * Validates a row, a create or a patch and returns the problems.
 *
 * Unknown members are accepted because a newer program may have written them. Enums of rows are
 * open and accept any text; the coordinator refuses a write of other values.
 */
export function validate(
  model: ModelDescriptor,
  value: unknown,
  as: "row" | "create" | "patch",
): Problem[] {
  const problems: Problem[] = [];
  const report = (name: string, message: string): void =>
    void problems.push({ param: `${model.key}.${name}`, message });
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return [{ param: model.key, message: "expected an object" }];
  }
  const members = value as { readonly [name: string]: unknown };
  for (const field of model.fields) {
    const member = members[field.name];
    if (member === undefined) {
      const filled = field.optional || (as === "create" && (field.preset || BASE.has(field.name)));
      if (as !== "patch" && !filled) report(field.name, "is missing");
    } else if (member === null) {
      if (!field.optional) report(field.name, "cannot be null");
    } else {
      const { kind, format = kind, digits, values = [] } = field;
      const isOther = as !== "row" && kind === "enum" && !values.includes(String(member));
      const expected = kind === "enum" ? `one of ${values.join(", ")}` : format;
      if (isOther || !fits(field, member))
        report(
          field.name,
          `expected ${expected}${digits ? `(${String(digits)})` : ""}, ` +
            `found ${JSON.stringify(member)}`,
        );
    }
  }
  if (as === "row" && typeof members["id"] !== "string") report("id", "is missing");
  return problems;
}

/** Base fields, which the coordinator sets. */
const BASE: ReadonlySet<string> = new Set([
  "id",
  "createdAt",
  "updatedAt",
  "organizationId",
  "createdBy",
]);
