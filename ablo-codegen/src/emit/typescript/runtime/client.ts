// The client that generated code instantiates.

import type * as wire from "./wire.js";
import type { SchemaDescriptor } from "./descriptors.js";
import { DeltaStream, type Changes, type ChangesOptions } from "./changes.js";
import { Core, type SyncStatus } from "./core.js";
import { type Committed, type Operation } from "./operations.js";
import { type AbloError } from "./errors.js";
import { type ClientOptions } from "./http.js";
import { Model } from "./model.js";
import { type WriteOptions } from "./types.js";
import { host, type Duration, milliseconds, type Signal } from "./platform.js";
import { SESSION_TTL } from "./policy.js";
import { type Outbox } from "./outbox.js";
import { type Presence } from "./presence.js";

/** The options of a session. */
export interface SessionOptions {
  syncGroups?: readonly string[];
  /** The lifetime of the token. Default: 15 minutes. */
  ttl?: Duration;
  label?: string;
  userMeta?: { [key: string]: unknown };
}

/** An operation that an agent may be permitted on the rows of a model. */
export type Verb = "read" | "create" | "update" | "delete";

/** A token for another participant. Its rights are at most those of the key. */
export interface Session {
  readonly object: "session";
  readonly id: string;
  readonly token: string;
  readonly expiresAt: string;
  readonly organizationId: string;
  readonly scope: wire.Scope;
  readonly userMeta: { readonly [key: string]: unknown };
}

/** Several rows, read at one sync id. */
export interface Snapshot<Rows> {
  /** The sync id of the read: the `readAt` of writes based on it. */
  readonly stamp: number;
  readonly rows: Rows;
  /** Aborts when one of the rows changes. The first access opens a connection that watches them. */
  readonly signal: Signal;
  /** Stops watching. */
  close(): void;
}

class WatchedSnapshot<Rows> implements Snapshot<Rows> {
  readonly stamp: number;
  readonly rows: Rows;
  readonly #core: Core;
  readonly #ids: { readonly [model: string]: string | readonly string[] };
  readonly #controller: { readonly signal: Signal; abort(): void } = new host.AbortController();
  #stream: DeltaStream | undefined;
  #closed = false;

  constructor(
    core: Core,
    stamp: number,
    rows: Rows,
    ids: { readonly [model: string]: string | readonly string[] },
  ) {
    this.#core = core;
    this.stamp = stamp;
    this.rows = rows;
    this.#ids = ids;
  }

  get signal(): Signal {
    if (this.#stream === undefined)
      void this.#watch((this.#stream = new DeltaStream(this.#core, { from: this.stamp })));
    return this.#controller.signal;
  }

  async #watch(stream: DeltaStream): Promise<void> {
    try {
      for await (const { modelName, modelId } of stream) {
        const key =
          this.#core.schema.models.find((model) => model.typename === modelName)?.key ?? "";
        if ([this.#ids[key] ?? []].flat().includes(modelId)) break;
      }
    } catch {
      // After an error the state of the rows is unknown, which counts as a change.
    }
    if (!this.#closed) this.#controller.abort();
  }

  close(): void {
    this.#closed = true;
    void this.#stream?.return();
  }
}

/** A client, without the models of a schema. */
export class Client<Write, RowIds, Rows, Delta, Key extends string> {
  /** The schema from which the client was generated. */
  readonly schema: SchemaDescriptor;
  /** The other participants; requires `ready()`, which opens the connection. */
  readonly presence: Presence;
  /** The writes that were refused, or whose outcome is unknown. */
  readonly outbox: Outbox<Write>;
  readonly #core: Core;

  /** @internal */
  constructor(options: ClientOptions, schema: SchemaDescriptor) {
    this.schema = schema;
    this.#core = new Core(options, schema);
    this.presence = this.#core.presence;
    this.outbox = this.#core.outbox as Outbox<unknown> as Outbox<Write>;
    const models = Object.fromEntries(
      schema.models.map((model) => [model.key, new Model(this.#core, model)]),
    );
    Object.assign(this, { models: Object.freeze(models) });
    // A model with the name of a member is accessible through `models` only.
    for (const [key, model] of Object.entries(models))
      if (!(key in this)) Object.assign(this, { [key]: model });
  }

  /**
   * Loads the rows of models with `load: "instant"` and keeps them up to date. Failures of the
   * network are retried until it succeeds; a refusal on which a person has to act is thrown.
   */
  ready(): Promise<void> {
    return this.#core.ready();
  }

  /** The state of the local rows. The object is the same until the state changes. */
  get syncStatus(): SyncStatus {
    return this.#core.status;
  }

  /**
   * Calls the listener on every change of `syncStatus`. Returns a function that removes the
   * listener.
   */
  onSyncStatus(listener: (status: SyncStatus) => void): () => void {
    return this.#core.onStatus(listener);
  }

  /**
   * Calls the listener when all rows are read again because the log of the coordinator does not
   * continue from the local rows: it is another one, such as that of a restored backup
   * (`log_replaced`), or it no longer has the changes since (`log_position_expired`). Returns a
   * function that removes the listener.
   */
  onReload(listener: (reason: "log_replaced" | "log_position_expired") => void): () => void {
    return this.#core.onReload(listener);
  }

  /**
   * Calls the listener after a write was refused and its rows were reverted. Returns a function
   * that removes the listener.
   */
  onWriteFailure(listener: (error: AbloError, operations: readonly Write[]) => void): () => void {
    return this.#core.onFailure(
      listener as (error: AbloError, operations: readonly Operation[]) => void,
    );
  }

  /**
   * Calls the listener on every change of rows or presence: the `subscribe` of
   * `useSyncExternalStore`.
   */
  readonly subscribe = (listener: () => void): (() => void) => this.#core.store.subscribe(listener);

  /**
   * Returns a number that changes with rows and presence: the `getSnapshot` of
   * `useSyncExternalStore`.
   */
  readonly version = (): number => this.#core.store.version;

  /** Commits of several operations. Either all are applied or none. */
  readonly commits: {
    create(options: { operations: readonly Write[] } & WriteOptions): Promise<Committed>;
  } = {
    create: ({ operations, ...options }) =>
      this.#core.commit(operations as unknown as readonly Operation[], options),
  };

  /** Reads several rows at one sync id. */
  async snapshot(ids: RowIds): Promise<Snapshot<Rows>> {
    const { stamp, rows } = await this.#core.rows(ids as { [model: string]: string });
    return new WatchedSnapshot(
      this.#core,
      stamp,
      rows as Rows,
      ids as { [model: string]: string | readonly string[] },
    );
  }

  /**
   * Opens a stream of all visible deltas, each once and in order. A stream has its own connection.
   */
  changes(options: ChangesOptions = {}): Changes<Delta> {
    return new DeltaStream(this.#core, options) as Changes<unknown> as Changes<Delta>;
  }

  /** Tokens for other participants. */
  readonly sessions: {
    create(
      options: (
        | { user: { id: string }; agent?: never; can?: never }
        | {
            agent: { id: string };
            can?: { readonly [key in Key]?: readonly Verb[] };
            user?: never;
          }
      ) &
        SessionOptions,
    ): Promise<Session>;
    /** Revokes a session and closes its connections. Returns whether it was valid. */
    end(options: { id: string }): Promise<boolean>;
  } = {
    create: async (
      options: { user?: { id: string }; agent?: { id: string }; can?: object } & SessionOptions,
    ) => {
      const { user, agent, can, ttl = SESSION_TTL, syncGroups, label, userMeta } = options;
      const allowed = Object.entries(can ?? {}).flatMap(([key, verbs]) =>
        (verbs as Verb[]).map((verb) => `${key}.${verb}`),
      );
      const body = {
        participantKind: agent === undefined ? "user" : "agent",
        participantId: (agent ?? user)?.id,
        ttlSeconds: Math.round(milliseconds(ttl) / 1000),
        syncGroups,
        label,
        userMeta,
        operations: can && allowed,
      };
      const created = await this.#core.http.send<wire.CapabilityCreated>(
        "POST",
        ["v1", "capabilities"],
        body,
      );
      const { token, expiresAt, organizationId, scope } = created;
      return {
        object: "session",
        id: created.id ?? created.capabilityId ?? "",
        token,
        expiresAt,
        organizationId,
        scope,
        userMeta: created.userMeta ?? {},
      };
    },
    end: async ({ id }: { id: string }) => {
      const response = await this.#core.http.send<wire.CapabilityDeleted>("DELETE", [
        "v1",
        "capabilities",
        id,
      ]);
      return response.deleted ?? true;
    },
  };

  /** Closes the connection. Claims that were not released end when their leases expire. */
  close(): void {
    this.#core.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
  }
}
