// Valid and invalid values of each field kind.

import { schema } from "./typescript/descriptors.js";
import { validate } from "./typescript/validate.js";
import { equal, main } from "./support.js";

const reports = schema.models.find((model) => model.key === "reports")!;
const problems = (patch: object): string[] =>
  validate(reports, patch, "patch").map((problem) => problem.param);

main(async () => {
  const valid: Record<string, unknown[]> = {
    title: ["", "x\u2028", "😀"],
    status: ["draft", "ready"],
    body: [null, "x"],
    confidence: [0, 255, -0, null],
    dueAt: [
      "2026-06-01T08:00:00.000Z",
      "2026-06-01T08:00:00Z",
      "2026-06-01T10:00:00.123456+02:00",
      "1970-01-01T00:00:00Z",
      null,
    ],
    readers: ["0", "-9223372036854775808", "9223372036854775807"],
    price: ["0", "-0.5", "12345678.1234", "0.0001"],
    sources: [{}, [], 1, "x", false, [null]],
  };
  const rejected: Record<string, unknown[]> = {
    title: [1, {}, [], true, null, "\0"],
    status: [1, null, "redy"],
    body: [1, []],
    confidence: [-1, 256, 1.5, "1", NaN, Infinity],
    dueAt: ["yesterday", "2026-06-01", 0, "2026-13-01T00:00:00Z", "2026-06-01T08:00:00", {}],
    readers: [1, "9223372036854775808", "-9223372036854775809", "1.0", "01", "+1", "", " 1", "1e3"],
    price: [1, "123456789.0", "1.00001", "1.", ".5", "1e3", "", "--1", "NaN"],
  };
  for (const [name, values] of Object.entries(valid))
    for (const value of values)
      equal(problems({ [name]: value }), [], `${name}: ${JSON.stringify(value)}`);
  for (const [name, values] of Object.entries(rejected)) {
    for (const value of values)
      equal(problems({ [name]: value }), [`reports.${name}`], `${name}: ${String(value)}`);
  }
  const newer = { id: "r", title: "x", status: "retracted" };
  equal(validate(reports, newer, "row"), [], "a newer program may have written other values");
  equal(problems({ unknown: 1 }), [], "unknown members are accepted");
  equal(problems({}), [], "an empty patch is valid");
  const missing = (as: "row" | "create"): string[] =>
    validate(reports, {}, as).map((problem) => problem.param);
  equal(missing("create"), ["reports.title"], "members with defaults are optional in a create");
  equal(
    missing("row"),
    ["reports.title", "reports.status", "reports.id"],
    "a row has all required members",
  );
  equal(validate(reports, [], "row").length, 1, "a list is not a row");
});
