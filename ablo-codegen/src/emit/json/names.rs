//! Component names: what a definition is called, and how it is referred to.
//!
//! A [`ComponentName`] has only characters that OpenAPI allows, which JSON pointers need not escape. A model is called
//! after its type name; the protocol's own definitions are named first, so no model can take the place of one.

use ablo_schema::schema::Model;
use heck::ToUpperCamelCase;
use std::collections::BTreeSet;

/// A name below `components` or `$defs`: letters, digits and `_` of ASCII.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ComponentName(String);

impl ComponentName {
    fn new(text: &str) -> Self {
        let name: String = text
            .chars()
            .filter(|symbol| symbol.is_ascii_alphanumeric() || *symbol == '_')
            .collect();
        Self(if name.is_empty() { "Model".to_owned() } else { name })
    }

    fn join(&self, suffix: &'static str) -> Self {
        Self([&self.0, suffix].concat())
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// A reference to something in the same document.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Ref<'n> {
    /// A model's schema.
    Model(&'n ComponentName),
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
            Ref::Schema(name) => ["#/components/schemas/", name],
            Ref::Parameter(name) => ["#/components/parameters/", name],
            Ref::RequestBody(name) => ["#/components/requestBodies/", name],
            Ref::Response(name) => ["#/components/responses/", name],
            Ref::Header(name) => ["#/components/headers/", name],
        }
    }
}

/// What one model's schemas are called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ModelNames {
    /// A row.
    pub(crate) row: ComponentName,
    /// What creating one takes.
    pub(crate) create: ComponentName,
    /// What changing one takes.
    pub(crate) patch: ComponentName,
}

impl ModelNames {
    fn new(row: ComponentName) -> Self {
        Self { create: row.join("Create"), patch: row.join("Patch"), row }
    }

    /// Names that stand for those of any model.
    pub(crate) fn placeholders([row, create, patch]: [&str; 3]) -> Self {
        let [row, create, patch] =
            [row, create, patch].map(|placeholder| ComponentName(placeholder.to_owned()));
        Self { row, create, patch }
    }

    fn all(&self) -> [&ComponentName; 3] {
        [&self.row, &self.create, &self.patch]
    }
}

/// Names that are given out once.
#[derive(Debug, Default)]
pub(crate) struct Names(BTreeSet<ComponentName>);

impl Names {
    /// Keeps these for the protocol.
    pub(crate) fn reserve<'n>(names: impl IntoIterator<Item = &'n str>) -> Self {
        Self(names.into_iter().map(ComponentName::new).collect())
    }

    /// Names a model: after its type, with `Model` behind it where that is taken, and a number where that is too.
    pub(crate) fn model(&mut self, model: &Model) -> ModelNames {
        let plain = model.type_name.as_str().to_upper_camel_case();
        let mut names = ModelNames::new(ComponentName::new(&plain));
        let mut tries = 1_usize;
        while !self.take(&names) {
            let number = if tries == 1 { String::new() } else { tries.to_string() };
            names = ModelNames::new(ComponentName::new(&[&plain, "Model", &number].concat()));
            tries += 1;
        }
        names
    }

    /// Takes all three, or none where one is taken.
    fn take(&mut self, names: &ModelNames) -> bool {
        let all = names.all();
        let free = all.iter().take_while(|name| self.0.insert((**name).clone())).count();
        if free < all.len() {
            self.0.retain(|name| !all[..free].contains(&name));
        }
        free == all.len()
    }
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
        schema.models().iter().map(|model| given.model(model).row.as_str().to_owned()).collect()
    }

    #[test]
    fn a_model_is_called_after_its_type() {
        assert_eq!(names(&[], &["Task", "weatherReports"]), ["Task", "WeatherReports"]);
    }

    #[test]
    fn no_model_takes_a_name_of_the_protocol() {
        assert_eq!(
            names(&["CommitReceipt"], &["CommitReceipt", "Task"]),
            ["CommitReceiptModel", "Task"]
        );
    }

    #[test]
    fn a_model_gives_way_when_its_create_would_be_another_models_row() {
        assert_eq!(names(&[], &["TaskCreate", "Task"]), ["TaskCreate", "TaskModel"]);
    }
}
