// The coordinator's page while others write, claim and wait. Arguments: the address of the
// coordinator, its key, the path of the screenshot.
import assert from "node:assert/strict";
import { browse, shows } from "./browser.mjs";

const [url, key, screenshot] = process.argv.slice(2);
const HOSTILE =
  "<script>document.title='taken'</script><img src=x onerror=\"document.title='taken'\">";

const ask = async (token, method, path, body) => {
  const headers = {
    authorization: `Bearer ${token}`,
    "ablo-holder": "page",
    "content-type": "application/json",
  };
  const response = await fetch(`${url}/api${path}`, {
    method,
    headers,
    body: body && JSON.stringify(body),
  });
  const text = await response.text();
  assert.ok(response.ok, `${method} ${path}: ${response.status} ${text}`);
  return text ? JSON.parse(text) : undefined;
};
const agent = async (id) =>
  (await ask(key, "POST", "/auth/capability", { participantKind: "agent", participantId: id }))
    .token;

await browse(async (page, faults) => {
  const [writer, second] = [await agent("writer"), await agent("second")];
  await page.goto(`${url}/#${key}`);
  await shows(page, "#state", "live");
  await shows(page, "#rows", "No rows.");
  await shows(page, "#peers", "No one else.");
  assert.equal(await page.locator("#login").isVisible(), false, "who has a key is not asked for one");
  await ask(key, "POST", "/v1/models/reports", { id: "r1", data: { title: HOSTILE } });
  await ask(key, "POST", "/v1/models/reports", { id: "r2", data: { title: "Rain" } });
  await shows(page, "#rows td", HOSTILE);
  await shows(page, "#deltas li", "created Report/r2");
  assert.equal(await page.title(), "ablo", "values of rows are shown as text");

  await ask(writer, "POST", "/v1/models/reports/r2/claim", { action: "forecasting", ttl: 60 });
  await shows(page, "#claims li", "agent:writer, forecasting");
  await shows(page, "#rows td", "held by agent:writer");
  await ask(second, "POST", "/v1/models/reports/r2/claim", { action: "reviewing", ttl: 60 });
  await shows(page, "#claims li", "waiting: agent:second");
  await ask(writer, "PATCH", "/v1/models/reports/r2", { data: { title: "Rain, then sun" } });
  await shows(page, "#rows td", "Rain, then sun");
  await shows(page, "#deltas li", "changed Report/r2");
  await page.screenshot({ path: screenshot });

  await ask(writer, "DELETE", "/v1/models/reports/r2/claim");
  await shows(page, "#claims li", "agent:second, reviewing");
  await ask(second, "DELETE", "/v1/models/reports/r2");
  await shows(page, "#deltas li", "deleted Report/r2");
  await page
    .locator("#rows td", { hasText: "Rain, then sun" })
    .waitFor({ state: "detached", timeout: 10_000 });

  // The keyboard selects the next model.
  await page.locator("#models button", { hasText: "reports" }).focus();
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await shows(page, "#title", "stations");
  assert.deepEqual(faults, []);

  // Scripts from elsewhere do not run.
  const ran = await page.evaluate(() => {
    const script = document.createElement("script");
    script.textContent = "window.taken = true";
    document.body.append(script);
    return window.taken === true;
  });
  assert.equal(ran, false, "the content security policy blocks other scripts");
  assert.ok(
    faults.some((fault) => fault.includes("Content Security Policy")),
    "the browser reports the violation",
  );
});
