// Changes that start from the current value of a field, applied to local rows until the coordinator
// has confirmed them.

type Members = { readonly [member: string]: unknown };

/** For each member, one operation with the value by which it is changed. */
/** @internal */ export type Relative = {
  readonly [member: string]: { readonly [operation: string]: unknown };
};

/** Returns a row with changes applied. */
/** @internal */ export function adjusted(row: Members, changes: Relative): Members {
  const result: { [member: string]: unknown } = { ...row };
  for (const [member, change] of Object.entries(changes))
    for (const [operation, by] of Object.entries(change))
      result[member] = changed(row[member] ?? undefined, operation, by);
  return result;
}

// A value that does not fit is refused by the coordinator; the local row stays as it is.
function changed(value: unknown, operation: string, by: unknown): unknown {
  if (typeof by === "number") return Number(value ?? 0) + by;
  if (typeof by === "string") {
    if (operation === "append") return `${value ?? ""}${by}`;
    try {
      return sum(String(value ?? 0), by);
    } catch {
      return value;
    }
  }
  if (!Array.isArray(by) || !Array.isArray(value ?? [])) return value;
  const list = [...((value as unknown[] | undefined) ?? [])];
  if (operation === "remove") return list.filter((own) => !by.some((item) => equal(own, item)));
  for (const item of by)
    if (operation === "append" || !list.some((own) => equal(own, item))) list.push(item);
  return list;
}

/** Returns numbers in digits as integers, and the number of their fractional digits. */
/** @internal */ export function scaled(texts: readonly string[]): [bigint[], number] {
  const parts = texts.map((text) => String(text).split("."));
  const scale = Math.max(...parts.map(([, fraction = ""]) => fraction.length));
  return [
    parts.map(([whole, fraction = ""]) => BigInt(whole + fraction.padEnd(scale, "0"))),
    scale,
  ];
}

/** Adds two numbers in digits exactly. */
function sum(one: string, other: string): string {
  const [[left = 0n, right = 0n], scale] = scaled([one, other]);
  const text = String(left + right);
  if (scale === 0) return text;
  const digits = text.replace("-", "").padStart(scale + 1, "0");
  return `${text[0] === "-" ? "-" : ""}${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
}

function equal(one: unknown, other: unknown): boolean {
  if (typeof one !== "object" || typeof other !== "object" || one === null || other === null)
    return one === other;
  const [own, theirs] = [one, other] as [Members, Members];
  const names = Object.keys(own);
  return (
    Array.isArray(one) === Array.isArray(other) &&
    names.length === Object.keys(theirs).length &&
    names.every((name) => equal(own[name], theirs[name]))
  );
}
