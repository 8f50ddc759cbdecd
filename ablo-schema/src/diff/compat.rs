//! Compatibility: the effect of each step on clients, generated code and isolation.
//!
//! Each [`Rule`] is one row of the compatibility table: an effect on each [`Audience`], a message
//! and a remedy. docs/reference/compatibility.md shows the same table.

/// A party that a change of a schema can affect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Audience {
    /// A client of the previous schema that reads what a client of the next one wrote.
    OldReadsNew,
    /// A client of the next schema that reads what a client of the previous one wrote.
    NewReadsOld,
    /// A client of the previous schema that writes.
    OldWrites,
    /// A program that uses the generated Rust code.
    Rust,
    /// A program that uses the generated TypeScript code.
    TypeScript,
    /// A client generated from the OpenAPI document.
    OpenApi,
    /// A reader of the binary form of deltas.
    Binary,
    /// The isolation of rows between organisations and between users of one organisation.
    Isolation,
}

impl Audience {
    /// All audiences, in the order of the table.
    pub const ALL: [Audience; 8] = [
        Audience::OldReadsNew,
        Audience::NewReadsOld,
        Audience::OldWrites,
        Audience::Rust,
        Audience::TypeScript,
        Audience::OpenApi,
        Audience::Binary,
        Audience::Isolation,
    ];

    /// Returns whether it concerns rows and operations, and not generated code.
    fn is_of_rows(self) -> bool {
        match self {
            Audience::OldReadsNew
            | Audience::NewReadsOld
            | Audience::OldWrites
            | Audience::Isolation => true,
            Audience::Rust | Audience::TypeScript | Audience::OpenApi | Audience::Binary => false,
        }
    }

    /// Returns the spelling in a report.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Audience::OldReadsNew => "oldReadsNew",
            Audience::NewReadsOld => "newReadsOld",
            Audience::OldWrites => "oldWrites",
            Audience::Rust => "rust",
            Audience::TypeScript => "typescript",
            Audience::OpenApi => "openapi",
            Audience::Binary => "binary",
            Audience::Isolation => "isolation",
        }
    }
}

/// The effect of a step on an audience, from harmless to worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effect {
    /// Everything works as before.
    Safe,
    /// It works, but something is missing, delayed or shown differently.
    Degrades,
    /// More data may be visible than before.
    Loosens,
    /// Something that worked before fails.
    Breaks,
}

impl Effect {
    /// Returns the spelling in a report.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Effect::Safe => "safe",
            Effect::Degrades => "degrades",
            Effect::Loosens => "loosens",
            Effect::Breaks => "breaks",
        }
    }
}

/// One effect of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompatFinding<'s> {
    /// The row of the table.
    pub rule: Rule,
    /// The index of the step.
    pub step: usize,
    /// The model; `None` for the roles of identities.
    pub model: Option<&'s str>,
    /// The field, if the rule is about one.
    pub field: Option<&'s str>,
}

const S: Effect = Effect::Safe;
const D: Effect = Effect::Degrades;
const L: Effect = Effect::Loosens;
const B: Effect = Effect::Breaks;

macro_rules! rules {
    ($($variant:ident = $id:literal, [$($effect:ident)*], $message:literal, $remedy:literal;)*) => {
        /// A row of the compatibility table.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum Rule {
            $(#[doc = $message] $variant,)*
        }

        impl Rule {
            /// All rules, in the order of the documentation.
            pub const ALL: &[Rule] = &[$(Rule::$variant,)*];

            /// Returns the stable id, `ablo::compat::<change>`.
            #[must_use]
            pub fn id(self) -> &'static str {
                match self { $(Rule::$variant => concat!("ablo::compat::", $id),)* }
            }

            /// Returns the effect on each audience, in the order of [`Audience::ALL`].
            #[must_use]
            pub fn effects(self) -> [Effect; 8] {
                match self { $(Rule::$variant => [$($effect),*],)* }
            }

            /// Returns the worst effect.
            #[must_use]
            pub fn worst(self) -> Effect {
                self.effects().into_iter().max().unwrap_or(Effect::Safe)
            }

            /// Returns whether a process that serves the previous schema can go on over the tables
            /// of the next one, without an effect on its rows and operations.
            #[must_use]
            pub fn serves_previous(self) -> bool {
                let is_in_tables = matches!(
                    self,
                    Rule::TableChanged
                        | Rule::ColumnChanged
                        | Rule::TenancyColumnRenamed
                        | Rule::ColumnTypeChanged
                        | Rule::EnumBecameText
                );
                let read_or_written = Audience::ALL.into_iter().zip(self.effects());
                !is_in_tables
                    && read_or_written
                        .filter(|(audience, _)| audience.is_of_rows())
                        .all(|(_, effect)| effect == Effect::Safe)
            }

            /// Returns what happens.
            #[must_use]
            pub fn message(self) -> &'static str {
                match self { $(Rule::$variant => $message,)* }
            }

            /// Returns what to do about it.
            #[must_use]
            pub fn remedy(self) -> &'static str {
                match self { $(Rule::$variant => $remedy,)* }
            }
        }
    };
}

rules! {
    ModelAdded = "model_added", [S S S S S S S S],
        "A model is added. Clients that do not know it keep its rows as text.",
        "No action is required.";
    ModelRemoved = "model_removed", [B D B B B B D S],
        "A model is removed. Clients that still request or write it get errors.",
        "Update all clients to stop using the model before removing it.";
    ModelRenamed = "model_renamed", [D D D B B B S S],
        "The key of a model changes. Code that uses the key has to change too.",
        "Regenerate the code, and deploy clients and service together.";
    TypenameChanged = "typename_changed", [B B B B B B B S],
        "The typename of a model changes. Clients with the other schema treat its rows as those of \
         an unknown model.",
        "Keep the `typename`; it does not have to match the key.";
    TableChanged = "table_changed", [S S S S S S S S],
        "The table of a model changes. Only SQL refers to tables.",
        "Update hand-written SQL.";
    PlaneChanged = "plane_changed", [D D D S S D S S],
        "A model moves between the application's database and the service's own.",
        "Move the rows, and let clients bootstrap again.";
    TenancyLoosened = "tenancy_loosened", [S S S S S S S L],
        "Rows are no longer isolated by organisation.",
        "Make sure that all organisations may see all rows.";
    TenancyTightened = "tenancy_tightened", [D D D S S S S S],
        "Rows become isolated by organisation. Clients no longer see the rows of other \
         organisations.",
        "Let clients bootstrap again.";
    TenancyRerouted = "tenancy_rerouted", [D D D S S S S L],
        "Another column or parent determines the organisation of a row.",
        "Make sure that both give the same organisation for every row, and let clients bootstrap \
         again.";
    TenancyColumnRenamed = "tenancy_column_renamed", [S S S S S S S S],
        "The tenancy column is renamed. Only SQL refers to columns.",
        "Update hand-written SQL.";
    LoadChanged = "load_changed", [D S S S S S S S],
        "The time at which clients load rows changes. Old clients may look for rows before they \
         are loaded.",
        "Deploy clients and service together.";
    WritesOpened = "writes_opened", [S S S S S S S S],
        "Clients may write the model.",
        "No action is required.";
    WritesClosed = "writes_closed", [S S B D D B S S],
        "Clients may no longer write the model.",
        "Update all clients to stop writing the model first.";
    VisibilityChanged = "visibility_changed", [D D S S S S S L],
        "Rows belong to other sync groups, or identities may subscribe to other sync groups.",
        "Make sure that all members of these sync groups may see the rows.";
    VisibilityNarrowed = "visibility_narrowed", [D D S S S S S S],
        "Rows leave sync groups, or identities may no longer subscribe to some of them.",
        "Let clients bootstrap again.";
    HintChanged = "hint_changed", [D D S S S S S S],
        "Rows are loaded, stored or filled in differently. Old clients keep the behaviour they \
         were generated with.",
        "Deploy clients and service together.";
    OptionalFieldAdded = "optional_field_added", [S S S B S S S S],
        "An optional field is added. Struct literals and exhaustive patterns in Rust have to name \
         it.",
        "Build rows in Rust from what was read, or name the field.";
    RequiredFieldAdded = "required_field_added", [S B B B B B S S],
        "A required field is added. Old clients and the rows that they wrote have no value for it.",
        "Make it optional or give it a `default` until no old client writes.";
    DefaultedFieldAdded = "defaulted_field_added", [S D S B B S S S],
        "A field with a default is added. Rows that clients have stored lack it until they are \
         sent again.",
        "Let clients bootstrap again.";
    OptionalFieldRemoved = "optional_field_removed", [D S B B B B S S],
        "An optional field is removed. Writes that contain it are rejected.",
        "Mark it `deprecated` and update all clients to stop using it first.";
    RequiredFieldRemoved = "required_field_removed", [B S B B B B S S],
        "A required field is removed. Old clients cannot read rows without it, and writes that \
         contain it are rejected.",
        "Mark it `deprecated` and make it optional first.";
    FieldRenamed = "field_renamed", [B B B B B B S S],
        "The name of a field in JSON changes. Clients with the other schema do not find the field \
         under the name they know.",
        "Add the new field beside the old one, or deploy clients and service together.";
    ColumnChanged = "column_changed", [S S S S S S S S],
        "The column of a field changes. Only SQL refers to columns.",
        "Update hand-written SQL.";
    TypeChanged = "type_changed", [B B B B B B B S],
        "The type of a field changes. Clients with the other schema reject its values.",
        "Add a second field with the new type.";
    EnumBecameText = "enum_became_text", [S S S B B B S S],
        "An enum becomes a string. Clients of both schemas can read all rows, because enums are \
         open.",
        "Regenerate the code.";
    TextBecameEnum = "text_became_enum", [S S B B B B S S],
        "A string becomes an enum. Other values can still be read, because enums are open, but no \
         longer written.",
        "Include every value that is still written in the enum.";
    MadeOptional = "made_optional", [B S S B B B S S],
        "A field becomes optional. Rows may lack a value that old clients require.",
        "Do not clear the field until no old client remains.";
    MadeRequired = "made_required", [S B B B B B S S],
        "A field becomes required. Old clients create and clear rows without a value.",
        "Update all clients to always send a value first.";
    EnumValueAdded = "enum_value_added", [S S S B S D S S],
        "An enum gets a new value. Old clients can read it, because enums are open in rows; an \
         exhaustive `match` in Rust has to name it.",
        "Treat enums as open in clients generated from OpenAPI.";
    EnumValueRemoved = "enum_value_removed", [S S B B B B S S],
        "A value is removed from an enum. Rows with it can still be read, but writes of it are \
         rejected.",
        "Update all clients to stop writing the value first.";
    EnumReordered = "enum_reordered", [S S S S S S S S],
        "The order of the values of an enum changes. Values are sent by name.",
        "No action is required.";
    IndexChanged = "index_changed", [S S S S S S S S],
        "An index is added or removed.",
        "No action is required.";
    FormatWidened = "format_widened", [B S S B D B S S],
        "A field accepts more values than before. Old clients cannot read the new ones.",
        "Do not write the new values until no old client remains.";
    FormatNarrowed = "format_narrowed", [S B B B D B S S],
        "A field accepts fewer values than before. The others can neither be read nor written.",
        "Update all clients to stop writing the other values first.";
    FormatChanged = "format_changed", [B B B B D B S S],
        "The format of a field changes.",
        "Add a second field with the new format.";
    ColumnTypeChanged = "column_type_changed", [S S S S D S S S],
        "The type of a column changes. Rows have the same values on the wire.",
        "Check queries that read the table without the coordinator.";
    UniqueAdded = "unique_added", [S S B S S S S S],
        "A field becomes unique. Writes of a value that another row has are rejected.",
        "Handle the conflict in clients.";
    UniqueRemoved = "unique_removed", [D S S S S S S S],
        "A field is no longer unique. Code that expects one row may find several.",
        "Handle several rows.";
    SecretAdded = "secret_added", [D S S S S D S S],
        "A field becomes secret. Readers without its operation get rows without it.",
        "Give `<model>.<field>.read` to the credentials that read it.";
    SecretRemoved = "secret_removed", [S S S S S S S L],
        "A field is no longer secret. All readers of a row read its value.",
        "Make sure that all readers of the rows may read the value.";
    DefaultAdded = "default_added", [S S S B S S S S],
        "A field gets a default, so creates may omit it. In Rust, a create no longer takes it as \
         an argument.",
        "Regenerate the code.";
    DefaultRemoved = "default_removed", [S S B B B B S S],
        "A default is removed, so creates must contain the field. Old clients omit it.",
        "Keep the default until no old client writes.";
    DefaultChanged = "default_changed", [S S D S S S S S],
        "The default of a field changes. Rows created without the field get another value.",
        "No action is required if this is intended.";
    ShapeChanged = "shape_changed", [D D D B B B S S],
        "The shape of a JSON field changes. Rows can still be read, but values may not match the \
         shape.",
        "Add only optional members to a shape.";
    DeprecationChanged = "deprecation_changed", [S S S D D S S S],
        "A field becomes deprecated, or is no longer deprecated. Compilers warn where it is used.",
        "Stop using the field in time.";
    RelativeOpened = "relative_opened", [S S S S S S S S],
        "A field accepts more relative operations.",
        "No action is required.";
    RelativeClosed = "relative_closed", [S S B B B B S S],
        "A field accepts fewer relative operations. Old clients that send them get errors.",
        "Update all clients to stop sending the operation first.";
    NumberChanged = "number_changed", [S S S S S S B S],
        "The number of a field in the binary form changes. Readers that know the old number treat \
         the field as an unknown member.",
        "Keep the `number`, or set `renamedFrom`.";
    NumberReused = "number_reused", [S S S S S S B S],
        "A field gets the number that another field had in the binary form. Old readers confuse \
         the two.",
        "Give it a `number` that was never used.";
    AnnotationChanged = "annotation_changed", [S S S S S S S S],
        "An annotation of a field changes.",
        "No action is required.";
    RelationAdded = "relation_added", [S S S B S S S S],
        "A relation is added. In Rust, its foreign key becomes an `Id` of the target.",
        "Regenerate the code.";
    RelationRemoved = "relation_removed", [S S S B B S S S],
        "A relation is removed. Code that uses it no longer compiles.",
        "Update all programs to stop using the relation first.";
    RelationChanged = "relation_changed", [D D S B D S S S],
        "The target or the options of a relation change.",
        "Regenerate the code, and deploy clients and service together.";
    ForeignKeyAdded = "foreign_key_added", [S S B S S S S S],
        "The database rejects rows whose target does not exist.",
        "Create the target first in clients.";
    ForeignKeyRemoved = "foreign_key_removed", [D S S S S S S S],
        "The database accepts rows whose target does not exist.",
        "Handle missing targets.";
}
