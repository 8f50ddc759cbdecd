// Runs the system's browser with an empty profile and collects its errors.
import { chromium } from "playwright-core";

const flags = [
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** Runs `visit` with a page. Errors that the page logs or throws are faults. */
export const browse = async (visit) => {
  // The sandbox of the browser does not work as root.
  const sandbox = process.getuid() === 0 ? ["--no-sandbox"] : [];
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: [...flags, ...sandbox],
  });
  try {
    const context = await browser.newContext({ viewport: { width: 1280, height: 720 } });
    const page = await context.newPage();
    const faults = [];
    page.on("console", (line) => line.type() === "error" && faults.push(line.text()));
    page.on("pageerror", (error) => faults.push(String(error)));
    await visit(page, faults);
  } finally {
    await browser.close();
  }
};

/** Waits until an element that matches a selector shows a text. */
export const shows = async (page, selector, text) => {
  await page.locator(selector).filter({ hasText: text }).first().waitFor({ timeout: 10_000 });
};
