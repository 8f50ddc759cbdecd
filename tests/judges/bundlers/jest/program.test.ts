import { program } from "@program";

test("the client works", async () => {
  const { ABLO_URL = "", ABLO_KEY = "" } = process.env;
  process.stdout.write(`${await program(ABLO_URL, ABLO_KEY)}\n`);
}, 60_000);
