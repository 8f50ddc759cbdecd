// Prints the size of a TypeScript file in bytes after minification and gzip.
import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { transform } from "esbuild";

const { code } = await transform(readFileSync(process.argv[2], "utf8"), {
  loader: "ts",
  minify: true,
  target: "es2022",
  format: "esm",
});
console.log(gzipSync(code, { level: 9 }).length);
