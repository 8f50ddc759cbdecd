//! The whole schema of a program, as Schema JSON: what derives say, put together at run time.
//!
//! A derive sees one struct. Only when the program runs are all of them in one place, and what is said there is read,
//! checked and hashed by the same code that reads a document.

use crate::descriptor::{
    FieldDescriptor, FieldKind, Format, ModelDescriptor, Plane, RelationDescriptor, RelationKind,
    RoleDescriptor, SchemaDescriptor, Tenancy,
};
use ablo_schema::Hashes;
use ablo_schema::front::json;
use serde_json::{Map, Value, json};
use std::fmt;

/// What is wrong with a schema whose models were derived one by one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchemaError {
    /// One message for each fault, its code first.
    pub faults: Vec<String>,
}

impl fmt::Display for SchemaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.faults.join("\n"))
    }
}

impl std::error::Error for SchemaError {}

/// The two hashes of a schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchemaHashes {
    /// Gates client and server versions: 32 bits, as the hosted service computes it.
    pub schema: String,
    /// Tells any two schemas apart.
    pub content: String,
}

impl SchemaDescriptor {
    /// The hashes; for derived models they are computed once.
    ///
    /// # Errors
    /// With everything that is wrong with the schema as a whole. What one model says of itself is checked when it is
    /// compiled, and a generated schema is checked when it is generated.
    pub fn hashes(&'static self) -> Result<&'static SchemaHashes, &'static SchemaError> {
        self.hashes
            .get_or_init(|| match self.known {
                Some((schema, content)) => {
                    Ok(SchemaHashes { schema: schema.to_owned(), content: content.to_owned() })
                }
                None => {
                    let schema = read(&self.document())?;
                    let hashes = Hashes::of(&schema);
                    Ok(SchemaHashes {
                        schema: hashes.schema.to_string(),
                        content: hashes.content.to_string(),
                    })
                }
            })
            .as_ref()
    }

    /// The schema as Schema JSON v3, canonical.
    ///
    /// # Errors
    /// As [`SchemaDescriptor::hashes`].
    pub fn to_json(&self) -> Result<String, SchemaError> {
        read(&self.document()).map(|schema| ablo_schema::canonical::print(&schema))
    }

    fn document(&self) -> String {
        let models: Map<String, Value> =
            self.models.iter().map(|model| (model.key.to_owned(), model_json(model))).collect();
        json!({ "v": 3, "models": models, "identityRoles": roles_json(self.identity_roles) })
            .to_string()
    }
}

fn read(document: &str) -> Result<ablo_schema::Schema, SchemaError> {
    let read = json::read(document);
    read.schema.ok_or_else(|| SchemaError {
        faults: read
            .diagnostics
            .iter()
            .filter(|one| one.code.severity() == ablo_schema::Severity::Error)
            .map(|one| format!("{}: {}", one.code, one.message))
            .collect(),
    })
}

fn roles_json(roles: &[RoleDescriptor]) -> Value {
    let role = |role: &RoleDescriptor| json!({ "kind": role.kind, "source": { "field": role.field, "multi": role.multi } });
    roles.iter().map(role).collect()
}

/// Members in the order of the normal form; what is as by default is not said.
fn model_json(model: &ModelDescriptor) -> Value {
    let mut out = Map::new();
    let fields = model.base_fields.iter().chain(model.fields);
    out.insert(
        "fields".to_owned(),
        fields
            .map(|field| (field.name.to_owned(), field_json(field)))
            .collect::<Map<_, _>>()
            .into(),
    );
    let relations = model.relations.iter();
    let relations =
        relations.map(|relation| (relation.name.to_owned(), relation_json(model, relation)));
    out.insert("relations".to_owned(), relations.collect::<Map<_, _>>().into());
    let mut say = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            out.insert(name.to_owned(), value);
        }
    };
    say("load", model.load.word().map(Value::from));
    say("typename", Some(model.type_name.into()));
    say("tableName", (model.table != model.key).then(|| model.table.into()));
    say("tenancy", tenancy_json(&model.tenancy));
    say("plane", (model.plane == Plane::Control).then(|| "control".into()));
    say(
        "scope",
        model.scope.map(|kind| {
            if kind == model.type_name.to_lowercase() { true.into() } else { kind.into() }
        }),
    );
    say(
        "grants",
        model.grants.map(|grants| json!({ "subject": grants.subject, "scope": grants.scope })),
    );
    say("entityRoles", (!model.entity_roles.is_empty()).then(|| roles_json(model.entity_roles)));
    say("bootstrapLimit", model.bootstrap_limit.map(Value::from));
    say("bootstrapOrderBy", model.bootstrap_order_by.map(Value::from));
    say("mutable", model.mutable.then(|| true.into()));
    say("lazyObservable", model.lazy_observable.then(|| true.into()));
    say(
        "persist",
        model.persist.map(|store| {
            if store == model.type_name { json!({}) } else { json!({ "store": store }) }
        }),
    );
    let fills =
        model.auto_fill.iter().map(|fill| json!({ "field": fill.field, "from": fill.from }));
    say("autoFill", (!model.auto_fill.is_empty()).then(|| fills.collect()));
    say(
        "requiredFields",
        (!model.required_fields.is_empty()).then(|| model.required_fields.into()),
    );
    out.into()
}

fn tenancy_json(tenancy: &Tenancy) -> Option<Value> {
    Some(match tenancy {
        Tenancy::Column { column: "organization_id" } => return None,
        Tenancy::Column { column } => json!({ "kind": "column", "column": column }),
        Tenancy::None => json!({ "kind": "none" }),
        Tenancy::Parent { local_key, parent_table, parent_key, parent_org_column } => {
            let mut via = Map::new();
            via.insert("localKey".to_owned(), (*local_key).into());
            via.insert("parentTable".to_owned(), (*parent_table).into());
            if *parent_key != "id" {
                via.insert("parentKey".to_owned(), (*parent_key).into());
            }
            if *parent_org_column != "organization_id" {
                via.insert("parentOrgColumn".to_owned(), (*parent_org_column).into());
            }
            json!({ "kind": "parent", "via": via })
        }
    })
}

fn field_json(field: &FieldDescriptor) -> Value {
    let (kind, values) = match field.kind {
        FieldKind::String => ("string", None),
        FieldKind::Number => ("number", None),
        FieldKind::Boolean => ("boolean", None),
        FieldKind::Date => ("date", None),
        FieldKind::Enum(values) => ("enum", Some(values)),
        FieldKind::Json => ("json", None),
    };
    let mut out = Map::new();
    out.insert("type".to_owned(), kind.into());
    out.insert("isOptional".to_owned(), field.optional.into());
    out.insert("isIndexed".to_owned(), field.indexed.into());
    let mut say = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            out.insert(name.to_owned(), value);
        }
    };
    say(
        "column",
        (field.column != ablo_schema::schema::default_column(field.name))
            .then(|| field.column.into()),
    );
    say("enumValues", values.map(Value::from));
    say("description", field.description.map(Value::from));
    say(
        "deprecated",
        field.deprecated.map(|note| if note.is_empty() { true.into() } else { note.into() }),
    );
    say("format", field.format.map(|format| format.word().into()));
    say("precision", field.digits.map(|(precision, _)| precision.into()));
    say("scale", field.digits.map(|(_, scale)| scale.into()));
    say("default", field.default.and_then(|default| serde_json::from_str(default).ok()));
    say("unique", field.unique.then(|| true.into()));
    let shape = field.shape.map(str::to_owned).or_else(|| field.shape_of.map(|of| of()));
    // A shape that says nothing is not said.
    say(
        "shape",
        shape
            .and_then(|shape| serde_json::from_str(&shape).ok())
            .filter(|shape| *shape != json!({}) && *shape != json!(true)),
    );
    say("renamedFrom", field.renamed_from.map(Value::from));
    say("number", field.number.map(Value::from));
    out.into()
}

fn relation_json(model: &ModelDescriptor, relation: &RelationDescriptor) -> Value {
    let target = relation.target();
    let (kind, holder) = match relation.kind {
        RelationKind::BelongsTo => ("belongsTo", model),
        RelationKind::HasMany => ("hasMany", target),
        RelationKind::HasOne => ("hasOne", target),
    };
    let mut fields = holder.base_fields.iter().chain(holder.fields);
    let column = fields
        .find(|field| field.name == relation.foreign_key)
        .map(|field| field.column.to_owned());
    let column = column
        .unwrap_or_else(|| ablo_schema::schema::default_column(relation.foreign_key).into_owned());
    let mut out = Map::new();
    out.insert("type".to_owned(), kind.into());
    out.insert("target".to_owned(), target.key.into());
    out.insert("foreignKey".to_owned(), relation.foreign_key.into());
    out.insert("foreignKeyColumn".to_owned(), column.into());
    let flags = [
        ("index", relation.index),
        ("enrich", relation.enrich),
        ("defer", relation.defer),
        ("parent", relation.parent),
        ("fk", relation.fk),
    ];
    let options: Map<String, Value> = flags
        .iter()
        .filter(|(_, set)| *set)
        .map(|(name, _)| ((*name).to_owned(), true.into()))
        .collect();
    if !options.is_empty() {
        out.insert("options".to_owned(), options.into());
    }
    if let Some(order_by) = relation.order_by {
        out.insert("orderBy".to_owned(), order_by.into());
    }
    out.into()
}

impl Format {
    fn word(self) -> &'static str {
        match self {
            Format::Int8 => "int8",
            Format::Int16 => "int16",
            Format::Int32 => "int32",
            Format::Uint8 => "uint8",
            Format::Uint16 => "uint16",
            Format::Uint32 => "uint32",
            Format::Float => "float",
            Format::Int64 => "int64",
            Format::Uint64 => "uint64",
            Format::Decimal => "decimal",
            Format::Uuid => "uuid",
        }
    }
}
