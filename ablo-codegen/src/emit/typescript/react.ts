// Rows and presence in components of React: `<AbloProvider>` at the top, `useAblo` anywhere below it.

import { createContext, createElement, useContext, useEffect, useRef, useSyncExternalStore } from "react";
import type { Context, FunctionComponent, ReactNode } from "react";
import type { Ablo } from "./client.js";

const Nearest: Context<Ablo | undefined> = createContext<Ablo | undefined>(undefined);

/** Gives a client to the components below, and begins to keep its rows. */
export const AbloProvider: FunctionComponent<{ client: Ablo; children?: ReactNode }> = ({ client, children }) => {
  useEffect(() => {
    // What goes wrong is in `syncStatus`.
    client.ready().catch(() => {});
  }, [client]);
  return createElement(Nearest.Provider, { value: client }, children);
};

/** The client of the nearest provider. */
export function useAbloClient(): Ablo {
  const client = useContext(Nearest);
  if (client === undefined) throw new Error("put <AbloProvider client={…}> above this component");
  return client;
}

/**
 * What `selector` makes of the rows that are here, again whenever any of them changes. The component is drawn again when that is not
 * the same any more, by `Object.is` or member by member where it is an array.
 */
export function useAblo<T>(selector: (ablo: Ablo) => T): T {
  const client = useAbloClient();
  const last = useRef<{ version: number; selector: (ablo: Ablo) => T; value: T } | undefined>(undefined);
  const look = (): T => {
    const version = client.version();
    const before = last.current;
    if (before !== undefined && before.version === version && before.selector === selector) return before.value;
    const now = selector(client);
    const value = before !== undefined && isSame(before.value, now) ? before.value : now;
    last.current = { version, selector, value };
    return value;
  };
  return useSyncExternalStore(client.subscribe, look, look);
}

function isSame(one: unknown, other: unknown): boolean {
  if (Object.is(one, other)) return true;
  if (!Array.isArray(one) || !Array.isArray(other)) return false;
  return one.length === other.length && one.every((item, at) => Object.is(item, other[at]));
}
