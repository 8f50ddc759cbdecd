//! Component names and references to them.
//!
//! A [`ComponentName`] has only characters that OpenAPI allows and JSON pointers do not escape. A
//! model's component is named after its typename, an enum's after its model and field. The
//! protocol's names are reserved first, so no model can take one, and enums are named last, so that
//! they rename no model. Generators make file names of components, so names differ in more than
//! case and `_`.

use crate::shape::{RowShape, pascal_case};
use ablo_schema::lookup::Lookup;
use ablo_schema::schema::{FieldKind, Model};

/// A name below `components` or `$defs`: ASCII letters, digits and `_`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ComponentName(String);

impl ComponentName {
    fn new(text: &str) -> Self {
        let mut name = text.to_owned();
        let is_allowed = |symbol: char| symbol.is_ascii_alphanumeric() || symbol == '_';
        if !name.chars().all(is_allowed) {
            name.retain(is_allowed);
        }
        Self(if name.is_empty() { "Model".to_owned() } else { name })
    }

    fn join(&self, suffix: &'static str) -> Self {
        Self([&self.0, suffix].concat())
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns a hash of the part in which names differ: 64-bit FNV-1a, which is stable across
    /// platforms and versions.
    fn key(&self) -> u64 {
        let mix =
            |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        let bytes = self.0.bytes().filter(|byte| *byte != b'_');
        bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| mix(hash, byte.to_ascii_lowercase()))
    }
}

/// A reference within the document.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Ref<'n> {
    /// The schema of a model or an enum.
    Model(&'n ComponentName),
    /// The same schema in a JSON Schema document.
    Definition(&'n ComponentName),
    /// A schema of the protocol.
    Schema(&'static str),
    /// A shared parameter.
    Parameter(&'static str),
    /// A shared request body.
    RequestBody(&'static str),
    /// A shared response.
    Response(&'static str),
    /// A shared header.
    Header(&'static str),
}

impl<'n> Ref<'n> {
    pub(crate) fn parts(self) -> [&'n str; 2] {
        match self {
            Ref::Model(name) => ["#/components/schemas/", name.as_str()],
            Ref::Definition(name) => ["#/$defs/", name.as_str()],
            Ref::Schema(name) => ["#/components/schemas/", name],
            Ref::Parameter(name) => ["#/components/parameters/", name],
            Ref::RequestBody(name) => ["#/components/requestBodies/", name],
            Ref::Response(name) => ["#/components/responses/", name],
            Ref::Header(name) => ["#/components/headers/", name],
        }
    }
}

/// The names of a model's schemas.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ModelNames {
    /// The schema of a row.
    pub(crate) row: ComponentName,
    /// The schema of a create.
    pub(crate) create: ComponentName,
    /// The schema of a patch.
    pub(crate) patch: ComponentName,
    /// The schema of relative changes, if the model has any.
    pub(crate) relative: Option<ComponentName>,
    /// The schemas of its enum fields, one per enum field that is not a base field, in order.
    pub(crate) enums: Vec<ComponentName>,
}

impl ModelNames {
    fn new(row: ComponentName, model: &Model) -> Self {
        let is_relative = model.fields.iter().any(|field| !field.facets.relative.is_empty());
        Self {
            create: row.join("Create"),
            patch: row.join("Patch"),
            relative: is_relative.then(|| row.join("Relative")),
            enums: Vec::new(),
            row,
        }
    }

    /// Returns placeholder names for a template.
    pub(crate) fn placeholders([row, create, patch]: [&str; 3]) -> Self {
        let [row, create, patch] =
            [row, create, patch].map(|placeholder| ComponentName(placeholder.to_owned()));
        Self { row, create, patch, relative: None, enums: Vec::new() }
    }

    /// Returns the names of the row and of its changes.
    pub(crate) fn rows(&self) -> impl Iterator<Item = &ComponentName> {
        [&self.row, &self.create, &self.patch].into_iter().chain(&self.relative)
    }
}

/// Types that generated programs use by their plain names, so that a model of this name would hide
/// them.
const TAKEN: [&str; 32] = [
    "Any", "Array", "Blob", "Boolean", "Box", "Date", "Dict", "Error", "File", "Float", "FormData",
    "Function", "Headers", "Integer", "List", "Map", "None", "Null", "Number", "Object", "Option",
    "Optional", "Promise", "Record", "Request", "Response", "Result", "Self", "Set", "String",
    "Symbol", "Vec",
];

/// The number of schemas of a model, which few exceed.
const USUAL_SCHEMAS: usize = 6;

/// The keys of the names that are in use. A collision of keys gives the second name a needless
/// suffix.
#[derive(Debug)]
pub(crate) struct Names(Lookup<u64, ()>);

impl Names {
    /// Reserves names of the protocol.
    pub(crate) fn reserve<'n>(names: impl Iterator<Item = &'n str>) -> Self {
        let names = TAKEN.into_iter().chain(names);
        Self(names.map(|name| (ComponentName::new(name).key(), ())).collect())
    }

    /// Names all models, then their enums.
    pub(crate) fn models(&mut self, rows: &[RowShape<'_>]) -> Vec<ModelNames> {
        self.0.reserve(rows.len() * USUAL_SCHEMAS);
        let mut all: Vec<ModelNames> = rows.iter().map(|row| self.model(row.model)).collect();
        for (row, names) in rows.iter().zip(&mut all) {
            let fields = row.fields.iter().map(|shape| shape.field);
            let enums = fields.filter(|field| matches!(field.kind, FieldKind::Enum(_)));
            names.enums = enums
                .map(|field| {
                    let own = pascal_case(field.name.as_str());
                    self.enumeration(&[names.row.as_str(), &own].concat())
                })
                .collect();
        }
        all
    }

    /// Names a model after its typename, with the suffix `Model` if that is taken, and then with a
    /// number.
    fn model(&mut self, model: &Model) -> ModelNames {
        let plain = pascal_case(model.type_name.as_str());
        let names = |name: String| ModelNames::new(ComponentName::new(&name), model);
        let named = candidates(&plain, "Model")
            .map(names)
            .find(|names| self.take(&names.rows().collect::<Vec<_>>()));
        named.unwrap_or_else(|| names(plain))
    }

    fn enumeration(&mut self, plain: &str) -> ComponentName {
        let names = candidates(plain, "Enum").map(|name| ComponentName::new(&name));
        names
            .into_iter()
            .find(|name| self.take(&[name]))
            .unwrap_or_else(|| ComponentName::new(plain))
    }

    /// Takes all names, or none if one is taken.
    fn take(&mut self, names: &[&ComponentName]) -> bool {
        let keys: Vec<u64> = names.iter().map(|name| name.key()).collect();
        let free = keys.iter().all(|key| self.0.get(key).is_none());
        if free {
            for key in keys {
                self.0.insert(key, ());
            }
        }
        free
    }
}

/// Returns a name, the name with a suffix, and then with numbers.
fn candidates(plain: &str, suffix: &str) -> impl Iterator<Item = String> {
    (0_usize..).map(move |at| match at {
        0 => plain.to_owned(),
        1 => [plain, suffix].concat(),
        number => format!("{plain}{suffix}{number}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(reserved: &[&str], typenames: &[&str]) -> Vec<String> {
        let models: Vec<String> = typenames
            .iter()
            .enumerate()
            .map(|(at, name)| {
                format!(r#""k{at}":{{"typename":"{name}","fields":{{}},"relations":{{}}}}"#)
            })
            .collect();
        let text = format!(r#"{{"v":3,"models":{{{}}},"identityRoles":[]}}"#, models.join(","));
        let read = ablo_schema::front::json::read(&text);
        let schema = read.schema.unwrap_or_else(|| panic!("{:?}", read.diagnostics));
        let mut given = Names::reserve(reserved.iter().copied());
        let shapes = crate::shape::Shapes::new(&schema);
        given.models(&shapes.rows).iter().map(|names| names.row.as_str().to_owned()).collect()
    }

    #[test]
    fn models_are_named_after_their_typenames() {
        assert_eq!(names(&[], &["Task", "weatherReports"]), ["Task", "WeatherReports"]);
    }

    #[test]
    fn models_do_not_take_names_of_the_protocol() {
        assert_eq!(
            names(&["CommitReceipt"], &["CommitReceipt", "Task"]),
            ["CommitReceiptModel", "Task"]
        );
    }

    #[test]
    fn a_model_is_renamed_if_its_create_collides_with_another_row() {
        assert_eq!(names(&[], &["TaskCreate", "Task"]), ["TaskCreate", "TaskModel"]);
    }
}
