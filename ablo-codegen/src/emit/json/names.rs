//! Component names and references to them.
//!
//! A [`ComponentName`] has only characters that OpenAPI allows and JSON pointers do not escape. A
//! model's component is named after its typename. The protocol's names are reserved first, so no
//! model can take one.

use ablo_schema::schema::Model;
use heck::ToUpperCamelCase;
use std::collections::BTreeSet;

/// A name below `components` or `$defs`: ASCII letters, digits and `_`.
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

/// A reference within the document.
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
}

impl ModelNames {
    fn new(row: ComponentName, model: &Model) -> Self {
        let is_relative = model.fields.iter().any(|field| !field.facets.relative.is_empty());
        Self {
            create: row.join("Create"),
            patch: row.join("Patch"),
            relative: is_relative.then(|| row.join("Relative")),
            row,
        }
    }

    /// Returns placeholder names for a template.
    pub(crate) fn placeholders([row, create, patch]: [&str; 3]) -> Self {
        let [row, create, patch] =
            [row, create, patch].map(|placeholder| ComponentName(placeholder.to_owned()));
        Self { row, create, patch, relative: None }
    }

    fn all(&self) -> Vec<&ComponentName> {
        [&self.row, &self.create, &self.patch].into_iter().chain(&self.relative).collect()
    }
}

/// The names that are in use.
#[derive(Debug, Default)]
pub(crate) struct Names(BTreeSet<ComponentName>);

impl Names {
    /// Reserves names of the protocol.
    pub(crate) fn reserve<'n>(names: impl IntoIterator<Item = &'n str>) -> Self {
        Self(names.into_iter().map(ComponentName::new).collect())
    }

    /// Names a model after its typename, with the suffix `Model` if that is taken, and then with a
    /// number.
    pub(crate) fn model(&mut self, model: &Model) -> ModelNames {
        let plain = model.type_name.as_str().to_upper_camel_case();
        let mut names = ModelNames::new(ComponentName::new(&plain), model);
        let mut tries = 1_usize;
        while !self.take(&names) {
            let number = if tries == 1 { String::new() } else { tries.to_string() };
            let name = ComponentName::new(&[&plain, "Model", &number].concat());
            names = ModelNames::new(name, model);
            tries += 1;
        }
        names
    }

    /// Takes all names, or none if one is taken.
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
