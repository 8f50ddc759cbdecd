// React bindings: `<AbloProvider>` at the top, `useAblo` in the components below it.

"use client";

import {
  createContext,
  createElement,
  useContext,
  useEffect,
  useRef,
  useSyncExternalStore,
} from "react";
import type { Context, FunctionComponent, ReactNode } from "react";
import type { Ablo } from "./client.js";

const AbloContext: Context<Ablo | undefined> = createContext<Ablo | undefined>(undefined);

/** Provides a client to the components below and calls its `ready()`. */
export const AbloProvider: FunctionComponent<{ client: Ablo; children?: ReactNode }> = ({
  client,
  children,
}) => {
  useEffect(() => {
    // Errors are reported by `syncStatus`.
    client.ready().catch(() => {});
  }, [client]);
  return createElement(AbloContext.Provider, { value: client }, children);
};

/** Returns the client of the nearest provider. */
export function useAbloClient(): Ablo {
  const client = useContext(AbloContext);
  if (client === undefined)
    throw new Error("this component must be below <AbloProvider client={…}>");
  return client;
}

/**
 * Returns the result of `selector`, which runs again on every change of rows or presence. The
 * component renders again if the result differs by `Object.is` or, for arrays, in an element.
 */
export function useAblo<T>(selector: (ablo: Ablo) => T): T {
  const client = useAbloClient();
  const last = useRef<{ version: number; selector: (ablo: Ablo) => T; value: T } | undefined>(
    undefined,
  );
  const getSnapshot = (): T => {
    const version = client.version();
    const before = last.current;
    if (before !== undefined && before.version === version && before.selector === selector)
      return before.value;
    const now = selector(client);
    const value = before !== undefined && isSame(before.value, now) ? before.value : now;
    last.current = { version, selector, value };
    return value;
  };
  return useSyncExternalStore(client.subscribe, getSnapshot, getSnapshot);
}

function isSame(one: unknown, other: unknown): boolean {
  if (Object.is(one, other)) return true;
  if (!Array.isArray(one) || !Array.isArray(other)) return false;
  return one.length === other.length && one.every((item, at) => Object.is(item, other[at]));
}
