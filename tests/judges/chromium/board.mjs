// Two users in two tabs and an agent edit one report. Arguments: the address of the board, a key,
// the path of the screenshot.
import assert from "node:assert/strict";
import { browse, shows } from "./browser.mjs";

const [url, key, screenshot] = process.argv.slice(2);

await browse(async (ada, faults) => {
  const ben = await ada.context().newPage();
  ben.on("console", (line) => line.type() === "error" && faults.push(line.text()));
  ben.on("pageerror", (error) => faults.push(String(error)));
  await ada.goto(`${url}/?user=ada`);
  await ben.goto(`${url}/?user=ben`);
  for (const tab of [ada, ben]) await shows(tab, "#state", "live");
  await ada.locator("#add input").fill("Stockholm");
  await ada.keyboard.press("Enter");
  await shows(ben, "h2", "Stockholm");

  // A user who types holds the report, and all see the holder and the action.
  await ada.locator("textarea").focus();
  await shows(ben, ".holder", "ada is typing");
  assert.ok(await ben.locator("textarea").isDisabled(), "other users cannot type in the meantime");
  await ada.keyboard.type("Cold.");
  await ben.waitForFunction(() => document.querySelector("textarea").value === "Cold.", undefined, {
    timeout: 10_000,
  });

  // An agent joins the claim queue.
  const ask = async (token, method, path, body) => {
    const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
    const response = await fetch(`${url}/api${path}`, {
      method,
      headers,
      body: JSON.stringify(body),
    });
    assert.ok(response.ok, `${method} ${path}: ${response.status}`);
    return response.json();
  };
  const { token } = await ask(key, "POST", "/auth/capability", {
    participantKind: "agent",
    participantId: "checker",
  });
  const {
    data: [row],
  } = await (
    await fetch(`${url}/api/v1/models/reports`, { headers: { authorization: `Bearer ${key}` } })
  ).json();
  const target = { model: "reports", id: row.id };
  await ask(token, "POST", "/v1/intents", {
    intentId: "int_checker",
    target,
    action: "checking",
    queue: true,
  });
  await shows(ben, ".holder", "ada is typing, 1 waiting");
  await ben.screenshot({ path: screenshot });

  // A refused write is reverted and shows the reason.
  await ben.locator("button.ask").click();
  await shows(ben, "#fault", "ada");
  await shows(ben, ".status", "draft");

  // Leaving the text promotes the next waiter.
  await ada.locator("h1").click();
  await shows(ben, ".holder", "agent:checker is checking");
  await ask(token, "DELETE", "/v1/intents/int_checker", {});
  await ben
    .locator(".holder", { hasText: "checking" })
    .waitFor({ state: "detached", timeout: 10_000 })
    .catch(() => {});
  await ada.locator("button.ask").click();
  for (const tab of [ada, ben]) await shows(tab, ".holder", "agent:forecaster is forecasting");
  for (const tab of [ada, ben]) await shows(tab, ".status", "ready");
  const expected = "Cold.\nStockholm: rain in the morning, then sun.";
  for (const tab of [ada, ben]) assert.equal(await tab.locator("textarea").inputValue(), expected);

  // A page that is opened later shows the same, and a closed one disappears from the others.
  const late = await ada.context().newPage();
  await late.goto(`${url}/?user=cleo`);
  await shows(late, "h2", "Stockholm");
  assert.equal(await late.locator("textarea").inputValue(), expected);
  // The claim of a closed page ends when its lease expires.
  await late.locator("textarea").focus();
  for (const tab of [ada, ben]) await shows(tab, ".holder", "cleo is typing");
  await late.close();
  const removed = ada.locator("article").waitFor({ state: "detached", timeout: 30_000 });
  const clicking = setInterval(
    () =>
      void ben
        .locator("button.delete")
        .click({ timeout: 900 })
        .catch(() => {}),
    1000,
  );
  await removed;
  clearInterval(clicking);
  // Browsers log the 409 response of the refused write.
  assert.deepEqual(
    faults.filter((fault) => !fault.includes("409")),
    [],
  );
});
