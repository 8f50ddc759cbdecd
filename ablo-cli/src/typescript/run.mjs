// Prints the document of a schema in TypeScript or JavaScript, and the files that it imports.
import { writeSync } from "node:fs";
import { register } from "node:module";
import { pathToFileURL } from "node:url";
import { MessageChannel, receiveMessageOnPort } from "node:worker_threads";

const [, path, hooks] = process.argv;
// Standard output is the document's.
console.log = console.info = console.debug = console.error;
const { port1: imports, port2: port } = new MessageChannel();
const module = `data:text/javascript,${encodeURIComponent(hooks)}`;
register(module, { data: { path, port }, transferList: [port] });

let isPrinted = false;
const printed = (document) => {
  isPrinted = true;
  const files = [];
  for (let one; (one = receiveMessageOnPort(imports)); ) files.push(one.message);
  return JSON.stringify({ files, document });
};
process.on("exit", () => {
  if (!isPrinted) writeSync(1, printed());
});

const exported = await import(pathToFileURL(path).href);
const schema = exported.default ?? exported.schema;
if (schema === undefined || schema === null) {
  console.error("ablo: no schema is exported");
  process.exit(1);
}
process.stdout.write(printed(typeof schema === "string" ? schema : JSON.stringify(schema)));
