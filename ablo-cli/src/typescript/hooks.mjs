// Lets Node.js import TypeScript, with the compiler of the project or its own.
import { readFileSync } from "node:fs";
import * as nodeModule from "node:module";
import { fileURLToPath } from "node:url";

let compile;
let port;

export function initialize(data) {
  const { path } = data;
  ({ port } = data);
  const require = nodeModule.createRequire(path);
  const find = (name) => {
    try {
      return require(name);
    } catch {
      return undefined;
    }
  };
  const esbuild = find("esbuild");
  const typescript = esbuild ? undefined : find("typescript");
  if (typeof esbuild?.transformSync === "function") {
    compile = (text) => esbuild.transformSync(text, { loader: "ts", format: "esm" }).code;
  } else if (typeof typescript?.transpileModule === "function") {
    const compilerOptions = {
      module: typescript.ModuleKind.ESNext,
      target: typescript.ScriptTarget.ES2022,
    };
    compile = (text) => typescript.transpileModule(text, { compilerOptions }).outputText;
  } else if (nodeModule.stripTypeScriptTypes) {
    compile = (text) => nodeModule.stripTypeScriptTypes(text);
  }
}

/** Reports a file that is read, or that was looked for. */
function report(url) {
  if (url.startsWith("file:")) port.postMessage(fileURLToPath(url));
}

const isTypeScript = (path) => /\.[cm]?ts$/.test(path);

// Imports of TypeScript name the file, the file that it is compiled to, or neither ending.
export async function resolve(specifier, context, next) {
  const isRelative = /^\.{0,2}\//.test(specifier);
  const others = isRelative
    ? [specifier.replace(/\.([cm]?)js$/, ".$1ts"), `${specifier}.ts`, `${specifier}/index.ts`]
    : [];
  try {
    return await next(specifier, context);
  } catch (error) {
    for (const other of others) {
      try {
        return await next(other, context);
      } catch {
        // The first error is reported.
      }
    }
    for (const missing of isRelative ? [specifier, ...others] : []) {
      report(new URL(missing, context.parentURL).href);
    }
    throw error;
  }
}

export async function load(url, context, next) {
  if (!url.includes("/node_modules/")) report(url);
  if (!url.startsWith("file:") || !isTypeScript(new URL(url).pathname)) return next(url, context);
  if (!compile) throw new Error("ablo: no compiler of TypeScript");
  const text = readFileSync(fileURLToPath(url), "utf8");
  return { format: "module", shortCircuit: true, source: compile(text) };
}
