// Declares a schema in TypeScript. `ablo init --schema typescript` writes this file; it needs no
// package. `ablo check schema.ts` reads the default export of a file that uses it.

type Members = Readonly<Record<string, unknown>>;

/** A field, made by one of the functions below. Each method returns a new field. */
export class Field<Value> {
  readonly members: Members;

  constructor(members: Members) {
    this.members = members;
  }

  private with(members: Members): this {
    return new Field<Value>({ ...this.members, ...members }) as this;
  }

  /** A row may lack the value. */
  optional(): this {
    return this.with({ isOptional: true });
  }

  /** The column has an index. */
  indexed(): this {
    return this.with({ isIndexed: true });
  }

  /** The column in SQL; the name in snake case by default. */
  column(name: string): this {
    return this.with({ column: name });
  }

  /** No two rows of an organisation have the same value. */
  unique(): this {
    return this.with({ unique: true });
  }

  /** The value of a create that leaves the field out. */
  default(value: Value): this {
    return this.with({ default: value });
  }

  /** Documentation, for generated code and SQL comments. */
  describe(text: string): this {
    return this.with({ description: text });
  }

  /** The exact kind of a number or string, such as `int32` or `uuid`. */
  format(name: string): this {
    return this.with({ format: name });
  }

  /** The type of the column in PostgreSQL, such as `varchar(20)`. */
  columnType(name: string): this {
    return this.with({ columnType: name });
  }

  /** Further members of docs/reference/schema-json.md. */
  extra(members: Members): this {
    return this.with(members);
  }
}

function field<Value>(type: string, members: Members = {}): Field<Value> {
  return new Field<Value>({ type, isOptional: false, isIndexed: false, ...members });
}

/** A text. */
export const string = (): Field<string> => field("string");
/** A number. */
export const number = (): Field<number> => field("number");
/** `true` or `false`. */
export const boolean = (): Field<boolean> => field("boolean");
/** A point in time. As a default, `"now"` is the time of the create. */
export const date = (): Field<string> => field("date");
/** Any JSON value. A JSON Schema describes its structure. */
export const json = (shape?: Members): Field<unknown> =>
  field("json", shape === undefined ? {} : { shape });
/** One of these words. */
export const oneOf = <const Word extends string>(...words: readonly Word[]): Field<Word> =>
  field("enum", { enumValues: words });

type Fields = Readonly<Record<string, Field<never>>>;

/** Options of `belongsTo`. */
export interface BelongsToOptions {
  /** The row lives in this parent: it is in all sync groups of the parent. */
  readonly parent?: boolean;
  readonly index?: boolean;
  readonly enrich?: boolean;
  readonly defer?: boolean;
  /** The database checks the reference. */
  readonly fk?: boolean;
}

/** A relation. `Target` is the key of a model, `Key` the field with the id of the other row. */
export interface Relation<Type extends string, Target extends string, Key extends string> {
  readonly type: Type;
  readonly target: Target;
  readonly foreignKey: Key;
  readonly options?: BelongsToOptions;
  readonly orderBy?: string;
}

/** This row has the id of the other row, in a field of this model. */
export function belongsTo<Target extends string, Key extends string>(
  target: Target,
  foreignKey: Key,
  options?: BelongsToOptions,
): Relation<"belongsTo", Target, Key> {
  const type = "belongsTo";
  return options ? { type, target, foreignKey, options } : { type, target, foreignKey };
}

/** Other rows have the id of this row, in a field of their model. */
export function hasMany<Target extends string, Key extends string>(
  target: Target,
  foreignKey: Key,
  options: { readonly orderBy?: string } = {},
): Relation<"hasMany", Target, Key> {
  return { type: "hasMany", target, foreignKey, ...options };
}

/** One other row has the id of this row, in a field of its model. */
export function hasOne<Target extends string, Key extends string>(
  target: Target,
  foreignKey: Key,
): Relation<"hasOne", Target, Key> {
  return { type: "hasOne", target, foreignKey };
}

/** A rule that yields the sync group `<kind>:<value>` for the value of a field. */
export interface Role {
  readonly kind: string;
  readonly source: { readonly field: string; readonly multi?: boolean };
}

/** The parent row by which a row belongs to an organisation. */
export interface Via {
  readonly localKey: string;
  readonly parentTable: string;
  readonly parentKey?: string;
  readonly parentOrgColumn?: string;
}

/** How rows of organisations are isolated. */
export type Tenancy =
  | { readonly kind: "column"; readonly column: string }
  | { readonly kind: "parent"; readonly via: Via }
  | { readonly kind: "none" };

/** Options of a model, as in Schema JSON. */
export interface ModelOptions {
  readonly load?: "instant" | "lazy" | "manual";
  readonly typename?: string;
  readonly tableName?: string;
  readonly tenancy?: Tenancy;
  /** Short for `tenancy`: `false` if all organisations share the rows. */
  readonly orgScoped?: boolean;
  /** Short for `tenancy`: the column with the organisation. */
  readonly orgColumn?: string;
  /** Short for `tenancy`: the parent row that belongs to the organisation. */
  readonly scopedVia?: Via;
  readonly plane?: "tenant" | "control";
  readonly scope?: boolean | string;
  readonly grants?: { readonly subject: string; readonly scope: string };
  readonly entityRoles?: readonly Role[];
  readonly bootstrapLimit?: number;
  readonly bootstrapOrderBy?: string;
  readonly mutable?: boolean;
  readonly lazyObservable?: boolean;
  readonly persist?: { readonly store?: string };
  readonly autoFill?: readonly {
    readonly field: string;
    readonly from: "organizationId" | "userId";
  }[];
  readonly requiredFields?: readonly string[];
}

type Relations<Own extends string> = Readonly<
  Record<
    string,
    | Relation<"belongsTo", string, Own | "organizationId" | "createdBy">
    | Relation<"hasMany" | "hasOne", string, string>
  >
>;

/** A model of a schema. */
export interface Model<F extends Fields = Fields, R = Relations<string>> {
  readonly fields: F;
  readonly relations: R;
  readonly options: ModelOptions;
}

/** Declares a model. */
export function model<const F extends Fields, const R extends Relations<keyof F & string> = {}>(
  fields: F,
  relations?: R,
  options: ModelOptions = {},
): Model<F, R> {
  return { fields, relations: relations ?? ({} as R), options };
}

/** Requires that relations name models of the schema. */
type Checked<Models> = {
  readonly [Key in keyof Models]: Models[Key] extends Model<infer F, infer R>
    ? Model<F, { readonly [Name in keyof R]: R[Name] & { readonly target: keyof Models } }>
    : never;
};

/** A schema as Schema JSON v3. */
export interface Schema {
  readonly v: 3;
  readonly models: Readonly<Record<string, Members>>;
  readonly identityRoles: readonly Role[];
  readonly mutable?: boolean;
}

/** Writes the short forms of `tenancy` out. */
function withTenancy(options: ModelOptions): Members {
  const { orgScoped, orgColumn, scopedVia, ...members } = options;
  const ofOptions = (): Tenancy | undefined => {
    if (scopedVia !== undefined) return { kind: "parent", via: scopedVia };
    if (orgColumn !== undefined) return { kind: "column", column: orgColumn };
    return orgScoped === false ? { kind: "none" } : undefined;
  };
  const tenancy = options.tenancy ?? ofOptions();
  return tenancy === undefined ? members : { ...members, tenancy };
}

const snakeCase = (name: string): string =>
  name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** Declares a schema, the default export of a schema file. */
export function defineSchema<const Models extends Readonly<Record<string, Model<Fields, unknown>>>>(
  models: Models & Checked<Models>,
  options: { readonly identityRoles?: readonly Role[]; readonly mutable?: boolean } = {},
): Schema {
  const all: Readonly<Record<string, Model<Fields, unknown>>> = models;
  const columnOf = (key: string, name: string): string => {
    const column = all[key]?.fields[name]?.members["column"];
    return typeof column === "string" ? column : snakeCase(name);
  };
  const documents = Object.entries(all).map(([key, { fields, relations, options }]) => {
    const declared = Object.entries(relations as Relations<string>).map(([name, relation]) => {
      const { type, target, foreignKey, options, orderBy } = relation;
      const owner = type === "belongsTo" ? key : target;
      const foreignKeyColumn = columnOf(owner, foreignKey);
      return [name, { type, target, foreignKey, foreignKeyColumn, options, orderBy }];
    });
    const members = Object.entries(fields).map(([name, field]) => [name, field.members]);
    const document = {
      fields: Object.fromEntries(members),
      relations: Object.fromEntries(declared),
      ...withTenancy(options),
    };
    return [key, document];
  });
  const { identityRoles = [], mutable } = options;
  const schema = { v: 3 as const, models: Object.fromEntries(documents), identityRoles };
  return mutable === undefined ? schema : { ...schema, mutable };
}
