// A clock and a page for tests: timers run when the clock is advanced, and late if the page is
// hidden or the machine sleeps.

type Run = () => void;

interface Planned {
  due: number;
  /** The number of timers that set each other before this one. */
  chain: number;
  run: Run;
}

interface Globals {
  setTimeout(run: Run, milliseconds?: number): unknown;
  clearTimeout(timer: unknown): void;
  setImmediate(run: Run): void;
  addEventListener?: (type: string, listener: (event: { type: string }) => void) => void;
  removeEventListener?: (type: string, listener: (event: { type: string }) => void) => void;
  document?: { visibilityState: string };
}

const globals = globalThis as unknown as Globals;
const { setImmediate } = globals;
const [realSetTimeout, realClearTimeout, realNow] = [
  globals.setTimeout,
  globals.clearTimeout,
  Date.now,
];

/** The length of a minute, the interval of timers in a hidden page. */
const MINUTE = 60_000;

/** Runs what has been resolved, without timers. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 10; turn += 1) await new Promise<void>((done) => setImmediate(done));
}

/** Replaces the global clock and timers, and adds the events of a page. */
export class FakeClock {
  now = 1_750_000_000_000;
  /** Whether timers run once a minute: those in a chain of five, as in Chromium, or all. */
  hidden: "no" | "chains" | "all" = "no";
  readonly #start: number = this.now;
  readonly #timers: Map<object, Planned> = new Map();
  readonly #listeners: Map<string, Set<(event: { type: string }) => void>> = new Map();
  #chain = 0;

  constructor() {
    Date.now = () => this.now;
    globals.setTimeout = (run, milliseconds = 0) => {
      const timer = { unref: () => {} };
      this.#timers.set(timer, { due: this.now + milliseconds, chain: this.#chain + 1, run });
      return timer;
    };
    globals.clearTimeout = (timer) => void this.#timers.delete(timer as object);
    globals.addEventListener = (type, listener) => {
      const all = this.#listeners.get(type) ?? new Set();
      this.#listeners.set(type, all.add(listener));
    };
    globals.removeEventListener = (type, listener) =>
      void this.#listeners.get(type)?.delete(listener);
    globals.document = { visibilityState: "visible" };
  }

  /** Restores the globals. */
  end(): void {
    [globals.setTimeout, globals.clearTimeout, Date.now] = [
      realSetTimeout,
      realClearTimeout,
      realNow,
    ];
    delete globals.addEventListener;
    delete globals.removeEventListener;
    delete globals.document;
  }

  /** The number of listeners for events of the page. */
  get listeners(): number {
    return [...this.#listeners.values()].reduce((sum, all) => sum + all.size, 0);
  }

  #time({ due, chain }: Planned): number {
    const isDelayed = this.hidden === "all" || (this.hidden === "chains" && chain >= 5);
    return isDelayed ? this.#start + Math.ceil((due - this.#start) / MINUTE) * MINUTE : due;
  }

  async #runDue(until: number): Promise<boolean> {
    const [first] = [...this.#timers].sort(
      ([, one], [, other]) => this.#time(one) - this.#time(other),
    );
    if (first === undefined || this.#time(first[1]) > until) return false;
    const [timer, planned] = first;
    this.#timers.delete(timer);
    this.now = Math.max(this.now, this.#time(planned));
    this.#chain = planned.chain;
    planned.run();
    // What the timer resolved belongs to its task, what others send does not.
    await Promise.resolve();
    this.#chain = 0;
    await settle();
    return true;
  }

  /** Lets time pass. */
  async advance(milliseconds: number): Promise<void> {
    await settle();
    const until = this.now + milliseconds;
    while (await this.#runDue(until));
    this.now = until;
  }

  /** Lets time pass without timers. They run afterwards, late. */
  async sleep(milliseconds: number): Promise<void> {
    await settle();
    this.now += milliseconds;
  }

  /** Dispatches an event of the page. */
  async dispatch(type: string): Promise<void> {
    for (const listener of [...(this.#listeners.get(type) ?? [])]) listener({ type });
    await settle();
  }

  /** Shows or hides the page. */
  async show(visibilityState: "visible" | "hidden"): Promise<void> {
    globals.document = { visibilityState };
    await this.dispatch("visibilitychange");
  }
}
