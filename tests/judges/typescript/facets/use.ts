// What fields say beyond their type reaches a program that uses them.
import type { DefaultCreate, Gauge, GaugeCreate, GaugePatch, ShapeBody, ShapeCreate, Shape } from "./typescript/index.js";

// A create leaves out what has a default, and only that; a row always has it.
export const create: GaugeCreate = { decimal: "1.50", token: "67e55044-10b1-426f-9247-bb680e5fe0c8" };
// @ts-expect-error nobody says what the token is otherwise
export const lacking: GaugeCreate = { decimal: "1.50" };
export const exact = (gauge: Gauge): [bigint, number] => [BigInt(gauge.int64) + 1n, gauge.uint8];
export const nothing: DefaultCreate = {};
// @ts-expect-error a default does not make a field nullable
export const cleared: GaugeCreate = { ...create, int8: null };
export const optional: GaugeCreate = { ...create, int32: null };
// @ts-expect-error nor can a patch clear it
export const patch: GaugePatch = { int8: null };

// Digits are text, and text that is no digits is none.
export const wide: GaugePatch = { int64: "9223372036854775807", uint64: `${2n ** 64n - 1n}`, price: "-0.50" };
// @ts-expect-error a number would have been rounded already
export const rounded: GaugePatch = { int64: 9007199254740993 };
// @ts-expect-error no number
export const word: GaugePatch = { decimal: "much" };

// JSON with a shape is typed.
const body: ShapeBody = { title: "a", kind: "it's", tags: ["b"], point: [1, 2], parent: null, scores: { c: 1 } };
export const shaped: ShapeCreate = { body, plain: { x: null }, anything: [true] };
export const parent = (shape: Shape): number | undefined => shape.body.parent?.id;
// @ts-expect-error one of the listed values
export const kind: ShapeBody["kind"] = "b";
