// What generated code connects with.

import type * as wire from "./wire.js";
import type { SchemaDescriptor } from "./descriptors.js";
import { Feed, type Changes, type ChangesOptions } from "./changes.js";
import { Core, type Committed, type Operation, type SyncStatus } from "./core.js";
import { type AbloError } from "./errors.js";
import { type Options } from "./http.js";
import { Model, type WriteOptions } from "./model.js";
import { host, type Duration, milliseconds, type Signal } from "./platform.js";
import { type Presence } from "./presence.js";

/** What a session may do, and for how long. */
export interface SessionOptions {
  syncGroups?: readonly string[];
  /** A quarter of an hour without it. */
  ttl?: Duration;
  label?: string;
  userMeta?: { [key: string]: unknown };
}

/** What an agent may do with the rows of a model. */
export type Verb = "read" | "create" | "update" | "delete";

/** A token for somebody else, which covers no more than the key. */
export interface Session {
  readonly object: "session";
  readonly id: string;
  readonly token: string;
  readonly expiresAt: string;
  readonly organizationId: string;
  readonly scope: wire.Scope;
  readonly userMeta: { readonly [key: string]: unknown };
}

/** Several rows at one place in the log. */
export interface Snapshot<Rows> {
  /** Writes may be based on it: `readAt`. */
  readonly stamp: number;
  readonly rows: Rows;
  /** Aborts when one of the rows is changed. They are watched from the first time that it is asked for. */
  readonly signal: Signal;
  /** Stops watching. */
  close(): void;
}

class Watched<Rows> implements Snapshot<Rows> {
  readonly stamp: number;
  readonly rows: Rows;
  readonly #core: Core;
  readonly #wanted: { readonly [model: string]: string | readonly string[] };
  readonly #controller: { readonly signal: Signal; abort(): void } = new host.AbortController();
  #feed: Feed | undefined;
  #closed = false;

  constructor(core: Core, stamp: number, rows: Rows, wanted: { readonly [model: string]: string | readonly string[] }) {
    this.#core = core;
    this.stamp = stamp;
    this.rows = rows;
    this.#wanted = wanted;
  }

  get signal(): Signal {
    if (this.#feed === undefined) void this.#watch((this.#feed = new Feed(this.#core, { from: this.stamp })));
    return this.#controller.signal;
  }

  async #watch(feed: Feed): Promise<void> {
    try {
      for await (const { modelName, modelId } of feed) {
        const key = this.#core.schema.models.find((model) => model.typename === modelName)?.key ?? "";
        if ([this.#wanted[key] ?? []].flat().includes(modelId)) break;
      }
    } catch {
      // Where the stream ends there is no telling, and what is not known is not relied on.
    }
    if (!this.#closed) this.#controller.abort();
  }

  close(): void {
    this.#closed = true;
    void this.#feed?.return();
  }
}

/** A client, without the models of a schema. */
export class Client<Write, Wanted, Rows, Delta, Key extends string> {
  /** The schema it was generated from. */
  readonly schema: SchemaDescriptor;
  /** Who else is here; told over the connection, which `ready()` opens. */
  readonly presence: Presence;
  readonly #core: Core;

  /** @internal */
  constructor(options: Options, schema: SchemaDescriptor) {
    this.schema = schema;
    this.#core = new Core(options, schema);
    this.presence = this.#core.presence;
    const models = Object.fromEntries(schema.models.map((model) => [model.key, new Model(this.#core, model)]));
    Object.assign(this, { models: Object.freeze(models) });
    // A model that is called like a member is found in `models` alone.
    for (const [key, model] of Object.entries(models)) if (!(key in this)) Object.assign(this, { [key]: model });
  }

  /** Reads the rows of models that are loaded at once, and hears of every change from then on. */
  ready(): Promise<void> {
    return this.#core.ready();
  }

  /** How the rows that are here stand to those of the coordinator; the same object until that changes. */
  get syncStatus(): SyncStatus {
    return this.#core.status;
  }

  onSyncStatus(listener: (status: SyncStatus) => void): () => void {
    return this.#core.onStatus(listener);
  }

  /** Runs when a write was refused, after its rows were put back. */
  onWriteFailure(listener: (error: AbloError, operations: readonly Write[]) => void): () => void {
    return this.#core.onFailure(listener as (error: AbloError, operations: readonly Operation[]) => void);
  }

  /** Runs when any row or anyone's presence is different: the first half of what `useSyncExternalStore` takes. */
  readonly subscribe = (listener: () => void): (() => void) => this.#core.store.subscribe(listener);

  /** A number that is another one when any row or anyone's presence is: the other half. */
  readonly version = (): number => this.#core.store.version;

  /** Several writes that are applied together or not at all. */
  readonly commits: {
    create(options: { operations: readonly Write[] } & WriteOptions): Promise<Committed>;
  } = {
    create: ({ operations, ...options }) => this.#core.commit(operations as unknown as readonly Operation[], options),
  };

  /** Several rows at one place in the log, and word of when one of them changes. */
  async snapshot(wanted: Wanted): Promise<Snapshot<Rows>> {
    const { stamp, rows } = await this.#core.rows(wanted as { [model: string]: string });
    return new Watched(this.#core, stamp, rows as Rows, wanted as { [model: string]: string | readonly string[] });
  }

  /** Every change of every model that is seen, once and in order, in a stream with a connection of its own. */
  changes(options: ChangesOptions = {}): Changes<Delta> {
    return new Feed(this.#core, options) as Changes<unknown> as Changes<Delta>;
  }

  /** Tokens for others. */
  readonly sessions: {
    create(options: { user: { id: string } } & SessionOptions): Promise<Session>;
    create(options: { agent: { id: string }; can?: { readonly [key in Key]?: readonly Verb[] } } & SessionOptions): Promise<Session>;
    /** Takes one back; its connections are closed. */
    end(options: { id: string }): Promise<boolean>;
  } = {
    create: async (options: { user?: { id: string }; agent?: { id: string }; can?: object } & SessionOptions) => {
      const { user, agent, can, ttl = 900, syncGroups, label, userMeta } = options;
      const allowed = Object.entries(can ?? {}).flatMap(([key, verbs]) => (verbs as Verb[]).map((verb) => `${key}.${verb}`));
      const body = {
        participantKind: agent === undefined ? "user" : "agent", participantId: (agent ?? user)?.id,
        ttlSeconds: Math.round(milliseconds(ttl) / 1000), syncGroups, label, userMeta,
        operations: can && allowed,
      };
      const made = await this.#core.http.send<wire.CapabilityCreated>("POST", ["v1", "capabilities"], body);
      const { token, expiresAt, organizationId, scope } = made;
      return { object: "session", id: made.id ?? made.capabilityId ?? "", token, expiresAt, organizationId, scope, userMeta: made.userMeta ?? {} };
    },
    end: async ({ id }: { id: string }) => {
      const ended = await this.#core.http.send<wire.CapabilityDeleted>("DELETE", ["v1", "capabilities", id]);
      return ended.deleted ?? true;
    },
  };

  /** Closes the connection. Claims end with their time, unless they were released. */
  close(): void {
    this.#core.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
  }
}
