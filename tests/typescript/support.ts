// What the programs of this folder share.

import { connect, type Ablo, type runtime } from "./typescript/index.js";

declare const process: { argv: string[]; exitCode: number; exit(code: number): never };
declare const console: { log(text: string): void; error(text: unknown): void };
declare const setTimeout: (run: () => void, milliseconds: number) => { unref?(): void };

export const url: string = process.argv[2] ?? "";
export const key: string = process.argv[3] ?? "";
/** Further arguments. */
export const more: readonly string[] = process.argv.slice(4);

export function assert(so: unknown, why: string): asserts so {
  if (!so) throw new Error(why);
}

/** Compares by what JSON says. */
export function equal(found: unknown, wanted: unknown, why: string): void {
  const [one, other] = [JSON.stringify(found), JSON.stringify(wanted)];
  if (one !== other) throw new Error(`${why}: ${one} is not ${other}`);
}

export const sleep = (milliseconds: number): Promise<void> => new Promise((done) => void setTimeout(done, milliseconds));

/** Waits until something is so. */
export async function until(so: () => unknown, why: string, milliseconds: number = 20_000): Promise<void> {
  const end = Date.now() + milliseconds;
  while (!so()) {
    if (Date.now() > end) throw new Error(`never: ${why}`);
    await sleep(10);
  }
}

/** What a call throws. */
export async function refused<T>(call: PromiseLike<T>): Promise<runtime.AbloError> {
  try {
    await call;
  } catch (error) {
    return error as runtime.AbloError;
  }
  throw new Error("it was not refused");
}

export const client = (options: Partial<runtime.Options> = {}): Ablo => connect({ baseURL: url, apiKey: key, ...options });

/** Runs a program, which ends the process. */
export function main(run: () => Promise<void>): void {
  // A program that waits for nothing ends quietly, which is no success.
  process.exitCode = 13;
  run().then(
    () => process.exit(0),
    (error: unknown) => {
      console.error(error);
      process.exit(1);
    },
  );
}

export const say = (line: string): void => console.log(line);
