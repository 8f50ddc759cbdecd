/** The whole schema. */
export interface SchemaDescriptor {
  /** What client and server compare when they meet. */
  schemaHash: string;
  /** The same, wide enough never to be shared by two schemas. */
  contentHash: string;
  /** The models in schema order. */
  models: readonly ModelDescriptor[];
  /** How the sync groups of an identity are made. */
  identityRoles: readonly RoleDescriptor[];
}

/** One model. */
export interface ModelDescriptor {
  /** The author's name of the model. */
  key: string;
  /** Its name on the wire, the `modelName` of deltas. */
  typename: string;
  /** Its table in SQL. */
  table: string;
  /** When clients load its rows: at once, on first access, or only when asked. */
  load: "instant" | "lazy" | "manual";
  /** Whether clients may write it. */
  mutable: boolean;
  /** The kind of the sync group that each row forms, where the model is a scope root. */
  scope?: string;
  /** Declared fields in order. Every row also has `id`, `createdAt` and `updatedAt`. */
  fields: readonly FieldDescriptor[];
  /** Relations in order. */
  relations: readonly RelationDescriptor[];
}

/** One declared field. */
export interface FieldDescriptor {
  /** The member's name in a row. */
  name: string;
  /** Its column in SQL. */
  column: string;
  /** What it holds. */
  kind: "string" | "number" | "boolean" | "date" | "enum" | "json";
  /** Set when a row may lack it. */
  optional?: true;
  /** Known values of an enum; rows may hold others. */
  values?: readonly string[];
  /** What the kind's values are exactly: a number's size, or what a string says. */
  format?: "int8" | "int16" | "int32" | "uint8" | "uint16" | "uint32" | "float" | "int64" | "uint64" | "decimal" | "uuid";
  /** Of a decimal: its digits in all, and those behind the point. */
  digits?: readonly [precision: number, scale: number];
  /** Set when a create may lack it, although a row has it. */
  preset?: true;
  /** What it was called before. */
  renamedFrom?: string;
  /** Its number in the binary form, where the author chose one. */
  number?: number;
}

/** One relation. */
export interface RelationDescriptor {
  /** The author's name of the relation. */
  name: string;
  /** Which side holds the foreign key, and how many rows the other side has. */
  type: "belongsTo" | "hasMany" | "hasOne";
  /** The key of the model it leads to. */
  target: string;
  /** A field of this model for `belongsTo`, of the target otherwise. */
  foreignKey: string;
  /** The field of the target that orders a `hasMany`. */
  orderBy?: string;
  /** Set when clients index the foreign key. */
  index?: true;
  /** Set when deltas carry the parent along. */
  enrich?: true;
  /** Set when creates are ordered without regard to this edge. */
  defer?: true;
  /** Set when the row lives in this parent and shares its sync groups. */
  parent?: true;
  /** Set when the database holds a foreign key. */
  fk?: true;
}

/** A rule that makes sync groups `<kind>:<value>`. */
export interface RoleDescriptor {
  /** The groups' kind. */
  kind: string;
  /** The field that holds the value; with `multi`, each string of its list makes a group. */
  source: { field: string; multi: boolean };
}
