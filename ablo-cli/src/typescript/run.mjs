// Prints the document of a schema in TypeScript or JavaScript.
import { register } from "node:module";
import { pathToFileURL } from "node:url";

const [, path, hooks] = process.argv;
// Standard output is the document's.
console.log = console.info = console.debug = console.error;
register(`data:text/javascript,${encodeURIComponent(hooks)}`, { data: path });
const exported = await import(pathToFileURL(path).href);
const schema = exported.default ?? exported.schema;
if (schema === undefined || schema === null) {
  console.error("ablo: no schema is exported");
  process.exit(1);
}
process.stdout.write(typeof schema === "string" ? schema : JSON.stringify(schema));
