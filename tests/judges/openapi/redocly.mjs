// Lints OpenAPI documents with Redocly. Prints one line per problem and exits with status 10 if
// there are any. Only rules about documents that tools would misread are enabled, without style
// rules. no-required-schema-properties-undefined is disabled because it crashes on a field
// `hasOwnProperty`.

import { createConfig, lint } from "@redocly/openapi-core";

const config = await createConfig({
  rules: Object.fromEntries(
    [
      "struct",
      "spec-strict-refs",
      "no-unresolved-refs",
      "no-identical-paths",
      "no-ambiguous-paths",
      "no-path-trailing-slash",
      "no-schema-type-mismatch",
      "no-enum-type-mismatch",
      "no-invalid-media-type-examples",
      "no-invalid-schema-examples",
      "no-duplicated-tag-names",
      "no-server-trailing-slash",
      "no-undefined-server-variable",
      "operation-operationId",
      "operation-operationId-unique",
      "operation-operationId-url-safe",
      "operation-parameters-unique",
      "operation-summary",
      "operation-tag-defined",
      "operation-2xx-response",
      "path-declaration-must-exist",
      "path-not-include-query",
      "path-parameters-defined",
      "security-defined",
      "tag-description",
    ].map((rule) => [rule, "error"]),
  ),
});

let problems = 0;
for (const file of process.argv.slice(2)) {
  for (const problem of await lint({ ref: file, config })) {
    problems += 1;
    const at = problem.location[0]?.pointer ?? "";
    console.log(`${file}: ${at}: ${problem.ruleId}: ${problem.message.replaceAll("\n", " ")}`);
  }
}
process.exitCode = problems === 0 ? 0 : 10;
