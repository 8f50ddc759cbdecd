// Conditions on rows, as the coordinator is asked and as the rows that are here are looked through.

import type * as wire from "./wire.js";
import { invalid } from "./errors.js";
import type { AnyRow } from "./store.js";

/** What a field has to be: this value, null for none, one of a list, or something beside equality. */
export type Match<T> = T | null | readonly T[] | Condition<T>;

/** Something beside equality; all of it has to be so. */
export interface Condition<T> {
  eq?: T | null;
  ne?: T | null;
  lt?: T;
  le?: T;
  gt?: T;
  ge?: T;
  in?: readonly T[];
  notIn?: readonly T[];
  /** `%` is any text, `_` any character. */
  like?: string;
  /** The same without regard to case. */
  ilike?: string;
}

/** What rows are filtered and ordered by: members that are no JSON. All that is said of a row has to be so. */
export type Where<Row> = {
  [name in keyof Row as NonNullable<Row[name]> extends string | number | boolean ? name : never]?: Match<NonNullable<Row[name]>>;
};

const OPERATORS: { readonly [name: string]: wire.Operator } = {
  eq: "=", ne: "!=", lt: "<", le: "<=", gt: ">", ge: ">=", in: "IN", notIn: "NOT IN", like: "LIKE", ilike: "ILIKE",
};
/** Parameters of a page that are no fields. */
const RESERVED: ReadonlySet<string> = new Set(["limit", "order", "order_by", "starting_after"]);

/** @internal */ export type Clause = readonly [field: string, operator: wire.Operator, value: wire.Json];

/** The conditions in a form that has one spelling. */
/** @internal */ export function clauses(where: object): Clause[] {
  const found: Clause[] = [];
  for (const [field, match] of Object.entries(where) as [string, unknown][]) {
    if (match === undefined) continue;
    const condition = match as wire.Json & object;
    if (match === null || typeof match !== "object") found.push(clause(field, "eq", match as wire.Json));
    else if (Array.isArray(match)) found.push([field, "IN", match as wire.Json]);
    else for (const [name, value] of Object.entries(condition)) if (value !== undefined) found.push(clause(field, name, value as wire.Json));
  }
  return found;
}

function clause(field: string, name: string, value: wire.Json): Clause {
  const operator = OPERATORS[name];
  if (operator === undefined) throw invalid(`"${name}" is no condition on "${field}"`);
  if (value !== null) return [field, operator, value];
  if (name === "eq" || name === "ne") return [field, name === "eq" ? "IS" : "IS NOT", null];
  throw invalid(`"${field}" cannot be compared with null by "${name}"`);
}

/** The conditions as parameters of a page, where pages can have them. */
/** @internal */ export function parameters(all: readonly Clause[]): [string, string][] | undefined {
  const plain = all.every(([field, operator, value]) => operator === "=" && !RESERVED.has(field) && typeof value !== "object");
  return plain && new Set(all.map(([field]) => field)).size === all.length
    ? all.map(([field, , value]) => [field, String(value)])
    : undefined;
}

/** Whether a row that is here is meant. Values compare as what they are; digits in text as numbers. */
/** @internal */ export function matches(row: AnyRow, all: readonly Clause[]): boolean {
  return all.every(([field, operator, wanted]) => {
    const value = row[field] ?? null;
    if (operator === "IS") return value === null;
    if (operator === "IS NOT") return value !== null;
    if (value === null) return false;
    if (operator === "IN" || operator === "NOT IN") return (wanted as wire.Json[]).includes(value as wire.Json) === (operator === "IN");
    if (operator === "LIKE" || operator === "ILIKE") return like(String(wanted), operator === "ILIKE").test(String(value));
    const order = compare(value, wanted);
    return { "=": order === 0, "!=": order !== 0, "<": order < 0, "<=": order <= 0, ">": order > 0, ">=": order >= 0 }[operator as string] ?? false;
  });
}

const like = (pattern: string, anyCase: boolean): RegExp => {
  const source = pattern.replace(/[.*+?^${}()|[\]\\]/g, "\\$&").replaceAll("%", ".*").replaceAll("_", ".");
  return new RegExp(`^${source}$`, anyCase ? "isu" : "su");
};

const DIGITS = /^-?\d+(?:\.\d+)?$/;

/** Null comes last. */
/** @internal */ export function compare(one: unknown, other: unknown): number {
  if (one === other) return 0;
  if (one === null || one === undefined) return 1;
  if (other === null || other === undefined) return -1;
  if (typeof one === "string" && typeof other === "string" && DIGITS.test(one) && DIGITS.test(other)) return compareDigits(one, other);
  return (one as string) < (other as string) ? -1 : (one as string) > (other as string) ? 1 : 0;
}

/** Exact, however many digits there are. */
function compareDigits(one: string, other: string): number {
  const scale = Math.max(...[one, other].map((text) => text.length - (text + ".").indexOf(".")));
  const whole = (text: string): bigint => {
    const [before = "", after = ""] = text.split(".");
    return BigInt(before + after.padEnd(scale, "0"));
  };
  const [left, right] = [whole(one), whole(other)];
  return left < right ? -1 : left > right ? 1 : 0;
}
