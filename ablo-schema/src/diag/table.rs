//! The table of codes: its name, its severity, a title, what it means, how to mend it.

use super::code::{Entry, Severity};

macro_rules! codes {
    ($($variant:ident = $name:literal, $severity:ident, $title:literal, $meaning:literal, $mend:literal;)*) => {
        /// A stable diagnostic code, `ablo::<subject>::<what is wrong>`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum Code {
            $(
                #[doc = $title]
                $variant,
            )*
        }

        pub(super) static TABLE: &[Entry] = &[$(Entry {
            code: Code::$variant,
            name: $name,
            severity: Severity::$severity,
            title: $title,
            meaning: $meaning,
            mend: $mend,
        },)*];
    };
}

#[rustfmt::skip]
codes! {
    SourceTooLarge = "ablo::source::too_large", Error,
        "The input is too large",
        "An input of more than 64 MiB, 16 MiB of Rust, is not read at all: a schema of ten thousand models has about 17 MiB of JSON. Nor is Rust that is nested so deeply that reading it might exhaust the stack.",
        "Split the schema, give what is nested a name of its own, or check that this is the file you meant.";
    SourceNotUtf8 = "ablo::source::not_utf8", Error,
        "The input is not UTF-8",
        "JSON and Rust are UTF-8 text, and the bytes from the place named on are not.",
        "Save the file as UTF-8.";
    JsonSyntax = "ablo::json::syntax", Error,
        "The input is not JSON",
        "The text breaks the JSON grammar at the place named, so that nothing behind it can be read.",
        "Mend the text there. JSON has no comments and no trailing commas, and every name and string stands in double quotes.";
    JsonTooDeep = "ablo::json::too_deep", Error,
        "Values nest too deeply",
        "Values may nest 32 levels deep; a schema needs eight.",
        "Flatten what is nested at the place named.";
    JsonNumberOutOfRange = "ablo::json::number_out_of_range", Error,
        "A number is out of range",
        "Numbers in Schema JSON are IEEE 754 doubles, and this one is beyond their range.",
        "Write it as a string, or give a number within the range.";
    JsonDuplicateMember = "ablo::json::duplicate_member", Error,
        "A member stands twice in one object",
        "Most readers keep the last of two members of one name and lose the other without a word.",
        "Keep one of the two.";
    JsonWrongType = "ablo::json::wrong_type", Error,
        "A value has the wrong type",
        "Schema JSON asks for another type of value here.",
        "Give a value of the type that the message names.";
    JsonMissingMember = "ablo::json::missing_member", Error,
        "A required member is missing",
        "Schema JSON requires this member.",
        "Add the member; the help line shows how.";
    JsonUnknownMember = "ablo::json::unknown_member", Warning,
        "A member is not known here",
        "The hosted service drops unknown members of documents, models and relations on a round trip, so that what this one says would be lost. Fields keep unknown members.",
        "Remove it, mend its spelling, or say it on a field.";
    JsonUnknownValue = "ablo::json::unknown_value", Error,
        "A word is not one of those allowed",
        "The member takes one of a closed set of words.",
        "Use one of the words in the help line.";
    SchemaUnsupportedVersion = "ablo::schema::unsupported_version", Error,
        "The document has another version",
        "This compiler reads Schema JSON v3 and cannot know what another version means.",
        "Export the schema again as version 3.";
    ModelKeyNotIdentifier = "ablo::model::key_not_identifier", Error,
        "A model key is no identifier",
        "The key becomes an identifier in every target: an ASCII letter, then ASCII letters, digits and `_`, at most 200 bytes.",
        "Rename the model; keep the table with `tableName` and the wire name with `typename`.";
    ModelKeyCollides = "ablo::model::key_collides", Error,
        "Two model keys are the same in some target",
        "The keys differ only in case or underscores, which the case rules of a target take away.",
        "Rename one of the models.";
    ModelKeyShadowed = "ablo::model::key_shadowed", Warning,
        "A model key hides behind a client member",
        "Clients have members of their own (`ready`, `commits`, `schema`, …), and a model of that name cannot be reached as a member.",
        "Choose another key.";
    ModelTypenameNotIdentifier = "ablo::model::typename_not_identifier", Error,
        "A typename is no identifier",
        "The typename becomes a type's name in every target: an ASCII letter, then ASCII letters, digits and `_`, at most 200 bytes.",
        "Choose such a name.";
    ModelTypenameCollides = "ablo::model::typename_collides", Error,
        "Two typenames are the same on the wire",
        "Deltas name their model by typename alone, and commits in lower case: rows of the two models could not be told apart.",
        "Give one of the models another typename.";
    ModelWireNameAmbiguous = "ablo::model::wire_name_ambiguous", Warning,
        "A name on the wire may mean two models",
        "Older clients lower-case names and drop the word `Model`, and servers take a lower-cased key too; after that the two models have one name.",
        "Choose typenames and keys that stay different.";
    FieldNotCamelCase = "ablo::field::not_camel_case", Error,
        "A field name is not camelCase",
        "Field names begin with a lower-case letter and go on with ASCII letters and digits, because they must survive the way to snake_case and back.",
        "Rename the field; keep its column with `column`.";
    FieldConsecutiveCapitals = "ablo::field::consecutive_capitals", Error,
        "A field name has two capitals in a row",
        "`contentJSON` becomes `content_j_s_o_n` and cannot come back.",
        "Write `contentJson`; keep its column with `column`.";
    FieldReservedType = "ablo::field::reserved_type", Error,
        "A base field is declared with another type",
        "`id`, `createdAt`, `updatedAt`, `organizationId` and `createdBy` exist in every row and have their types.",
        "Rename the field, or declare it with the type that it has.";
    RelationNameNotIdentifier = "ablo::relation::name_not_identifier", Error,
        "A relation name is no identifier",
        "The name becomes an identifier in every target.",
        "Begin with an ASCII letter and go on with ASCII letters, digits and `_`.";
    RelationShadowsField = "ablo::relation::shadows_field", Warning,
        "A relation has the name of a field",
        "Clients that show relations on rows can show only one of the two.",
        "Rename the relation.";
    TableInvalid = "ablo::table::invalid", Error,
        "A table name cannot be one",
        "A table name has at least one character and no NUL.",
        "Give another `tableName`.";
    TableTooLong = "ablo::table::too_long", Error,
        "A table name is too long",
        "PostgreSQL cuts identifiers beyond 63 bytes without an error, so that two tables may become one.",
        "Give a `tableName` of at most 63 bytes.";
    TableRepeated = "ablo::table::repeated", Error,
        "Two models are stored in one table",
        "Each model has a table of its own. Names that differ only in case are one table on SQLite.",
        "Give one of the models another `tableName`.";
    TableReserved = "ablo::table::reserved", Warning,
        "A table has a name that is kept for others",
        "`sync_deltas` and every name that begins with `ablo_` are for the tables that the coordinator and data sources keep beside the models' (`service.sql`). SQLite makes no table whose name begins with `sqlite_`.",
        "Give the model another `tableName`; it can keep its key.";
    ColumnInvalid = "ablo::column::invalid", Error,
        "A column name is not acceptable",
        "Columns match `^[a-zA-Z_][a-zA-Z0-9_]{0,62}$`.",
        "Give a name of that form.";
    ColumnTooLong = "ablo::column::too_long", Error,
        "A column name is too long",
        "PostgreSQL cuts identifiers beyond 63 bytes without an error, so that two columns may become one.",
        "Give a `column` of at most 63 bytes; the field can keep its name.";
    ColumnRepeated = "ablo::column::repeated", Error,
        "Two fields are stored in one column",
        "One of them would overwrite the other. Names that differ only in case are one column on SQLite.",
        "Give one of the fields another `column`.";
    ColumnReserved = "ablo::column::reserved", Error,
        "A column has the name of a system column",
        "Every PostgreSQL table has columns named `tableoid`, `xmin`, `cmin`, `xmax`, `cmax` and `ctid`, and takes no others of these names.",
        "Give the field another `column`; it can keep its name.";
    EnumNoValues = "ablo::enum::no_values", Error,
        "An enum has no values",
        "No row could hold anything in it.",
        "List the values in `enumValues`.";
    EnumRepeatedValue = "ablo::enum::repeated_value", Error,
        "An enum has a value twice",
        "Values of an enum are all different.",
        "Remove one.";
    EnumValuesOnOtherType = "ablo::enum::values_on_other_type", Error,
        "A field that is no enum has values",
        "Only fields of type `enum` have `enumValues`.",
        "Make the field an enum, or remove the values.";
    EnumNulInValue = "ablo::enum::nul_in_value", Error,
        "An enum value holds a NUL character",
        "No database keeps NUL in text.",
        "Remove the character.";
    FacetUnknownFormat = "ablo::facet::unknown_format", Warning,
        "A format is not known",
        "Formats say what the values of a `number` or a `string` are exactly. This word is kept in the schema and changes nothing in what is generated.",
        "Mend the word, or leave it where another reader of the schema knows it.";
    FacetFormatOnOtherType = "ablo::facet::format_on_other_type", Error,
        "A format stands on another type than its own",
        "`int8`, `int16`, `int32`, `uint8`, `uint16`, `uint32` and `float` are numbers in JSON; `int64`, `uint64` and `decimal` are strings of digits, so that no reader rounds them, and `uuid` is a string.",
        "Give the field the type that the help line names.";
    FacetFormatOnKey = "ablo::facet::format_on_key", Error,
        "A field that holds an id has a format",
        "Ids are plain text in every table. A column of another type could not be compared with them.",
        "Remove the format.";
    FacetDigits = "ablo::facet::digits", Error,
        "The digits of a decimal cannot be",
        "`precision` is how many digits a `decimal` has in all, from 1 to 1000, `scale` how many of them stand behind the point, from 0 to `precision`. They come together and with no other format.",
        "Give both in that range on a `decimal`, or neither.";
    FacetShapeOnOtherType = "ablo::facet::shape_on_other_type", Error,
        "A field that is no JSON has a shape",
        "A shape is the JSON Schema of what a `json` field holds.",
        "Make the field `json`, or remove the shape.";
    FacetShapeNotObject = "ablo::facet::shape_not_object", Error,
        "A shape is no JSON Schema object",
        "A shape is a JSON Schema, written as an object.",
        "Give an object.";
    FacetShapeRefers = "ablo::facet::shape_refers", Error,
        "A shape does not stand by itself",
        "A shape is copied into other documents, where `$ref`, `$id`, `$anchor` and `$schema` would mean something else.",
        "Write out in the shape what it refers to.";
    FacetShapeInvalid = "ablo::facet::shape_invalid", Error,
        "A shape is no valid JSON Schema",
        "A keyword of the shape has a value that JSON Schema 2020-12 does not take, and so would every document that the shape is copied into.",
        "Mend the keyword that the message names.";
    FacetUniqueOnJson = "ablo::facet::unique_on_json", Error,
        "JSON is to be unique",
        "Databases do not agree on when two JSON documents are equal, and documents outgrow what an index holds.",
        "Make the part that has to be unique a field of its own.";
    FacetUniqueOnBoolean = "ablo::facet::unique_on_boolean", Warning,
        "A boolean is to be unique",
        "A boolean that every row has leaves room for two rows in an organisation.",
        "Remove `unique`. For at most one row that is marked, make the field optional and write only `true`.";
    FacetOnBaseField = "ablo::facet::on_base_field", Error,
        "A base field has a facet that it cannot have",
        "Base fields are in every row and are the server's to fill, and the tenancy column with them: their type, default and uniqueness are not the author's.",
        "Remove the member, or declare a field of another name and column.";
    FacetRenamedFromInvalid = "ablo::facet::renamed_from_invalid", Error,
        "An old name can never have been one",
        "`renamedFrom` is what the field was called before, and field names are camelCase without two capitals in a row.",
        "Give the field's old name, not that of its column.";
    FacetRenamedFromExists = "ablo::facet::renamed_from_exists", Error,
        "An old name is that of a field that still exists",
        "A field takes over the values of the one that it was renamed from, which is gone then. Base fields are never gone.",
        "Remove `renamedFrom`, or the old field.";
    FacetRenamedFromRepeated = "ablo::facet::renamed_from_repeated", Error,
        "Two fields come from one old name",
        "Only one field can take over the values of the old one.",
        "Keep `renamedFrom` on one of them.";
    FacetNumberOutOfRange = "ablo::facet::number_out_of_range", Error,
        "A field's number is out of range",
        "Numbers of fields in the binary form are whole and go from 1 to 65535; those beyond are derived from names.",
        "Give such a number, or none.";
    FacetNumberRepeated = "ablo::facet::number_repeated", Error,
        "Two fields have one number",
        "The binary form tells the fields of a model apart by number: the author's, else one derived from the oldest known name.",
        "Give one of them another `number`.";
    FacetDefaultWrongType = "ablo::facet::default_wrong_type", Error,
        "A default has another type than its field",
        "A default is a value of the field's type as JSON has it. A date is an RFC 3339 string or `now`; formats wider than a double are strings of digits.",
        "Give a value of the field's type.";
    FacetDefaultNotInEnum = "ablo::facet::default_not_in_enum", Error,
        "A default is no value of its enum",
        "An enum's default is one of the values that it lists.",
        "Choose one of the values, or add this one.";
    FacetDefaultOutOfRange = "ablo::facet::default_out_of_range", Error,
        "A default is no value of its format",
        "The default is out of the format's range, has more digits than the format, or is not written as the format is.",
        "Give a value of the format.";
    FacetNulInDefault = "ablo::facet::nul_in_default", Error,
        "A default holds a NUL character",
        "No database keeps NUL in text.",
        "Remove the character.";
    RelationUnknownTarget = "ablo::relation::unknown_target", Error,
        "A relation leads to no model",
        "The target of a relation is the key of a model of this schema.",
        "Mend the name, or add the model.";
    RelationUnknownForeignKey = "ablo::relation::unknown_foreign_key", Error,
        "A foreign key is no field",
        "The key of a `belongsTo` is a field of its own model; that of a `hasMany` or `hasOne` is a field of the target.",
        "Mend the name, or declare the field.";
    RelationForeignKeyNotString = "ablo::relation::foreign_key_not_string", Error,
        "A foreign key cannot hold an id",
        "Ids are strings, and so are the fields that hold them.",
        "Make the field a string.";
    RelationForeignKeyColumnMismatch = "ablo::relation::foreign_key_column_mismatch", Warning,
        "A relation names another column than its field has",
        "`foreignKeyColumn` repeats where the foreign key is stored; the field itself decides.",
        "Write the column of the field.";
    RelationUnknownOrderBy = "ablo::relation::unknown_order_by", Error,
        "A relation is ordered by no field",
        "`orderBy` names a field of the target.",
        "Mend the name.";
    RelationOrderByIgnored = "ablo::relation::order_by_ignored", Warning,
        "An order has nothing to order",
        "Only `hasMany` relations lead to several rows.",
        "Remove `orderBy`.";
    RelationOptionsIgnored = "ablo::relation::options_ignored", Warning,
        "Options stand where they do nothing",
        "Only `belongsTo` relations take options.",
        "Set them on the `belongsTo` at the other end.";
    RelationFkAcrossPlanes = "ablo::relation::fk_across_planes", Error,
        "A foreign key reaches into another database",
        "Tables of the tenant plane and of the control plane live in different databases.",
        "Remove `fk` from the relation.";
    RelationParentCycle = "ablo::relation::parent_cycle", Warning,
        "Parents lead in a circle and to no scope root",
        "Sync groups follow `parent` relations up to a scope root; a circle without one routes its rows to nobody.",
        "Make the model at the top a scope root, or drop `parent` from one relation.";
    RelationCreateCycle = "ablo::relation::create_cycle", Warning,
        "Models each have to be created first",
        "Creates are ordered so that parents come before children, and here there is no such order.",
        "Set `defer` on the relation that can be filled in later.";
    TenancyUnknownLocalKey = "ablo::tenancy::unknown_local_key", Error,
        "The key to the parent is no column",
        "`localKey` is a column of this table.",
        "Mend the name, or declare the field that is stored in it.";
    TenancyUnknownParentTable = "ablo::tenancy::unknown_parent_table", Warning,
        "The parent's table is not in this schema",
        "It may exist outside; if not, the policy that isolates the rows cannot be made.",
        "Nothing, if the table exists. Otherwise name the table of a model: its `tableName`, or its key.";
    TenancyUnknownParentKey = "ablo::tenancy::unknown_parent_key", Error,
        "The parent has no such key",
        "`parentKey` is a column of the parent's table.",
        "Mend the name; `id` is meant where none is given.";
    TenancyUnknownParentOrgColumn = "ablo::tenancy::unknown_parent_org_column", Warning,
        "The parent has no column for the organisation",
        "`parentOrgColumn` is a column of the parent's table, `organization_id` where none is given.",
        "Name the parent's tenancy column.";
    TenancyLoop = "ablo::tenancy::loop", Error,
        "Tenancy leads in a circle",
        "Each row must lead to an organisation in the end.",
        "Give one of the models a tenancy column.";
    ScopeKindInvalid = "ablo::scope::kind_invalid", Error,
        "A scope's kind is no kind of sync group",
        "Kinds match `^[a-z][a-z0-9_]*$`. With `\"scope\": true` the kind is the lower-cased typename.",
        "Name a kind of that form.";
    ScopeKindRepeated = "ablo::scope::kind_repeated", Warning,
        "Two models form sync groups of one kind",
        "Rows of the two with the same id would share a group, and so would those who may read it.",
        "Give one of them a kind of its own.";
    GrantsUnknownRelation = "ablo::grants::unknown_relation", Error,
        "A grant names no relation",
        "`subject` and `scope` are relations of the model itself.",
        "Mend the name, or add the relation.";
    GrantsNotBelongsTo = "ablo::grants::not_belongs_to", Error,
        "A grant follows a relation that it cannot",
        "A membership row holds both ids itself, so that both relations are `belongsTo`.",
        "Name a `belongsTo` relation.";
    GrantsTargetNotScopeRoot = "ablo::grants::target_not_scope_root", Error,
        "A grant gives access to no scope",
        "The model that `scope` leads to must be a scope root.",
        "Add `scope` to that model.";
    RoleKindInvalid = "ablo::role::kind_invalid", Error,
        "A role's kind is no kind of sync group",
        "Kinds match `^[a-z][a-z0-9_]*$`.",
        "Name a kind of that form.";
    RoleUnknownField = "ablo::role::unknown_field", Error,
        "A role reads no field",
        "An entity role reads a field of its model, an identity role a field of the identity.",
        "Mend the name.";
    HintUnknownField = "ablo::hint::unknown_field", Error,
        "A hint names no field",
        "`requiredFields`, `autoFill` and `bootstrapOrderBy` name what the model has.",
        "Mend the name.";
    HintAutoFillNotString = "ablo::hint::auto_fill_not_string", Error,
        "A fill rule fills a field that holds no id",
        "`autoFill` fills string fields with ids.",
        "Make the field a string, or remove the rule.";
    HintBootstrapLimit = "ablo::hint::bootstrap_limit", Error,
        "A bootstrap limit is no number of rows",
        "The limit is a whole number, 0 or more.",
        "Give such a number, or leave it out.";
    HintBootstrapOrderBy = "ablo::hint::bootstrap_order_by", Error,
        "A bootstrap order cannot be read",
        "The order is a list of columns, each with an optional direction: `created_at DESC, id`.",
        "Write it so.";
    HintPersistStore = "ablo::hint::persist_store", Error,
        "A store has no name",
        "The store of `persist` is named, or left out: then it is the typename.",
        "Name it, or leave it out.";
    SelectUnknownModel = "ablo::select::unknown_model", Error,
        "A selected model does not exist",
        "Models are selected by their keys.",
        "Mend the name.";
    SelectParentLeaves = "ablo::select::parent_leaves", Error,
        "A parent is not selected",
        "Rows live in the parent, and sync groups follow it; without it their routing would change.",
        "Select the parent too.";
    RustSyntax = "ablo::rust::syntax", Error,
        "The Rust source cannot be read",
        "It, or an attribute in it, is not what Rust or ablo's macros take.",
        "Mend it where the message points.";
    RustUnknownAttribute = "ablo::rust::unknown_attribute", Error,
        "An attribute that ablo does not know",
        "A word that nobody reads would be lost without notice.",
        "Mend the word, or remove it.";
    RustRepeatedAttribute = "ablo::rust::repeated_attribute", Error,
        "Something is said twice",
        "One of the two would be ignored.",
        "Remove one.";
    RustAttributeValue = "ablo::rust::attribute_value", Error,
        "An attribute says something it cannot say",
        "Its value is missing, of another kind, or does not go with what it stands on.",
        "Write it as the help shows.";
    RustUnsupportedType = "ablo::rust::unsupported_type", Error,
        "A field of a type that no row holds",
        "Fields hold texts, numbers, booleans, points in time, enums, ids and JSON, each or an `Option` of it.",
        "Use the type that the help names; anything that serde writes fits into `Json<…>`.";
    RustUnknownType = "ablo::rust::unknown_type", Error,
        "A type that is no enum of this schema",
        "Whoever reads a source without compiling it can only know the enums that stand in it.",
        "Derive `AbloEnum` for it in the same source, mend the name, or wrap the type in `Json<…>`.";
    RustUnknownModel = "ablo::rust::unknown_model", Error,
        "A schema names a model that is not there",
        "`define_schema!` names structs that derive `AbloModel`.",
        "Mend the name, or derive `AbloModel` for it.";
    RustReservedField = "ablo::rust::reserved_field", Error,
        "A field that every row has is declared again",
        "Every row has `id`, `created_at`, `updated_at`, `organization_id` and `created_by`; they are not part of the struct.",
        "Remove the field; to say more of it, use `#[ablo(base(…))]` on the struct.";
    RustNotAStruct = "ablo::rust::not_a_struct", Error,
        "A model that is no struct",
        "A model is a struct with named fields.",
        "Make it one, or derive `AbloEnum` for an enum.";
    RustNotAnEnum = "ablo::rust::not_an_enum", Error,
        "`AbloEnum` on what is no enum",
        "Its values are the variants of an enum.",
        "Derive `AbloModel` for a struct.";
    RustTupleStruct = "ablo::rust::tuple_struct", Error,
        "A model whose fields have no names",
        "The name of a field is its name on the wire.",
        "Give each field a name.";
    RustGeneric = "ablo::rust::generic", Error,
        "A model or an enum with parameters",
        "A schema has one model for one type.",
        "Remove the parameters.";
    RustEnumWithoutOther = "ablo::rust::enum_without_other", Error,
        "An enum with no place for values that newer writers know",
        "Enums are open on the wire: an old client must keep a value that it does not know.",
        "Add a last variant, `#[ablo(other)] Other(ablo::UnknownValue)`.";
    RustVariantWithFields = "ablo::rust::variant_with_fields", Error,
        "A variant holds something it cannot hold",
        "The value of an enum is a text; only the variant that keeps other values holds it.",
        "Remove what the variant holds.";
    RustMixedSchema = "ablo::rust::mixed_schema", Error,
        "A schema that is said in two ways",
        "A source defines one schema, and its models are either named in it or declared in it.",
        "Do one of the two.";
    RustNoModels = "ablo::rust::no_models", Error,
        "A source without models",
        "There is nothing to generate from.",
        "Derive `AbloModel` for a struct, or name the right source.";
    RustRepeatedName = "ablo::rust::repeated_name", Error,
        "Two things have one name",
        "Models are known by their keys and their structs, fields and relations by their names on the wire, enums by their Rust names.",
        "Rename one of them: `key` names a model, `rename` a field, `relation` the relation of a field.";
    RustUnlistedModel = "ablo::rust::unlisted_model", Warning,
        "A model is not in the schema",
        "It derives `AbloModel`, and `define_schema!` does not name it.",
        "Name it in `define_schema!`, or remove the derive.";
    RustModuleNotFound = "ablo::rust::module_not_found", Error,
        "The file of a module cannot be read",
        "`mod name;` leads to `name.rs` or `name/mod.rs`, and models may stand in it. Nothing is compiled, so that files which a build script makes are not there.",
        "Create the file, mend its name, or read the file that declares the models.";
    RenameUnknownMember = "ablo::rename::unknown_member", Error,
        "Hints or backfills have a member that nobody reads",
        "Hints have `models`, `fields` and `drops`, a backfill has `model`, `field` and `value`. A hint that is not followed loses data, so that nothing is passed over.",
        "Write the member as the help line says, or remove it.";
    RenameUnknownModel = "ablo::rename::unknown_model", Error,
        "A hint names a model that is not there",
        "`from` is a key of the schema before, `to` and `model` are keys of the next one; what is dropped is in the one before alone.",
        "Correct the key, or remove the hint.";
    RenameUnknownField = "ablo::rename::unknown_field", Error,
        "A hint names a field that is not there",
        "`from` is a declared field of the model before, `to` one of the next; what is dropped is in the one before alone.",
        "Correct the name, or remove the hint.";
    RenameConflict = "ablo::rename::conflict", Error,
        "Two hints contradict each other",
        "A model or field has one name before and one name after. `renamedFrom` in the schema counts as a hint.",
        "Keep the hint that is right, and remove the other.";
    BackfillUnknownModel = "ablo::backfill::unknown_model", Error,
        "A backfill names a model that is not there",
        "`model` is a key of the next schema.",
        "Correct the key, or remove the backfill.";
    BackfillUnknownField = "ablo::backfill::unknown_field", Error,
        "A backfill names a field that cannot have one",
        "`field` is a declared field of the next schema, or `organizationId` of a model that is isolated by column.",
        "Correct the name, or remove the backfill.";
    BackfillUnfit = "ablo::backfill::unfit", Error,
        "A backfill is no value of its field",
        "It would be written into every row that needs one, so that it must be of the field's type, among its enum values and within its format.",
        "Give a value that the field can hold.";
    BackfillRepeated = "ablo::backfill::repeated", Error,
        "A field has two backfills",
        "One value is written into the rows.",
        "Keep one of the two.";
}
