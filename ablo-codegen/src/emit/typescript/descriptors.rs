//! Emits `descriptors.ts`: the schema as values, for code that works on any model.
//!
//! Each model has a constant with one line per field and relation. The types of the constants are
//! fixed and kept in `descriptors.ts` beside this file, as TypeScript that tools understand.

use super::form::Form;
use super::literal::{Json, Quoted, Str};
use super::name::{Ident, ModelNames};
use super::writer::{Code, Writer, block, line};
use crate::Input;
use crate::shape::{Preset, RowShape};
use ablo_schema::schema::{Field, FieldKind, Format, Relation, RelativeOperation, Role};

/// The types of the constants.
const TYPES: &str = include_str!("descriptors.ts");

/// Returns the text of the file.
pub(super) fn descriptors(form: Form, input: &Input<'_>, names: &[ModelNames]) -> String {
    let rows = &input.shapes.rows;
    let fields: usize =
        rows.iter().map(|row| row.model.fields.len() + row.model.relations.len()).sum();
    let mut w = Writer::file(
        form,
        TYPES.len() + 1024 + rows.len() * 260 + fields * 96,
        "The schema as values.",
    );
    for text in TYPES.lines().filter(|_| form.has_types()) {
        line!(w, text);
    }
    for (row, names) in rows.iter().zip(names) {
        w.gap();
        write_model(&mut w, row, &names.constant);
    }
    w.gap();
    write_schema(&mut w, input, names);
    w.finish()
}

// export const weatherReports: ModelDescriptor = {
//   key: "weatherReports",
//   fields: [
//     { name: "location", column: "location", kind: "string" },
//   ],
//   relations: [],
// };
fn write_model(w: &mut Writer, row: &RowShape<'_>, name: &Ident) {
    let (model, form) = (row.model, w.form());
    if !form.has_code() {
        return line!(w, "export declare const ", name, ": ModelDescriptor;");
    }
    let of_type = form.typed(": ModelDescriptor");
    block!(w, ["export const ", name, of_type, " = {"], ["};"], |w: &mut Writer| {
        line!(w, "key: ", Str(model.key.as_str()), ",");
        line!(w, "typename: ", Str(model.type_name.as_str()), ",");
        line!(w, "table: ", Str(model.table.as_str()), ",");
        line!(w, "load: ", Str(model.load.as_str()), ",");
        line!(w, "mutable: ", boolean(model.mutable), ",");
        if let Some(kind) = model.scope_kind() {
            line!(w, "scope: ", Str(kind.as_str()), ",");
        }
        write_list(w, "fields", &model.fields, write_field);
        write_list(w, "relations", &model.relations, write_relation);
    });
}

fn write_schema(w: &mut Writer, input: &Input<'_>, names: &[ModelNames]) {
    line!(w, "/** The schema. */");
    let form = w.form();
    if !form.has_code() {
        return line!(w, "export declare const schema: SchemaDescriptor;");
    }
    let of_type = form.typed(": SchemaDescriptor");
    block!(w, ["export const schema", of_type, " = {"], ["};"], |w: &mut Writer| {
        line!(w, "schemaHash: ", Str(&input.hashes.schema.to_string()), ",");
        line!(w, "contentHash: ", Str(&input.hashes.content.to_string()), ",");
        write_list(w, "models", names, |w, names| line!(w, names.constant, ","));
        write_list(w, "identityRoles", input.schema.identity_roles(), write_role);
    });
}

fn write_list<T>(w: &mut Writer, name: &'static str, items: &[T], write: impl Fn(&mut Writer, &T)) {
    if items.is_empty() {
        return line!(w, name, ": [],");
    }
    block!(w, [name, ": ["], ["],"], |w: &mut Writer| items.iter().for_each(|item| write(w, item)));
}

// { name: "status", column: "status", kind: "enum", values: ["pending", "ready"] },
fn write_field(w: &mut Writer, field: &Field) {
    let values = match &field.kind {
        FieldKind::Enum(values) => Some(Values(values)),
        _ => None,
    };
    let (name, column) = (Quoted(&field.name), Quoted(&field.column));
    line!(
        w,
        "{ name: ",
        name,
        ", column: ",
        column,
        ", kind: \"",
        field.kind.as_str(),
        "\"",
        flag(field.optional, ", optional: true"),
        values,
        field.facets.format.map(FormatOf),
        Preset::of(field).map(PresetOf),
        field.facets.renamed_from.as_ref().map(|name| RenamedFrom(name.as_str())),
        field.facets.number.map(FieldNumber),
        (!field.facets.relative.is_empty()).then_some(Operations(&field.facets.relative)),
        " },"
    );
}

/// Writes `, format: "decimal", digits: [8, 5]`.
struct FormatOf(Format);

impl Code for FormatOf {
    fn code(&self, w: &mut Writer) {
        let name = match self.0 {
            Format::Decimal { .. } => "decimal",
            format => format.as_str(),
        };
        w.push(", format: ");
        Str(name).code(w);
        if let Format::Decimal { digits: Some((precision, scale)) } = self.0 {
            w.push(&format!(", digits: [{precision}, {scale}]"));
        }
    }
}

/// Writes `, preset: "now"` or `, preset: { value: 0 }`.
struct PresetOf<'a>(Preset<'a>);

impl Code for PresetOf<'_> {
    fn code(&self, w: &mut Writer) {
        w.push(", preset: ");
        match self.0 {
            Preset::Now => w.push("\"now\""),
            Preset::Value(value) => {
                w.push("{ value: ");
                Json(value).code(w);
                w.push(" }");
            }
        }
    }
}

struct RenamedFrom<'a>(&'a str);

impl Code for RenamedFrom<'_> {
    fn code(&self, w: &mut Writer) {
        w.push(", renamedFrom: ");
        Str(self.0).code(w);
    }
}

struct FieldNumber(u32);

impl Code for FieldNumber {
    fn code(&self, w: &mut Writer) {
        w.push(&format!(", number: {}", self.0));
    }
}

/// Writes `, relative: ["add", "remove"]`.
struct Operations<'a>(&'a [RelativeOperation]);

impl Code for Operations<'_> {
    fn code(&self, w: &mut Writer) {
        for (at, operation) in self.0.iter().enumerate() {
            w.push(if at == 0 { ", relative: [" } else { ", " });
            Str(operation.as_str()).code(w);
        }
        w.push("]");
    }
}

// { name: "deck", type: "belongsTo", target: "slideDecks", foreignKey: "deckId", parent: true },
fn write_relation(w: &mut Writer, relation: &Relation) {
    let (name, target) = (Quoted(&relation.name), Quoted(&relation.target));
    let key = Quoted(&relation.foreign_key);
    let order = relation.order_by.as_ref().map(|field| OrderBy(field.as_str()));
    let options = &relation.options;
    line!(
        w,
        "{ name: ",
        name,
        ", type: \"",
        relation.kind.as_str(),
        "\", target: ",
        target,
        ", foreignKey: ",
        key,
        order,
        flag(options.index, ", index: true"),
        flag(options.enrich, ", enrich: true"),
        flag(options.defer, ", defer: true"),
        flag(options.parent, ", parent: true"),
        flag(options.fk, ", fk: true"),
        " },",
    );
}

// { kind: "org", source: { field: "organizationId", multi: false } },
fn write_role(w: &mut Writer, role: &Role) {
    let (kind, field) = (Str(role.kind.as_str()), Str(&role.source.field));
    line!(
        w,
        "{ kind: ",
        kind,
        ", source: { field: ",
        field,
        ", multi: ",
        boolean(role.source.multi),
        " } },"
    );
}

/// Writes `, values: [...]`: up to three values on one line, more on their own lines.
struct Values<'a>(&'a [Box<str>]);

impl Code for Values<'_> {
    fn code(&self, w: &mut Writer) {
        w.push(", values: [");
        let long = self.0.len() > 3;
        w.indented(|w| {
            for (at, value) in self.0.iter().enumerate() {
                match (long, at) {
                    (true, _) => w.break_line(),
                    (false, 0) => {}
                    (false, _) => w.push(", "),
                }
                Str(value).code(w);
                if long {
                    w.push(",");
                }
            }
        });
        if long {
            w.break_line();
        }
        w.push("]");
    }
}

struct OrderBy<'a>(&'a str);

impl Code for OrderBy<'_> {
    fn code(&self, w: &mut Writer) {
        w.push(", orderBy: ");
        Str(self.0).code(w);
    }
}

fn flag(set: bool, text: &'static str) -> &'static str {
    if set { text } else { "" }
}

fn boolean(value: bool) -> &'static str {
    if value { "true" } else { "false" }
}
