// A browser of the system with an empty profile, and what went wrong in it.
import { chromium } from "playwright-core";

const quiet = [
  "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
];

/** Runs `visit` with a page; whatever the page logs as an error or throws is a fault. */
export const browse = async (visit) => {
  // The browser's own sandbox wants a user who is not root.
  const sandbox = process.getuid() === 0 ? ["--no-sandbox"] : [];
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: [...quiet, ...sandbox] });
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

/** Waits until text is on the page, below a selector. */
export const shows = async (page, selector, text) => {
  await page.locator(selector).filter({ hasText: text }).first().waitFor({ timeout: 10_000 });
};
