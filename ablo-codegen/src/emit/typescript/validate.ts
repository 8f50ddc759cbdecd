// Whether values are what the schema says, without a schema library.

import type { FieldDescriptor, ModelDescriptor } from "./descriptors.js";

/** What is wrong with a value. */
export interface Problem {
  /** The member, as `weatherReports.status`. */
  param: string;
  message: string;
}

const WHOLE: { readonly [format: string]: readonly [number, number] } = {
  int8: [-128, 127], int16: [-32768, 32767], int32: [-2147483648, 2147483647],
  uint8: [0, 255], uint16: [0, 65535], uint32: [0, 4294967295],
};
const LONG: { readonly [format: string]: readonly [bigint, bigint] } = {
  int64: [-(2n ** 63n), 2n ** 63n - 1n], uint64: [0n, 2n ** 64n - 1n],
};
const DECIMAL = /^-?(?:0|[1-9]\d*)(?:\.\d+)?$/;
const INTEGER = /^(?:0|-?[1-9]\d*)$/;
const UUID = /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/i;
const DATE = /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:[Zz]|[+-]\d\d:?\d\d)$/;

/** Whether a value, which is neither null nor absent, belongs into a field. */
function fits({ kind, format: said, digits }: FieldDescriptor, value: unknown): boolean {
  const format: string = said ?? "";
  if (kind === "json") return true;
  if (kind === "date") return typeof value === "string" && DATE.test(value) && !Number.isNaN(Date.parse(value.replace(" ", "T")));
  if (typeof value === "number") {
    const [least, most] = WHOLE[format] ?? [-Infinity, Infinity];
    return kind === "number" && Number.isFinite(value) && value >= least && value <= most && (!(format in WHOLE) || Number.isInteger(value));
  }
  if (typeof value !== "string" || kind === "number" || kind === "boolean") return typeof value === kind;
  const range = LONG[format];
  if (range !== undefined) return INTEGER.test(value) && value.length < 21 && BigInt(value) >= range[0] && BigInt(value) <= range[1];
  if (format === "decimal") {
    const [whole = "", fraction = ""] = value.replace("-", "").split(".");
    const [precision, scale] = digits ?? [Infinity, 0];
    return DECIMAL.test(value) && (!digits || fraction.length <= scale) && (whole === "0" ? 0 : whole.length) <= precision - scale;
  }
  return format === "uuid" ? UUID.test(value) : !value.includes("\0");
}

/**
 * What is wrong with a row, with what creates one, or with what changes one.
 *
 * Members that the schema lacks are no problem: a newer program may know them. Enums are open, so that any text is one.
 */
export function validate(model: ModelDescriptor, value: unknown, as: "row" | "create" | "patch"): Problem[] {
  const problems: Problem[] = [];
  const say = (name: string, message: string): void => void problems.push({ param: `${model.key}.${name}`, message });
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return [{ param: model.key, message: "an object is wanted" }];
  }
  const members = value as { readonly [name: string]: unknown };
  for (const field of model.fields) {
    const member = members[field.name];
    if (member === undefined) {
      const filled = field.optional || (as === "create" && (field.preset || BASE.has(field.name)));
      if (as !== "patch" && !filled) say(field.name, "is missing");
    } else if (member === null) {
      if (!field.optional) say(field.name, "cannot be null");
    } else {
      const { kind, format = kind, digits } = field;
      if (!fits(field, member)) say(field.name, `a ${format}${digits ? `(${digits})` : ""} is wanted, not ${JSON.stringify(member)}`);
    }
  }
  if (as === "row" && typeof members["id"] !== "string") say("id", "is missing");
  return problems;
}

/** Members that the coordinator fills. */
const BASE: ReadonlySet<string> = new Set(["id", "createdAt", "updatedAt", "organizationId", "createdBy"]);
