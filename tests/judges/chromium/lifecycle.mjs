// Sends a page the events of its life and cuts its network. Arguments: the bundle of
// tests/typescript/lifecycle.ts, the address of the coordinator and its key.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { browse } from "./browser.mjs";

const [bundle, url, key] = process.argv.slice(2);

const create = async (id, title) => {
  const response = await fetch(`${url}/api/v1/models/reports`, {
    method: "POST",
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
    body: JSON.stringify({ id, data: { title } }),
  });
  assert.ok(response.ok, await response.text());
};

await browse(async (page, faults) => {
  const ended = new Promise((done) => page.exposeFunction("ended", done));
  const [pings, sockets] = [[], []];
  page.on("websocket", (socket) => {
    sockets.push(socket);
    socket.on("framesent", ({ payload }) => {
      if (payload === '{"type":"ping"}') pings.push(Date.now());
    });
  });
  await page.setContent("<!doctype html><title>page</title><body></body>");
  await page.evaluate(
    (own) =>
      (globalThis.process = {
        argv: ["", "", ...own],
        exitCode: 0,
        exit: (code) => globalThis.ended(code),
      }),
    [url, key],
  );
  await page.addScriptTag({ content: readFileSync(bundle, "utf8") });
  await page.waitForFunction(() => globalThis.events !== undefined);

  /** Waits for a ping that is sent because of an event, long before the next one by a timer. */
  const asked = async (since) => {
    while (!pings.some((at) => at >= since)) {
      assert.ok(Date.now() - since < 3000, "the connection is asked at once");
      await new Promise((done) => setTimeout(done, 20));
    }
  };
  // The browser freezes hidden pages only, and headless ones are visible. These events do not
  // bubble to the window.
  for (const type of ["freeze", "resume"]) {
    const since = Date.now();
    await page.evaluate((type) => document.dispatchEvent(new Event(type)), type);
    if (type === "resume") await asked(since);
  }
  await create("a", "later");
  await page.waitForFunction(() => globalThis.title === "later");

  await page.context().setOffline(true);
  await page.waitForFunction(() => !navigator.onLine);
  const back = Date.now();
  await page.context().setOffline(false);
  await asked(back);
  assert.deepEqual(await page.evaluate(() => globalThis.events), ["freeze", "resume", "online"]);
  assert.equal(sockets.length, 1, "one connection");

  await page.evaluate(() => (globalThis.over = true));
  assert.deepEqual([await ended, faults], [0, []]);
});
process.exit(0);
