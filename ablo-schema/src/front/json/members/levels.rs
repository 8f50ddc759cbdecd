//! The table of the members of every level.

use super::{Kind, Level, facet, member};
use crate::raw::RawKind;
use crate::schema::{
    AutoFillSource, ColumnType, Format, Load, Plane, RelationKind, RelativeOperation,
};

/// All levels, the document first.
pub static LEVELS: [&Level; 12] = [
    &DOCUMENT, &MODEL, &FIELD, &RELATION, &OPTIONS, &TENANCY, &VIA, &GRANTS, &ROLE, &SOURCE,
    &PERSIST, &AUTO_FILL,
];

/// The document.
pub static DOCUMENT: Level = Level::new(
    "document",
    "A schema: the models of an application.",
    &[
        member("$schema", Kind::Text, "The JSON Schema of the document, for editors. Ignored."),
        member("v", Kind::Version, "The version of Schema JSON.")
            .required("add `\"v\": 3` as the first member"),
        member("models", Kind::MapOf(&MODEL), "Models by key. Every output keeps their order.")
            .required("add `\"models\": {}`")
            .also(&["tables", "entities"]),
        member(
            "identityRoles",
            Kind::ListOf(&ROLE),
            "The sync groups that the identity of a participant yields.",
        )
        .required("add `\"identityRoles\": []`")
        .also(&["roles"]),
        member(
            "mutable",
            Kind::Boolean,
            "Whether users and agents may write rows of the models that do not say. Without it \
             they may not, and a schema in which no model says so is a warning.",
        ),
    ],
);

/// A model.
pub static MODEL: Level = Level::new(
    "model",
    "A model: a table of rows that clients read and write.",
    &[
        member("fields", Kind::MapOf(&FIELD), "Fields by name, besides the base fields.")
            .required("add `\"fields\": {}`; base fields are not declared")
            .also(&["columns", "properties", "attributes"]),
        member("relations", Kind::MapOf(&RELATION), "Relations by name. May be `{}`.")
            .required("add `\"relations\": {}`"),
        member(
            "load",
            Kind::OneOf(|| Load::ALL.map(Load::as_str).into()),
            "When a client loads the rows: at bootstrap (the default), at first access, or on \
             request.",
        ),
        member(
            "typename",
            Kind::Text,
            "The type's name on the wire; the default is the key. Deltas carry it as `modelName`.",
        )
        .also(&["name", "type"]),
        member("tableName", Kind::Text, "The table in SQL; the default is the key.")
            .also(&["table"]),
        member(
            "tenancy",
            Kind::Of(&TENANCY),
            "How rows of organisations are isolated; by the column `organization_id` by default.",
        ),
        member(
            "plane",
            Kind::OneOf(|| Plane::ALL.map(Plane::as_str).into()),
            "The database: `tenant` is the default. `control` models live in the service's own \
             database; no table is generated for them.",
        ),
        member(
            "scope",
            Kind::BooleanOrText,
            "The model is a scope root: each row forms the sync group `<kind>:<id>`. A string is \
             the kind; `true` uses the lower-cased typename.",
        ),
        member("grants", Kind::Of(&GRANTS), "The model is a membership."),
        member(
            "entityRoles",
            Kind::ListOf(&ROLE),
            "Further sync groups of a row, named by its fields.",
        ),
        member(
            "bootstrapLimit",
            Kind::Whole { min: 0, max: None },
            "At most this many rows are part of a bootstrap. No limit by default.",
        ),
        member(
            "bootstrapOrderBy",
            Kind::Text,
            "Which rows those are, for example `created_at DESC`.",
        ),
        member(
            "mutable",
            Kind::Boolean,
            "Users and agents may write the model. Without it, only system keys may.",
        ),
        member(
            "lazyObservable",
            Kind::Boolean,
            "Client hint: rows become observable on first use.",
        ),
        member("persist", Kind::Of(&PERSIST), "Client hint: rows are kept in local storage."),
        member(
            "autoFill",
            Kind::ListOf(&AUTO_FILL),
            "Fields that a create leaves out and that the caller's identity fills.",
        ),
        member(
            "requiredFields",
            Kind::Texts,
            "Clients drop a stored row that lacks one of these fields.",
        ),
    ],
);

/// A field.
pub static FIELD: Level = Level::new(
    "field",
    "A field of a model.",
    &[
        member(
            "type",
            Kind::OneOf(|| RawKind::ALL.map(RawKind::as_str).into()),
            "The type of the value.",
        )
        .required("add `\"type\"`: `string`, `number`, `boolean`, `date`, `enum` or `json`")
        .also(&["kind", "dataType"]),
        member("isOptional", Kind::Boolean, "A row may lack the value.")
            .required("add `\"isOptional\": false`, or `true` if rows may lack a value")
            .also(&["nullable", "null"]),
        member("isIndexed", Kind::Boolean, "The column has an index.")
            .required("add `\"isIndexed\": false`, or `true` for an index")
            .also(&["index"]),
        member(
            "column",
            Kind::Text,
            "The column in SQL. Default: the name in snake case; each capital letter becomes `_` \
             and its lower case.",
        )
        .also(&["columnName", "dbName"]),
        member(
            "enumValues",
            Kind::Texts,
            "The values; required for an `enum`, and only there. Enums are open: clients read \
             values that they do not know.",
        )
        .goes_with("type", "enum")
        .also(&["values", "enum", "options", "choices"]),
        facet("description", Kind::Text, "Documentation, for generated code and SQL comments.")
            .also(&["doc", "docs", "comment", "title"]),
        facet(
            "deprecated",
            Kind::BooleanOrText,
            "Marks the field as deprecated; a string says what to use instead.",
        ),
        facet(
            "format",
            Kind::TextSuchAs(|| Format::ALL.map(Format::as_str).into()),
            "The exact kind of a `number` or `string`, but of no base field and no field that \
             holds an id. An unknown format is a warning and is kept.",
        ),
        facet(
            "precision",
            Kind::Whole { min: 1, max: Some(1000) },
            "The digits of a `decimal` in total. Requires `scale`.",
        ),
        facet(
            "scale",
            Kind::Whole { min: 0, max: Some(1000) },
            "The digits of a `decimal` after the decimal point. Requires `precision`.",
        ),
        facet(
            "default",
            Kind::Any,
            "The value of a create that leaves the field out; for all but base fields. `\"now\"` \
             for a `date` is the time of the create.",
        ),
        facet(
            "unique",
            Kind::Boolean,
            "No two rows of an organisation have the same value; for all but `json`, required \
             `boolean` and base fields. Absent values are not compared.",
        ),
        facet(
            "secret",
            Kind::Boolean,
            "Rows have the field only for secret keys and for credentials whose operations list \
             `<model>.<field>.read`; for optional fields that are no key, order, sync group or \
             unique.",
        ),
        facet(
            "shape",
            Kind::JsonSchema,
            "The structure of a `json` value, which the coordinator checks. Becomes a type in \
             generated code. `$ref`, `$id`, `$anchor`, `$schema` and their like are refused.",
        ),
        facet(
            "renamedFrom",
            Kind::Text,
            "The former name of a field that is no base field. `ablo diff` turns it into a rename.",
        ),
        facet(
            "number",
            Kind::Whole { min: 1, max: Some(65535) },
            "The field's number in the binary form of deltas.",
        ),
        facet(
            "relative",
            Kind::SomeOf(|| RelativeOperation::ALL.map(RelativeOperation::as_str).into()),
            "The relative changes that clients may make: `increment` of numbers; `append` of \
             strings; `append`, `add` and `remove` of `json`. For no base field, unique field or \
             field that holds an id.",
        ),
        facet(
            "columnType",
            Kind::TextSuchAs(|| ColumnType::EXAMPLES.into()),
            "The type of the column in PostgreSQL, if it is not the usual one of the field. Ids \
             and the fields that refer to them can be `uuid`, `smallint`, `integer`, `bigint` or \
             `varchar`. `enum NAME` is an enum type of the database. No effect on SQLite.",
        ),
    ],
);

/// A relation.
pub static RELATION: Level = Level::new(
    "relation",
    "A relation of a model to another one.",
    &[
        member(
            "type",
            Kind::OneOf(|| RelationKind::ALL.map(RelationKind::as_str).into()),
            "The kind of relation.",
        )
        .required("add `\"type\"`: `belongsTo`, `hasMany` or `hasOne`")
        .also(&["kind"]),
        member("target", Kind::Text, "The key of the other model.")
            .required("name the target model by its key")
            .also(&["model", "to", "references"]),
        member(
            "foreignKey",
            Kind::Text,
            "The field with the other row's id: on this model for `belongsTo`, on the target \
             otherwise.",
        )
        .required("name the field with the id of the other row")
        .also(&["field", "key"]),
        member("foreignKeyColumn", Kind::Text, "The column of that field.")
            .required("name the column of that field")
            .also(&["column"]),
        member("options", Kind::Of(&OPTIONS), "Options; only for `belongsTo`."),
        member(
            "orderBy",
            Kind::Text,
            "Only for `hasMany`: the field of the target by which rows are ordered.",
        ),
    ],
);

/// The options of a relation.
pub static OPTIONS: Level = Level::new(
    "options",
    "Options of a `belongsTo` relation, all `false` by default.",
    &[
        member(
            "parent",
            Kind::Boolean,
            "The row lives in this parent: a participant that sees the parent sees the row, and \
             the row is in all sync groups of the parent, transitively.",
        ),
        member(
            "index",
            Kind::Boolean,
            "SQL has an index over the foreign key, within the organisation. Clients keep one, \
             too.",
        ),
        member(
            "enrich",
            Kind::Boolean,
            "Client hint: the hosted service's client attaches the parent to incoming deltas. The \
             clients of this project ignore it.",
        ),
        member(
            "defer",
            Kind::Boolean,
            "The order in which clients create rows ignores this relation. Set it on one relation \
             of a cycle.",
        ),
        member(
            "fk",
            Kind::Boolean,
            "The database checks the reference, with a foreign key and an index.",
        )
        .also(&["foreignKey", "constraint"]),
    ],
);

/// Tenancy.
pub static TENANCY: Level = Level::new(
    "tenancy",
    "How rows of organisations are isolated.",
    &[
        member(
            "kind",
            Kind::OneOf(|| TENANCY_KINDS.into()),
            "`column`: a column holds the organisation of the row. `parent`: a row belongs to the \
             organisation of its parent row. `none`: all organisations share the rows.",
        )
        .required("add `\"kind\"`: `column`, `parent` or `none`")
        .also(&["type"]),
        member("column", Kind::Text, "With `column`: the column with the organisation's id.")
            .goes_with("kind", "column"),
        member("via", Kind::Of(&VIA), "With `parent`: the way to the parent row.")
            .goes_with("kind", "parent"),
    ],
);

pub(in super::super) const TENANCY_KINDS: [&str; 3] = ["column", "parent", "none"];

/// The way to the parent row of a tenancy.
pub static VIA: Level = Level::new(
    "via",
    "The way from a row to the parent row that has the organisation.",
    &[
        member("localKey", Kind::Text, "The column of this table that holds the parent's id.")
            .required("name the column of this table with the parent's key"),
        member("parentTable", Kind::Text, "The parent's table.")
            .required("name the parent's table"),
        member("parentKey", Kind::Text, "The parent's key column; `id` by default."),
        member(
            "parentOrgColumn",
            Kind::Text,
            "The parent's organisation column; `organization_id` by default.",
        ),
    ],
);

/// A membership.
pub static GRANTS: Level = Level::new(
    "grants",
    "Each row is a membership: its subject gets the sync group of its scope.",
    &[
        member("subject", Kind::Text, "The `belongsTo` relation to the subject.")
            .required("name the `belongsTo` relation to the subject, which gets access"),
        member("scope", Kind::Text, "The `belongsTo` relation to the scope, a scope root.")
            .required("name the `belongsTo` relation to the scope"),
    ],
);

/// A role.
pub static ROLE: Level = Level::new(
    "role",
    "A rule that yields the sync group `<kind>:<value>` for the value of a field.",
    &[
        member("kind", Kind::Text, "The kind of the sync groups.")
            .required("name the kind of its sync groups: `\"kind\": \"team\"`")
            .also(&["name", "type"]),
        member("source", Kind::Of(&SOURCE), "The field with the values.")
            .required("name the field that it reads: `\"source\": {\"field\": \"teamId\"}`"),
    ],
);

/// The source of a role.
pub static SOURCE: Level = Level::new(
    "source",
    "The field that a role reads.",
    &[
        member(
            "field",
            Kind::Text,
            "A member of the identity in `identityRoles`, a field of the row in `entityRoles`. A \
             missing value yields no group.",
        )
        .required("name the field with the group's id"),
        member(
            "multi",
            Kind::Boolean,
            "The field holds a list, and each non-empty string of it yields a group.",
        ),
    ],
);

/// The local store.
pub static PERSIST: Level = Level::new(
    "persist",
    "The local store of a client.",
    &[member("store", Kind::Text, "The name of the store; the typename by default.")],
);

/// A rule of `autoFill`.
pub static AUTO_FILL: Level = Level::new(
    "autoFill",
    "A field that the caller's identity fills.",
    &[
        member("field", Kind::Text, "The field.").required("name the field to fill"),
        member(
            "from",
            Kind::OneOf(|| AutoFillSource::ALL.map(AutoFillSource::as_str).into()),
            "The member of the identity.",
        )
        .required("add `\"from\"`: `organizationId` or `userId`"),
    ],
);
