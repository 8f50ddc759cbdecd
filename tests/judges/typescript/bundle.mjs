// Bundles a program with its imports into one script. Arguments: the program, the output file.
import { build } from "esbuild";

const [entry, outfile] = process.argv.slice(2);
await build({
  entryPoints: [entry],
  outfile,
  bundle: true,
  format: "iife",
  target: "es2022",
  logLevel: "error",
  external: ["./node_socket.js"],
  define: { "process.env.NODE_ENV": '"production"' },
});
