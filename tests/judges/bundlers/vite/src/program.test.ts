import { expect, test } from "vitest";
import { program } from "@program";

declare const process: { env: { [name: string]: string | undefined } };

test("the client works", async () => {
  const { ABLO_URL = "", ABLO_KEY = "" } = process.env;
  const seen = await program(ABLO_URL, ABLO_KEY);
  console.log(seen);
  expect(seen).toContain("Stockholm");
});
