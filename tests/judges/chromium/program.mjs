// Runs a program of tests/typescript/ in a page and prints its output. Arguments: the bundle, then
// the arguments of the program.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { browse } from "./browser.mjs";

const [bundle, ...own] = process.argv.slice(2);

await browse(async (page, faults) => {
  const ended = new Promise((done) => page.exposeFunction("ended", done));
  page.on("console", (line) => line.type() === "log" && console.log(line.text()));
  await page.setContent("<!doctype html><title>program</title><body></body>");
  await page.evaluate(
    (own) =>
      (globalThis.process = {
        argv: ["", "", ...own],
        exitCode: 0,
        exit: (code) => globalThis.ended(code),
      }),
    own,
  );
  await page.addScriptTag({ content: readFileSync(bundle, "utf8") });
  const code = await Promise.race([
    ended,
    new Promise((resolve) => setTimeout(() => resolve("timeout"), 90_000)),
  ]);
  // Browsers log the responses of refused requests.
  const other = faults.filter((fault) => !/status of 4\d\d/.test(fault));
  assert.deepEqual([code, other], [0, []]);
});
process.exit(0);
