//! The table of diagnostic codes: name, severity, title, meaning and fix.

use super::entry::codes;
use super::severity::Severity;

#[rustfmt::skip]
codes! {
    SourceTooLarge = "ablo::source::too_large", Error, "The input is too large",
        "Inputs are limited to 64 MiB of JSON or 16 MiB of Rust; a schema of ten thousand models \
         has about 17 MiB of JSON. The nesting of Rust items is limited too, so that the parser \
         cannot overflow the stack.",
        "Check that this is the intended file, split the schema, or move deeply nested parts into \
         named types.";
    SourceNotUtf8 = "ablo::source::not_utf8", Error, "The input is not UTF-8",
        "JSON and Rust sources are UTF-8 text. The byte at the reported position is not valid \
         UTF-8.",
        "Save the file as UTF-8.";
    JsonSyntax = "ablo::json::syntax", Error, "The input is not valid JSON",
        "The text violates the JSON grammar there. Commas, quotes, comments and fences are \
         repaired to check the rest; after any other fault nothing is read.",
        "JSON has no comments or trailing commas, and names and strings are double-quoted.";
    JsonTooDeep = "ablo::json::too_deep", Error, "Values are nested too deeply",
        "Values may be nested 32 levels deep; a schema needs eight.",
        "Flatten the value at the reported position.";
    JsonNumberOutOfRange = "ablo::json::number_out_of_range", Error, "A number is out of range",
        "Numbers in Schema JSON are IEEE 754 doubles. This one exceeds their range.",
        "Write it as a string, or use a number within the range.";
    JsonDuplicateMember = "ablo::json::duplicate_member", Error,
        "An object has the same member twice",
        "Most JSON parsers silently keep only the last of two members with the same name.",
        "Remove one of the two.";
    JsonWrongType = "ablo::json::wrong_type", Error, "A value has the wrong type",
        "Schema JSON requires another type of value here.",
        "Use a value of the type that the message names.";
    JsonMissingMember = "ablo::json::missing_member", Error, "A required member is missing",
        "Schema JSON requires this member.",
        "Add the member as the help line shows.";
    JsonUnknownMember = "ablo::json::unknown_member", Error, "Unknown member",
        "Schema JSON does not have this member here, so it would have no effect. Names that begin \
         with `x-` are free. `--allow-unknown` makes it a warning.",
        "Fix the spelling, remove the member, or let its name begin with `x-`.";
    JsonUnknownValue = "ablo::json::unknown_value", Error, "Unknown value",
        "The member accepts a fixed set of values.",
        "Use one of the values in the help line.";
    SchemaUnsupportedVersion = "ablo::schema::unsupported_version", Error,
        "Unsupported version of Schema JSON",
        "This compiler reads Schema JSON v3 only.",
        "Export the schema again as version 3.";
    SchemaReadOnly = "ablo::schema::read_only", Warning, "No session can write",
        "Users and agents can write rows of models that are `mutable`, and no model is.",
        "Set `mutable` for a model or the whole schema, or false for the whole schema on purpose.";
    ModelKeyNotIdentifier = "ablo::model::key_not_identifier", Error,
        "A model key is not a valid identifier",
        "The key becomes an identifier in every target: an ASCII letter followed by ASCII letters, \
         digits and `_`, at most 200 bytes.",
        "Rename the model. `tableName` keeps the table and `typename` keeps the name on the wire.";
    ModelKeyCollides = "ablo::model::key_collides", Error, "Two model keys collide",
        "The keys differ only in case or underscores, so they become the same identifier in at \
         least one target.",
        "Rename one of the models.";
    ModelKeyShadowed = "ablo::model::key_shadowed", Warning,
        "A model key is shadowed by a client member",
        "Clients have members of their own (`ready`, `commits`, `schema`, …). A model with the \
         same key cannot be accessed as a member.",
        "Choose another key.";
    ModelTypenameNotIdentifier = "ablo::model::typename_not_identifier", Error,
        "A typename is not a valid identifier",
        "The typename becomes the name of a type in every target: an ASCII letter followed by \
         ASCII letters, digits and `_`, at most 200 bytes.",
        "Choose a typename of that form.";
    ModelTypenameCollides = "ablo::model::typename_collides", Error,
        "Two typenames collide on the wire",
        "Deltas identify their model by typename only, and commits use the lower-cased typename. \
         The rows of the two models would be indistinguishable.",
        "Give one of the models another typename.";
    ModelWireNameAmbiguous = "ablo::model::wire_name_ambiguous", Warning,
        "A name on the wire is ambiguous",
        "Older clients lower-case names and drop the word `Model`, and servers also accept a \
         lower-cased key. After that, the two models have the same name.",
        "Choose typenames and keys that remain different.";
    FieldNotCamelCase = "ablo::field::not_camel_case", Error, "A field name is not camelCase",
        "Field names start with a lower-case ASCII letter followed by ASCII letters and digits. \
         They are converted to snake_case and back.",
        "Rename the field. `column` keeps the column.";
    FieldConsecutiveCapitals = "ablo::field::consecutive_capitals", Error,
        "A field name has consecutive capital letters",
        "`contentJSON` becomes `content_j_s_o_n` in snake_case and cannot be converted back.",
        "Write `contentJson`. `column` keeps the column.";
    FieldReservedType = "ablo::field::reserved_type", Error,
        "A base field is declared with another type",
        "`id`, `createdAt`, `updatedAt`, `organizationId` and `createdBy` exist in every row and \
         have fixed types.",
        "Rename the field, or declare it with its fixed type.";
    RelationNameNotIdentifier = "ablo::relation::name_not_identifier", Error,
        "A relation name is not a valid identifier",
        "The name becomes an identifier in every target.",
        "Use an ASCII letter followed by ASCII letters, digits and `_`.";
    RelationShadowsField = "ablo::relation::shadows_field", Warning,
        "A relation has the same name as a field",
        "Clients that show relations as members of rows can show only one of the two.",
        "Rename the relation.";
    TableInvalid = "ablo::table::invalid", Error, "A table name is invalid",
        "A table name has at least one character and contains no NUL.",
        "Choose another `tableName`.";
    TableTooLong = "ablo::table::too_long", Error, "A table name is too long",
        "PostgreSQL silently truncates identifiers to 63 bytes, so two tables could get the same \
         name.",
        "Choose a `tableName` of at most 63 bytes.";
    TableRepeated = "ablo::table::repeated", Error, "Two models use the same table",
        "Each model needs its own table. SQLite ignores the case of table names.",
        "Give one of the models another `tableName`.";
    TableReserved = "ablo::table::reserved", Warning, "A table name is reserved",
        "`sync_deltas` and all names with the prefix `ablo_` are reserved for the tables of \
         coordinators and data sources (`service.sql`). SQLite reserves the prefix `sqlite_`.",
        "Give the model another `tableName`. The key can stay.";
    ColumnInvalid = "ablo::column::invalid", Error, "A column name is invalid",
        "Column names match `^[a-zA-Z_][a-zA-Z0-9_]{0,62}$`.",
        "Choose a name of that form.";
    ColumnTooLong = "ablo::column::too_long", Error, "A column name is too long",
        "PostgreSQL silently truncates identifiers to 63 bytes, so two columns could get the same \
         name.",
        "Set `column` to a name of at most 63 bytes. The field can keep its name.";
    ColumnRepeated = "ablo::column::repeated", Error, "Two fields use the same column",
        "One field would overwrite the other. SQLite ignores the case of column names.",
        "Give one of the fields another `column`.";
    ColumnReserved = "ablo::column::reserved", Error, "A column has the name of a system column",
        "Every PostgreSQL table has the system columns `tableoid`, `xmin`, `cmin`, `xmax`, `cmax` \
         and `ctid`. No other column may use these names.",
        "Give the field another `column`. The field can keep its name.";
    EnumNoValues = "ablo::enum::no_values", Error, "An enum has no values",
        "No row could store a value in it.",
        "List the values in `enumValues`.";
    EnumRepeatedValue = "ablo::enum::repeated_value", Error, "An enum lists a value twice",
        "The values of an enum must be distinct.",
        "Remove one of the two.";
    EnumValuesOnOtherType = "ablo::enum::values_on_other_type", Error,
        "A field that is not an enum has values",
        "Only fields of type `enum` have `enumValues`.",
        "Make the field an enum, or remove the values.";
    EnumNulInValue = "ablo::enum::nul_in_value", Error, "An enum value contains a NUL character",
        "Databases cannot store NUL in text.",
        "Remove the character.";
    FacetUnknownFormat = "ablo::facet::unknown_format", Warning, "Unknown format",
        "A format defines the exact values of a `number` or a `string`. An unknown format is kept \
         in the schema and has no effect on generated code.",
        "Fix the spelling, or keep it if other tools that read the schema know it.";
    FacetFormatOnOtherType = "ablo::facet::format_on_other_type", Error,
        "A format does not match the type of its field",
        "`int8`, `int16`, `int32`, `uint8`, `uint16`, `uint32` and `float` are numbers in JSON. \
         `int64`, `uint64` and `decimal` are strings of digits, so that JSON parsers do not round \
         them, and `uuid` is a string.",
        "Give the field the type that the help line names.";
    FacetFormatOnKey = "ablo::facet::format_on_key", Error,
        "A field that stores an id has a format",
        "A format decides the values of a field, and those of a field that stores an id are ids.",
        "Remove the format. `columnType` sets the type of a column of ids, such as `uuid`.";
    FacetColumnTypeUnknown = "ablo::facet::column_type_unknown", Error, "Unknown column type",
        "`columnType` is none of the types of PostgreSQL that a field can have.",
        "Use one of the types in docs/reference/schema-json.md.";
    FacetColumnTypeOnOtherType = "ablo::facet::column_type_on_other_type", Error,
        "A column type cannot store its field",
        "Each column type stores fields of some types only, and no field with a format, which has \
         a column type of its own.",
        "Give the field the type that the help line names, or use another column type.";
    FacetColumnTypeOfKey = "ablo::facet::column_type_of_key", Error,
        "A field and the id that it refers to have different column types",
        "A database compares a reference with an id only if both are text, both are UUIDs or both \
         are integers.",
        "Give both fields the same `columnType`.";
    FacetColumnTypeDefault = "ablo::facet::column_type_default", Error,
        "A default of a list or of bytes",
        "A column with a list or with bytes has no default that both the database and the \
         coordinator know.",
        "Remove the default.";
    FacetColumnTypeIndex = "ablo::facet::column_type_index", Error,
        "A column type without an index",
        "PostgreSQL has no index for columns of type `json`.",
        "Use `jsonb`, which is the default of a `json` field, or no index.";
    FacetDigits = "ablo::facet::digits", Error, "Invalid precision or scale",
        "`precision` is the total number of digits of a `decimal`, from 1 to 1000; `scale` is the \
         number of digits after the decimal point, from 0 to `precision`. Both are required \
         together and only on a `decimal`.",
        "Set both within their ranges on a `decimal`, or neither.";
    FacetShapeOnOtherType = "ablo::facet::shape_on_other_type", Error,
        "A field that is not JSON has a shape",
        "A shape is the JSON Schema of the values of a `json` field.",
        "Make the field `json`, or remove the shape.";
    FacetShapeNotObject = "ablo::facet::shape_not_object", Error, "A shape is not an object",
        "A shape is a JSON Schema in object form.",
        "Write an object.";
    FacetShapeRefers = "ablo::facet::shape_refers", Error, "A shape is not self-contained",
        "Shapes are copied into other documents, where `$ref`, `$id`, `$anchor` and `$schema` \
         would resolve differently.",
        "Replace the reference with what it refers to.";
    FacetShapeInvalid = "ablo::facet::shape_invalid", Error, "A shape is not a valid JSON Schema",
        "A keyword of the shape has a value that JSON Schema 2020-12 does not allow. Every \
         document that contains the shape would be invalid too.",
        "Fix the keyword that the message names.";
    FacetUniqueOnJson = "ablo::facet::unique_on_json", Error, "A JSON field is unique",
        "Databases disagree on when two JSON documents are equal, and documents can exceed the \
         size limit of an index.",
        "Move the part that has to be unique to a field of its own.";
    FacetUniqueOnBoolean = "ablo::facet::unique_on_boolean", Warning,
        "A required boolean is unique",
        "With a unique, required boolean, an organisation can have at most two rows.",
        "Remove `unique`. To mark at most one row, make the field optional and write only `true`.";
    FacetRelativeInvalid = "ablo::facet::relative_invalid", Error, "Invalid relative operations",
        "`relative` lists the changes of a field that start from its current value: `increment`, \
         `append`, `add` and `remove`, each at most once.",
        "Use these words, or remove the member.";
    FacetRelativeOnOtherType = "ablo::facet::relative_on_other_type", Error,
        "A relative operation does not match the type of its field",
        "Numbers can be incremented (also the formats `int64`, `uint64` and `decimal`), texts \
         appended to, and `json` lists appended to, added to and removed from.",
        "Use an operation that the type has, or remove it.";
    FacetRelativeOnKey = "ablo::facet::relative_on_key", Error,
        "A field that identifies rows has relative operations",
        "A change of a unique value or of an id has to name the new one.",
        "Remove `relative`.";
    FacetSecretRequired = "ablo::facet::secret_required", Error, "A secret field is required",
        "Readers without the operation `<model>.<field>.read` get rows without the field, so that \
         every row may lack it.",
        "Make the field optional.";
    FacetSecretUsed = "ablo::facet::secret_used", Error, "A secret field decides what others see",
        "Keys, sync groups, orders and unique values reveal the value of a field to readers who \
         may not read it.",
        "Remove `secret`, or use another field there.";
    FacetOnBaseField = "ablo::facet::on_base_field", Error,
        "A base field has a facet that it does not support",
        "The server fills the base fields, including the tenancy column. Their type, default and \
         uniqueness are fixed.",
        "Remove the member, or declare a field with another name and column.";
    FacetRenamedFromInvalid = "ablo::facet::renamed_from_invalid", Error,
        "`renamedFrom` is not a valid field name",
        "`renamedFrom` is the previous name of the field. Field names are camelCase without \
         consecutive capital letters.",
        "Write the previous name of the field, not the name of its column.";
    FacetRenamedFromExists = "ablo::facet::renamed_from_exists", Error,
        "`renamedFrom` names an existing field",
        "A renamed field takes over the values of the previous field, which no longer exists. Base \
         fields always exist.",
        "Remove `renamedFrom`, or the previous field.";
    FacetRenamedFromRepeated = "ablo::facet::renamed_from_repeated", Error,
        "Two fields have the same `renamedFrom`",
        "Only one field can take over the values of the previous field.",
        "Keep `renamedFrom` on one of them.";
    FacetNumberOutOfRange = "ablo::facet::number_out_of_range", Error,
        "A field number is out of range",
        "Field numbers of the binary form are whole numbers from 1 to 65535. Larger numbers are \
         reserved for those derived from names.",
        "Use a number in that range, or remove it.";
    FacetNumberRepeated = "ablo::facet::number_repeated", Error, "Two fields have the same number",
        "The binary form identifies the fields of a model by number: the declared one, else one \
         derived from the oldest known name.",
        "Give one of the fields another `number`.";
    FacetDefaultWrongType = "ablo::facet::default_wrong_type", Error,
        "A default has the wrong type",
        "A default is a value of the field's type in JSON. A date is an RFC 3339 string or `now`; \
         formats wider than a double are strings of digits.",
        "Use a value of the field's type.";
    FacetDefaultNotInEnum = "ablo::facet::default_not_in_enum", Error,
        "A default is not a value of its enum",
        "The default of an enum must be one of its listed values.",
        "Use one of the values, or add this one to the enum.";
    FacetDefaultOutOfRange = "ablo::facet::default_out_of_range", Error,
        "A default does not match its format",
        "The default is out of the range of the format, has too many digits, or is not written in \
         the required notation.",
        "Use a value of the format.";
    FacetNulInDefault = "ablo::facet::nul_in_default", Error, "A default contains a NUL character",
        "Databases cannot store NUL in text.",
        "Remove the character.";
    RelationUnknownTarget = "ablo::relation::unknown_target", Error, "Unknown target of a relation",
        "The target of a relation is the key of a model in this schema.",
        "Fix the name, or add the model.";
    RelationUnknownForeignKey = "ablo::relation::unknown_foreign_key", Error,
        "Unknown foreign key of a relation",
        "The foreign key of a `belongsTo` is a field of its own model; that of a `hasMany` or \
         `hasOne` is a field of the target.",
        "Fix the name, or declare the field.";
    RelationForeignKeyNotString = "ablo::relation::foreign_key_not_string", Error,
        "A foreign key is not a string",
        "Ids are strings, and so are the fields that store them.",
        "Make the field a string.";
    RelationForeignKeyColumnMismatch = "ablo::relation::foreign_key_column_mismatch", Warning,
        "`foreignKeyColumn` differs from the column of its field",
        "`foreignKeyColumn` repeats the column of the foreign key. The field itself determines the \
         column.",
        "Set it to the column of the field.";
    RelationUnknownOrderBy = "ablo::relation::unknown_order_by", Error,
        "Unknown field in `orderBy`",
        "`orderBy` names a field of the target.",
        "Fix the name.";
    RelationOrderByIgnored = "ablo::relation::order_by_ignored", Warning, "`orderBy` has no effect",
        "Only `hasMany` relations have several rows to order.",
        "Remove `orderBy`.";
    RelationOptionsIgnored = "ablo::relation::options_ignored", Warning, "Options have no effect",
        "Only `belongsTo` relations have options.",
        "Set them on the inverse `belongsTo`.";
    RelationFkAcrossPlanes = "ablo::relation::fk_across_planes", Error,
        "A foreign key crosses planes",
        "The tables of the tenant plane and of the control plane are in different databases.",
        "Remove `fk` from the relation.";
    RelationParentCycle = "ablo::relation::parent_cycle", Warning,
        "A cycle of parents has no scope root",
        "Sync groups follow `parent` relations up to a scope root. The rows of a cycle without a \
         scope root belong to no sync group.",
        "Make the topmost model a scope root, or remove `parent` from one of the relations.";
    RelationCreateCycle = "ablo::relation::create_cycle", Warning, "Models form a creation cycle",
        "Creates are ordered so that parents come before children. A cycle has no such order.",
        "Set `defer` on the relation whose foreign key can be set later.";
    TenancyUnknownLocalKey = "ablo::tenancy::unknown_local_key", Error,
        "Unknown column in `localKey`",
        "`localKey` is a column of the model's own table.",
        "Fix the name, or declare the field with this column.";
    TenancyUnknownParentTable = "ablo::tenancy::unknown_parent_table", Warning,
        "The parent table is not in this schema",
        "The table may exist outside the schema. If it does not, the policy that isolates the rows \
         cannot be created.",
        "Ignore the warning if the table exists. Otherwise name the table of a model: its \
         `tableName`, or its key.";
    TenancyUnknownParentKey = "ablo::tenancy::unknown_parent_key", Error,
        "Unknown column in `parentKey`",
        "`parentKey` is a column of the parent table.",
        "Fix the name, or remove `parentKey`: the default is `id`.";
    TenancyUnknownParentOrgColumn = "ablo::tenancy::unknown_parent_org_column", Warning,
        "The parent table has no tenancy column",
        "`parentOrgColumn` is a column of the parent table. The default is `organization_id`.",
        "Name the tenancy column of the parent.";
    TenancyLoop = "ablo::tenancy::loop", Error, "Tenancy forms a cycle",
        "The tenancy of every row must lead to an organisation.",
        "Give one of the models a tenancy column.";
    ScopeKindInvalid = "ablo::scope::kind_invalid", Error, "A scope kind is invalid",
        "Kinds of sync groups match `^[a-z][a-z0-9_]*$`. With `\"scope\": true`, the kind is the \
         lower-cased typename.",
        "Choose a kind of that form.";
    ScopeKindRepeated = "ablo::scope::kind_repeated", Warning,
        "Two models have the same scope kind",
        "Rows of the two models with the same id would share a sync group, and so would their \
         readers.",
        "Give one of them another kind.";
    GrantsUnknownRelation = "ablo::grants::unknown_relation", Error, "Unknown relation in `grants`",
        "`subject` and `scope` name relations of the model itself.",
        "Fix the name, or add the relation.";
    GrantsNotBelongsTo = "ablo::grants::not_belongs_to", Error,
        "A relation in `grants` is not a `belongsTo`",
        "A membership row stores both ids itself, so both relations are `belongsTo`.",
        "Name a `belongsTo` relation.";
    GrantsTargetNotScopeRoot = "ablo::grants::target_not_scope_root", Error,
        "The scope in `grants` is not a scope root",
        "The target of the `scope` relation must be a scope root.",
        "Add `scope` to that model.";
    RoleKindInvalid = "ablo::role::kind_invalid", Error, "A role kind is invalid",
        "Kinds of sync groups match `^[a-z][a-z0-9_]*$`.",
        "Choose a kind of that form.";
    RoleUnknownField = "ablo::role::unknown_field", Error, "Unknown field in a role",
        "An entity role reads a field of its model; an identity role reads a field of the \
         identity. An entity role reads a field of its model; an identity role reads a field of \
         the identity.",
        "Fix the name.";
    HintUnknownField = "ablo::hint::unknown_field", Error, "Unknown field in a model option",
        "`requiredFields` and `autoFill` name fields of the model; `bootstrapOrderBy` names its \
         columns.",
        "Fix the name.";
    HintAutoFillNotString = "ablo::hint::auto_fill_not_string", Error,
        "An `autoFill` field is not a string",
        "`autoFill` fills string fields with ids.",
        "Make the field a string, or remove the rule.";
    HintBootstrapLimit = "ablo::hint::bootstrap_limit", Error, "A bootstrap limit is invalid",
        "The limit is a whole number, 0 or greater.",
        "Use such a number, or remove the limit.";
    HintBootstrapOrderBy = "ablo::hint::bootstrap_order_by", Error, "A bootstrap order is invalid",
        "The order is a list of columns, each with an optional direction: `created_at DESC, id`.",
        "Write the order in that form.";
    HintPersistStore = "ablo::hint::persist_store", Error, "A store name is empty",
        "`persist` names a store. Without a name, the store is the typename.",
        "Name the store, or remove the member.";
    SelectUnknownModel = "ablo::select::unknown_model", Error, "Unknown model in a selection",
        "Models are selected by their keys.",
        "Fix the name.";
    SelectParentLeaves = "ablo::select::parent_leaves", Error, "A selected model lacks its parent",
        "Sync groups follow `parent` relations, so rows would be routed differently without it.",
        "Select the parent too.";
    RustSyntax = "ablo::rust::syntax", Error, "The Rust source cannot be parsed",
        "The source is not valid Rust, or an attribute is not valid syntax of an ablo macro.",
        "Fix the syntax at the reported position.";
    RustUnknownAttribute = "ablo::rust::unknown_attribute", Error, "Unknown attribute argument",
        "Unknown arguments of `#[ablo(…)]` are rejected, because they would have no effect.",
        "Fix the spelling, or remove the argument.";
    RustRepeatedAttribute = "ablo::rust::repeated_attribute", Error, "Duplicate declaration",
        "The argument, variant, model or role is declared twice. One of the two would be ignored.",
        "Remove one of the two.";
    RustAttributeValue = "ablo::rust::attribute_value", Error, "Invalid attribute value",
        "The value is missing, has the wrong form, or does not apply to this item.",
        "Write it as the help line shows.";
    RustUnsupportedType = "ablo::rust::unsupported_type", Error, "Unsupported field type",
        "Fields are strings, numbers, booleans, timestamps, enums, ids and JSON, or an `Option` of \
         one of them.",
        "Use the type that the help line names. `Json<…>` stores any type of serde.";
    RustUnknownType = "ablo::rust::unknown_type", Error, "Unknown field type",
        "A source is read without compiling it, so only enums that are declared in the same source \
         are known.",
        "Derive `AbloEnum` in the same source, fix the name, or wrap the type in `Json<…>`.";
    RustUnknownModel = "ablo::rust::unknown_model", Error, "Unknown model in `define_schema!`",
        "`define_schema!` names structs that derive `AbloModel`.",
        "Fix the name, or derive `AbloModel` for the struct.";
    RustReservedField = "ablo::rust::reserved_field", Error, "A field has the name of a base field",
        "Every row has `id`, `created_at`, `updated_at`, `organization_id` and `created_by`. They \
         are not declared in the struct.",
        "Remove the field. To change its options, use `#[ablo(base(…))]` on the struct.";
    RustNotAStruct = "ablo::rust::not_a_struct", Error, "`AbloModel` on an item that is no struct",
        "A model is a struct with named fields.",
        "Use a struct, or derive `AbloEnum` for an enum.";
    RustNotAnEnum = "ablo::rust::not_an_enum", Error, "`AbloEnum` on an item that is not an enum",
        "The values are the variants of an enum.",
        "Derive `AbloModel` for a struct.";
    RustTupleStruct = "ablo::rust::tuple_struct", Error, "A model is a tuple struct",
        "The name of a field is its name on the wire.",
        "Give each field a name.";
    RustGeneric = "ablo::rust::generic", Error, "A model or an enum is generic",
        "Each model and each enum is exactly one type.",
        "Remove the generic parameters.";
    RustEnumWithoutOther = "ablo::rust::enum_without_other", Error,
        "An enum has no variant for unknown values",
        "Enums are open on the wire: an old client must preserve values that it does not know.",
        "Add a last variant, `#[ablo(other)] Other(ablo::UnknownValue)`.";
    RustVariantWithFields = "ablo::rust::variant_with_fields", Error, "A variant has fields",
        "The values of an enum are strings, so variants have no fields. Only the variant marked \
         `other` has one, for the unknown value.",
        "Remove the fields of the variant.";
    RustMixedSchema = "ablo::rust::mixed_schema", Error, "A schema is defined in two ways",
        "A source defines one schema. `define_schema!` either names its models or declares them.",
        "Use one of the two forms.";
    RustNoModels = "ablo::rust::no_models", Error, "The source has no models",
        "There is nothing to generate.",
        "Derive `AbloModel` for a struct, or specify another source.";
    RustRepeatedName = "ablo::rust::repeated_name", Error, "A name is used twice",
        "Models are identified by their keys and their structs, fields and relations by their \
         names on the wire, enums by their Rust names.",
        "Rename one of them, with `key` of a model, `rename` or `relation` of a field.";
    RustUnlistedModel = "ablo::rust::unlisted_model", Warning, "A model is not in the schema",
        "The struct derives `AbloModel`, and `define_schema!` does not name it.",
        "Name it in `define_schema!`, or remove the derive.";
    RustModuleNotFound = "ablo::rust::module_not_found", Error, "A module's file cannot be read",
        "`mod name;` refers to `name.rs` or `name/mod.rs`, which may contain models. Sources are \
         not compiled, so files generated by a build script do not exist yet.",
        "Create the file, fix its name, or read the file that declares the models.";
    RustUnknownCfg = "ablo::rust::unknown_cfg", Error, "A configuration is not known",
        "A source is read without compiling it. The schema depends on a `#[cfg]` or `#[cfg_attr]` \
         of which it is not known whether it holds, so the compiler could read another schema.",
        "On the command line, name features with `--features` and other facts with `--cfg`. A \
         build script knows the features and the target; `Generator::cfg` names other facts.";
    RustMacro = "ablo::rust::macro", Error, "A macro prints models or enums",
        "A source is read without compiling it, so what a `macro_rules!` prints is not seen. Items \
         in the input of a macro are read.",
        "Write the items out, or pass whole items to the macro.";
    RustSerdeIgnored = "ablo::rust::serde_has_no_effect", Warning,
        "An attribute of serde has no effect on a model",
        "Rows are read and written by ablo, not by serde, so `#[serde(…)]` on a model changes \
         neither names on the wire nor columns.",
        "Use `#[ablo(rename = \"…\")]` for a name. A field that is not part of the row belongs \
         into another struct.";
    RustCrateNotFound = "ablo::rust::crate_not_found", Error,
        "The macros do not find the crate `ablo`",
        "The package has no dependency on `ablo`, which the code of the macros has to name.",
        "Add `ablo` to Cargo.toml, or name the re-export on the item: `#[ablo(crate = \
         \"facade::ablo\")]`.";
    RenameUnknownMember = "ablo::rename::unknown_member", Error,
        "Unknown member in hints or backfills",
        "Hints have `models`, `fields`, `drops` and `round`; a backfill has `model`, `field` and \
         `value`. Unknown members are rejected, because an ignored hint can lose data.",
        "Fix the spelling as the help line shows, or remove the member.";
    RenameUnknownModel = "ablo::rename::unknown_model", Error, "Unknown model in a hint",
        "`from` is a key of the previous schema; `to` and `model` are keys of the next schema. A \
         dropped model exists only in the previous schema.",
        "Fix the key, or remove the hint.";
    RenameUnknownField = "ablo::rename::unknown_field", Error, "Unknown field in a hint",
        "`from` is a declared field of the previous model, `to` one of the next model. A dropped \
         field exists only in the previous schema. A rounded field is a decimal of the next model \
         that had more digits before.",
        "Fix the name, or remove the hint.";
    RenameConflict = "ablo::rename::conflict", Error, "Two hints contradict each other",
        "A model or field has one previous name and one next name. `renamedFrom` in the schema \
         counts as a hint.",
        "Keep the correct hint and remove the other.";
    BackfillUnknownModel = "ablo::backfill::unknown_model", Error, "Unknown model in a backfill",
        "`model` is a key of the next schema.",
        "Fix the key, or remove the backfill.";
    BackfillUnknownField = "ablo::backfill::unknown_field", Error, "Unknown field in a backfill",
        "`field` is a declared field of the next schema, or `organizationId` of a model with a \
         tenancy column.",
        "Fix the name, or remove the backfill.";
    BackfillUnfit = "ablo::backfill::unfit", Error, "A backfill does not match its field",
        "The value is written to every row that needs one. It must have the type of the field, be \
         one of its enum values and match its format.",
        "Use a value that the field can store.";
    BackfillRepeated = "ablo::backfill::repeated", Error, "A field has two backfills",
        "Only one value can be written to the rows.",
        "Remove one of the two.";
}
