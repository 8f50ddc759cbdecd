// Helpers shared by the programs of this folder.

import { connect, type Ablo, type runtime } from "./typescript/index.js";

declare const process: { argv: string[]; exitCode: number; exit(code: number): never };
declare const console: { log(text: string): void; error(text: unknown): void };
declare const setTimeout: (run: () => void, milliseconds: number) => { unref?(): void };

export const url: string = process.argv[2] ?? "";
export const key: string = process.argv[3] ?? "";
/** Further arguments. */
export const more: readonly string[] = process.argv.slice(4);

export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new Error(message);
}

/** Compares two values by their JSON text. */
export function equal(actual: unknown, expected: unknown, message: string): void {
  const [left, right] = [JSON.stringify(actual), JSON.stringify(expected)];
  if (left !== right) throw new Error(`${message}: ${left} is not ${right}`);
}

export const sleep = (milliseconds: number): Promise<void> =>
  new Promise((done) => void setTimeout(done, milliseconds));

/** Waits until a condition holds. */
export async function until(
  condition: () => unknown,
  message: string,
  milliseconds: number = 20_000,
): Promise<void> {
  const end = Date.now() + milliseconds;
  while (!condition()) {
    if (Date.now() > end) throw new Error(`timed out: ${message}`);
    await sleep(10);
  }
}

/** Returns the error that a call throws. */
export async function refused<T>(call: PromiseLike<T>): Promise<runtime.AbloError> {
  try {
    await call;
  } catch (error) {
    return error as runtime.AbloError;
  }
  throw new Error("the call succeeded");
}

export const client = (options: Partial<runtime.ClientOptions> = {}): Ablo =>
  connect({ baseURL: url, apiKey: key, ...options });

/** Runs a program and ends the process. */
export function main(run: () => Promise<void>): void {
  // Node.js exits silently if a promise never settles; that must not count as success.
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
