/** A schema. */
export interface SchemaDescriptor {
  /** The hash that client and server compare on connect. */
  schemaHash: string;
  /** A longer hash of the schema, which is unique in practice. */
  contentHash: string;
  /** The models in schema order. */
  models: readonly ModelDescriptor[];
  /** The rules for the sync groups of an identity. */
  identityRoles: readonly RoleDescriptor[];
}

/** A model. */
export interface ModelDescriptor {
  /** The author's name of the model, as in `weatherReports`. */
  key: string;
  /** Its name on the wire, the `modelName` of deltas. */
  typename: string;
  /** Its table in SQL. */
  table: string;
  /** When clients load its rows: on start, on first access, or on request. */
  load: "instant" | "lazy" | "manual";
  /** Whether clients may write it. */
  mutable: boolean;
  /** The kind of the sync group that each row forms, if the model is a scope root. */
  scope?: string;
  /** The declared fields in order. Every row also has base fields such as `id`. */
  fields: readonly FieldDescriptor[];
  /** The relations in order. */
  relations: readonly RelationDescriptor[];
}

/** A declared field. */
export interface FieldDescriptor {
  /** The name of the member in a row. */
  name: string;
  /** Its column in SQL. */
  column: string;
  /** The kind of its values. */
  kind: "string" | "number" | "boolean" | "date" | "enum" | "json";
  /** Set if the field may be absent or null in a row. */
  optional?: true;
  /** The known values of an enum; rows may contain others. */
  values?: readonly string[];
  /** The exact type of numbers, or the format of strings. */
  format?:
    | "int8"
    | "int16"
    | "int32"
    | "uint8"
    | "uint16"
    | "uint32"
    | "float"
    | "int64"
    | "uint64"
    | "decimal"
    | "uuid";
  /** The total and fractional digits of a decimal. */
  digits?: readonly [precision: number, scale: number];
  /** The value in a new row whose writer gives none: the time of the write, or a constant. */
  preset?: "now" | { readonly value: unknown };
  /** The former name of the field. */
  renamedFrom?: string;
  /** The field number in the binary form, if the author declared one. */
  number?: number;
  /** The changes of the field that start from its current value. */
  relative?: readonly ("increment" | "append" | "add" | "remove")[];
}

/** A relation. */
export interface RelationDescriptor {
  /** The author's name of the relation. */
  name: string;
  /** Which side has the foreign key, and the number of rows on the other side. */
  type: "belongsTo" | "hasMany" | "hasOne";
  /** The key of the target model. */
  target: string;
  /** A field of this model for `belongsTo`, otherwise of the target. */
  foreignKey: string;
  /** The field of the target that orders a `hasMany`. */
  orderBy?: string;
  /** Set if clients index the foreign key. */
  index?: true;
  /** Set if deltas include the parent. */
  enrich?: true;
  /** Set if this relation is ignored when creates are ordered. */
  defer?: true;
  /** Set if the target is the parent whose sync groups the row shares. */
  parent?: true;
  /** Set if the database has a foreign key. */
  fk?: true;
}

/** A rule that derives sync groups `<kind>:<value>` from an identity. */
export interface RoleDescriptor {
  /** The kind of the sync groups. */
  kind: string;
  /** The field with the value; with `multi`, each string in its list forms a group. */
  source: { field: string; multi: boolean };
}
