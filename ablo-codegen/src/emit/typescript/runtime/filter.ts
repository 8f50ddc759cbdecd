// Conditions on rows, for requests to the coordinator and for filtering local rows.

import type * as wire from "./wire.js";
import { invalid } from "./errors.js";
import { scaled } from "./relative.js";
import type { AnyRow } from "./store.js";

/** A condition on a field: a value, null, a list of values, or an object of comparisons. */
export type Match<T> = T | null | readonly T[] | Condition<T>;

/** Comparisons, all of which must hold. */
export interface Condition<T> {
  eq?: T | null;
  ne?: T | null;
  lt?: T;
  le?: T;
  gt?: T;
  ge?: T;
  in?: readonly T[];
  notIn?: readonly T[];
  /** `%` matches any text, `_` any character. */
  like?: string;
  /** Like `like`, ignoring case. */
  ilike?: string;
}

/**
 * Conditions on fields other than JSON fields, all of which must hold. Values are of the types that
 * a patch has, so that enums are compared with their known values.
 */
export type Where<Row, Patch = object> = {
  [
    name in keyof Row as NonNullable<Row[name]> extends string | number | boolean ? name : never
  ]?: Match<NonNullable<name extends keyof Patch ? Patch[name] : Row[name]>>;
};

const OPERATORS: { readonly [name: string]: wire.Operator } = {
  eq: "=",
  ne: "!=",
  lt: "<",
  le: "<=",
  gt: ">",
  ge: ">=",
  in: "IN",
  notIn: "NOT IN",
  like: "LIKE",
  ilike: "ILIKE",
};
/** Parameters of a list request that are not fields. */
const RESERVED: ReadonlySet<string> = new Set(["limit", "order", "order_by", "starting_after"]);

/** @internal */ export type Clause = readonly [
  field: string,
  operator: wire.Operator,
  value: wire.Json,
];

/** Returns the conditions in normalised form. */
/** @internal */ export function clauses(where: object): Clause[] {
  const found: Clause[] = [];
  for (const [field, match] of Object.entries(where) as [string, unknown][]) {
    if (match === undefined) continue;
    const condition = match as wire.Json & object;
    if (match === null || typeof match !== "object")
      found.push(clause(field, "eq", match as wire.Json));
    else if (Array.isArray(match)) found.push([field, "IN", match as wire.Json]);
    else
      for (const [name, value] of Object.entries(condition))
        if (value !== undefined) found.push(clause(field, name, value as wire.Json));
  }
  return found;
}

function clause(field: string, name: string, value: wire.Json): Clause {
  const operator = OPERATORS[name];
  if (operator === undefined) throw invalid(`unknown condition "${name}" on "${field}"`);
  if (value !== null) return [field, operator, value];
  if (name === "eq" || name === "ne") return [field, name === "eq" ? "IS" : "IS NOT", null];
  throw invalid(`"${name}" on "${field}" does not accept null`);
}

/**
 * Returns the conditions as parameters of a list request, or undefined if it cannot express them.
 */
/** @internal */ export function parameters(
  all: readonly Clause[],
): [string, string][] | undefined {
  const plain = all.every(
    ([field, operator, value]) =>
      operator === "=" && !RESERVED.has(field) && typeof value !== "object",
  );
  return plain && new Set(all.map(([field]) => field)).size === all.length
    ? all.map(([field, , value]) => [field, String(value)])
    : undefined;
}

/** Returns whether a local row meets the conditions. Numbers in text are compared as numbers. */
/** @internal */ export function matches(row: AnyRow, all: readonly Clause[]): boolean {
  return all.every(([field, operator, operand]) => {
    const value = row[field] ?? null;
    if (operator === "IS") return value === null;
    if (operator === "IS NOT") return value !== null;
    // Every row is in no empty list, also one without a value.
    if (value === null) return operator === "NOT IN" && !(operand as wire.Json[]).length;
    if (operator === "IN" || operator === "NOT IN")
      return (operand as wire.Json[]).includes(value as wire.Json) === (operator === "IN");
    if (operator === "LIKE" || operator === "ILIKE")
      return like(String(operand), operator === "ILIKE").test(String(value));
    const order = compare(value, operand);
    return order === 0
      ? /^[<>]?=$/.test(operator)
      : operator === "!=" || operator.startsWith(order < 0 ? "<" : ">");
  });
}

const like = (pattern: string, anyCase: boolean): RegExp => {
  // After a backslash, a character stands for itself.
  const source = pattern.replace(/\\?[^]/gu, (part) =>
    part === "%"
      ? ".*"
      : part === "_"
        ? "."
        : part.replace(/^\\(?=[^])/, "").replace(/[.*+?^${}()|[\]\\]/g, "\\$&"),
  );
  return new RegExp(`^${source}$`, anyCase ? "isu" : "su");
};

const DIGITS = /^-?\d+(?:\.\d+)?$/;

/** Compares two values as the coordinator does; null sorts first. */
/** @internal */ export function compare(one: unknown, other: unknown): number {
  const pair = [one ?? null, other ?? null] as [string, string];
  const [left, right] = (pair.every((text) => DIGITS.test(text)) ? scaled(pair)[0] : pair) as [
    string | bigint | null,
    string | bigint | null,
  ];
  if (left === right) return 0;
  if (left === null || right === null) return left === null ? -1 : 1;
  return left < right ? -1 : left > right ? 1 : 0;
}
