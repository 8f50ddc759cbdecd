//! Builds Schema JSON and hashes from descriptors at run time.
//!
//! A derive macro sees one struct at a time, so the whole schema is known only at run time. It is
//! validated and hashed by the same code that reads Schema JSON documents.

use crate::descriptor::{
    FieldDescriptor, FieldKind, Format, ModelDescriptor, Plane, RelationDescriptor, RelationKind,
    RoleDescriptor, SchemaDescriptor, SchemaError, SchemaHashes, Tenancy,
};
use ablo_schema::Hashes;
use ablo_schema::front::json;
use serde_json::{Map, Value, json};

impl SchemaDescriptor {
    /// Returns the hashes. For derived models they are computed on the first call.
    ///
    /// # Errors
    /// Returns the faults of the schema as a whole. Single models are validated at compile time,
    /// and generated schemas when they are generated.
    pub fn hashes(&'static self) -> Result<&'static SchemaHashes, &'static SchemaError> {
        self.hashes
            .get_or_init(|| match self.known {
                Some((schema, content)) => {
                    Ok(SchemaHashes { schema: schema.to_owned(), content: content.to_owned() })
                }
                None => {
                    let schema = self.schema()?;
                    let hashes = Hashes::of(&schema);
                    Ok(SchemaHashes {
                        schema: hashes.schema.to_string(),
                        content: hashes.content.to_string(),
                    })
                }
            })
            .as_ref()
    }

    /// Returns the schema, validated as a whole.
    ///
    /// # Errors
    /// Returns the faults of the schema, as [`SchemaDescriptor::hashes`] does.
    pub fn schema(&self) -> Result<ablo_schema::Schema, SchemaError> {
        read(&self.document())
    }

    /// Returns the canonical text of the schema as Schema JSON v3.
    ///
    /// # Errors
    /// Returns the faults of the schema, as [`SchemaDescriptor::hashes`] does.
    pub fn to_json(&self) -> Result<String, SchemaError> {
        self.schema().map(|schema| ablo_schema::canonical::print(&schema))
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
            .filter(|one| one.severity == ablo_schema::Severity::Error)
            .map(|one| format!("{}: {}", one.code, one.message))
            .collect(),
    })
}

fn roles_json(roles: &[RoleDescriptor]) -> Value {
    let role = |role: &RoleDescriptor| {
        let source = json!({ "field": role.field, "multi": role.multi });
        json!({ "kind": role.kind, "source": source })
    };
    roles.iter().map(role).collect()
}

/// Returns the members of a model in canonical order, without defaults.
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
    let mut set = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            out.insert(name.to_owned(), value);
        }
    };
    set("load", model.load.keyword().map(Value::from));
    set("typename", Some(model.type_name.into()));
    set("tableName", (model.table != model.key).then(|| model.table.into()));
    set("tenancy", tenancy_json(&model.tenancy));
    set("plane", (model.plane == Plane::Control).then(|| "control".into()));
    set(
        "scope",
        model.scope.map(|kind| {
            if kind == model.type_name.to_lowercase() { true.into() } else { kind.into() }
        }),
    );
    set(
        "grants",
        model.grants.map(|grants| json!({ "subject": grants.subject, "scope": grants.scope })),
    );
    set("entityRoles", (!model.entity_roles.is_empty()).then(|| roles_json(model.entity_roles)));
    set("bootstrapLimit", model.bootstrap_limit.map(Value::from));
    set("bootstrapOrderBy", model.bootstrap_order_by.map(Value::from));
    set("mutable", model.mutable.then(|| true.into()));
    set("lazyObservable", model.lazy_observable.then(|| true.into()));
    set(
        "persist",
        model.persist.map(|store| {
            if store == model.type_name { json!({}) } else { json!({ "store": store }) }
        }),
    );
    let fills =
        model.auto_fill.iter().map(|fill| json!({ "field": fill.field, "from": fill.from }));
    set("autoFill", (!model.auto_fill.is_empty()).then(|| fills.collect()));
    set(
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
    let mut set = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            out.insert(name.to_owned(), value);
        }
    };
    set(
        "column",
        (field.column != ablo_schema::schema::default_column(field.name))
            .then(|| field.column.into()),
    );
    set("enumValues", values.map(Value::from));
    set("description", field.description.map(Value::from));
    set(
        "deprecated",
        field.deprecated.map(|note| if note.is_empty() { true.into() } else { note.into() }),
    );
    set("format", field.format.map(|format| format.as_str().into()));
    set("precision", field.digits.map(|(precision, _)| precision.into()));
    set("scale", field.digits.map(|(_, scale)| scale.into()));
    set("default", field.default.and_then(|default| serde_json::from_str(default).ok()));
    set("unique", field.unique.then(|| true.into()));
    set("secret", field.secret.then(|| true.into()));
    let shape = field.shape.map(str::to_owned).or_else(|| field.shape_of.map(|of| of()));
    // A shape that accepts everything is omitted.
    set(
        "shape",
        shape
            .and_then(|shape| serde_json::from_str(&shape).ok())
            .filter(|shape| *shape != json!({}) && *shape != json!(true)),
    );
    set("renamedFrom", field.renamed_from.map(Value::from));
    set("number", field.number.map(Value::from));
    let operations = field.relative.iter().map(|operation| operation.as_str());
    set("relative", (!field.relative.is_empty()).then(|| operations.collect()));
    set("columnType", field.column_type.map(Value::from));
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
    fn as_str(self) -> &'static str {
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
