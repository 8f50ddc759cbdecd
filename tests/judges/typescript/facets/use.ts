// Facets of fields are visible in the emitted types.
import type {
  DefaultCreate,
  Gauge,
  GaugeCreate,
  GaugePatch,
  ShapeBody,
  ShapeCreate,
  Shape,
} from "./typescript/index.js";

// Creates may omit members with defaults only; rows contain them.
export const create: GaugeCreate = {
  decimal: "1.50",
  token: "67e55044-10b1-426f-9247-bb680e5fe0c8",
};
// @ts-expect-error the token has no default
export const lacking: GaugeCreate = { decimal: "1.50" };
export const exact = (gauge: Gauge): [bigint, number] => [BigInt(gauge.int64) + 1n, gauge.uint8];
export const nothing: DefaultCreate = {};
// @ts-expect-error a default does not make a field nullable
export const cleared: GaugeCreate = { ...create, int8: null };
export const optional: GaugeCreate = { ...create, int32: null };
// @ts-expect-error a patch cannot clear it
export const patch: GaugePatch = { int8: null };

// Numbers in text must consist of digits.
export const wide: GaugePatch = {
  int64: "9223372036854775807",
  uint64: `${2n ** 64n - 1n}`,
  price: "-0.50",
};
// @ts-expect-error a number may be rounded
export const rounded: GaugePatch = { int64: 9007199254740993 };
// @ts-expect-error not a number
export const word: GaugePatch = { decimal: "much" };

// JSON fields with a shape are typed.
const body: ShapeBody = {
  title: "a",
  kind: "it's",
  tags: ["b"],
  point: [1, 2],
  parent: null,
  scores: { c: 1 },
};
export const shaped: ShapeCreate = { body, plain: { x: null }, anything: [true] };
export const parent = (shape: Shape): number | undefined => shape.body.parent?.id;
// @ts-expect-error one of the listed values
export const kind: ShapeBody["kind"] = "b";
