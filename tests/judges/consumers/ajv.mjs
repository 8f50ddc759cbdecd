// Compiles every definition of both JSON Schemas with the default options of Ajv, and validates
// row.json, a row of the model `reports`, if the schema has that model.

import { readFileSync } from "node:fs";
import Ajv from "ajv/dist/2020.js";
import addFormats from "ajv-formats";

for (const file of ["models", "wire"]) {
  const schema = JSON.parse(readFileSync(`json-schema/${file}.json`, "utf8"));
  const ajv = new Ajv({ logger: false });
  addFormats(ajv);
  ajv.addSchema(schema);
  for (const name of Object.keys(schema.$defs)) ajv.getSchema(`${schema.$id}#/$defs/${name}`);
  const report = schema.$defs.Report && ajv.getSchema(`${schema.$id}#/$defs/Report`);
  if (report && !report(JSON.parse(readFileSync("row.json", "utf8")))) {
    throw new Error(JSON.stringify(report.errors));
  }
}
