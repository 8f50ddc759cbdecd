// The program on a command line: `main URL KEY`.
import { program } from "@program";

declare const process: { argv: string[]; exitCode: number };
declare const console: { log(text: unknown): void };

const [url = "", key = ""] = process.argv.slice(-2);
program(url, key).then(
  (seen) => console.log(seen),
  (error: unknown) => {
    console.log(error);
    process.exitCode = 1;
  },
);
