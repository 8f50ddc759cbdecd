// React components over local rows. Arguments: the address of the coordinator, its key, the bundle.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { browse, shows } from "./browser.mjs";

const [url, key, bundle] = process.argv.slice(2);
const ask = async (method, path, body) => {
  const headers = {
    authorization: `Bearer ${key}`,
    "ablo-holder": "react",
    "content-type": "application/json",
  };
  const response = await fetch(`${url}/api${path}`, {
    method,
    headers,
    body: body && JSON.stringify(body),
  });
  assert.ok(response.ok, `${method} ${path}: ${response.status}`);
};

await browse(async (page, faults) => {
  await ask("POST", "/v1/models/reports", { id: "r1", data: { title: "Oslo" } });
  // The coordinator accepts pages of any origin.
  await page.setContent("<!doctype html><title>React</title><body></body>");
  await page.addScriptTag({ content: readFileSync(bundle, "utf8") });
  await page.evaluate(([url, key]) => globalThis.start(url, key), [url, key]);
  await shows(page, "#titles", "Oslo");
  await shows(page, "#holder", "none");
  await ask("PATCH", "/v1/models/reports/r1", { data: { title: "Oslo, Monday" } });
  await shows(page, "#titles", "Oslo, Monday");
  await page.locator("#add").click();
  await shows(page, "#titles", "Bergen, Oslo, Monday");
  await ask("POST", "/v1/models/reports/r1/claim", { action: "reviewing" });
  await shows(page, "#holder", "reviewing");

  // Changes of unused rows and fields do not render a component.
  const before = await page.evaluate(() => globalThis.renders);
  await ask("PATCH", "/v1/models/reports/r1", { data: { body: "Fog." } });
  await ask("POST", "/v1/models/counters", { id: "c", data: { value: 1 } });
  await ask("DELETE", "/v1/models/reports/r1/claim");
  await shows(page, "#holder", "none");
  assert.equal(await page.evaluate(() => globalThis.renders), before);
  assert.deepEqual(faults, []);
});
