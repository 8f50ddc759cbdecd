//! Selects a subset of the models.

use crate::diag::Suggest;
use crate::schema::{Model, ModelId, ModelKey, Schema};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// An error of a selection.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SelectError {
    /// A key is not a model of the schema.
    UnknownModel {
        /// The requested key.
        key: String,
        /// The most similar key.
        near: Option<String>,
    },
    /// A selected model has a parent that is not selected, so its rows would be routed differently.
    ParentLeaves {
        /// The selected model.
        model: ModelKey,
        /// The relation to the parent.
        relation: String,
        /// The parent.
        target: ModelKey,
    },
}

impl fmt::Display for SelectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SelectError::UnknownModel { key, .. } => {
                write!(f, "unknown model `{key}`")
            }
            SelectError::ParentLeaves { model, relation, target } => write!(
                f,
                "`{model}` is selected without `{target}`, the parent of its rows (relation \
                 `{relation}`)"
            ),
        }
    }
}

impl std::error::Error for SelectError {}

impl SelectError {
    /// Returns the stable code.
    #[must_use]
    pub fn code(&self) -> crate::Code {
        match self {
            SelectError::UnknownModel { .. } => crate::Code::SelectUnknownModel,
            SelectError::ParentLeaves { .. } => crate::Code::SelectParentLeaves,
        }
    }

    /// Returns how to fix the problem.
    #[must_use]
    pub fn help(&self) -> String {
        match self {
            SelectError::UnknownModel { near: Some(near), .. } => format!("did you mean `{near}`?"),
            SelectError::UnknownModel { near: None, .. } => {
                "models are selected by their keys".to_owned()
            }
            SelectError::ParentLeaves { target, .. } => format!("select `{target}` too"),
        }
    }
}

/// Returns the schema reduced to these models, in schema order. Relations to other models are
/// dropped, and so are grants that use a dropped relation.
///
/// # Errors
/// Returns one error for each unknown key and for each `parent` relation to a model that is not
/// selected.
pub fn select(schema: &Schema, keys: &[&str]) -> Result<Schema, Vec<SelectError>> {
    let mut errors = Vec::new();
    let mut suggest = Suggest::default();
    let mut chosen = BTreeSet::new();
    for key in keys {
        match schema.by_key.get(*key) {
            Some(id) => {
                chosen.insert(*id);
            }
            None => {
                let near =
                    suggest.nearest(key, schema.models.iter().map(|model| model.key.as_str()));
                errors.push(SelectError::UnknownModel {
                    key: (*key).to_owned(),
                    near: near.map(str::to_owned),
                });
            }
        }
    }
    let renumbered: BTreeMap<ModelId, ModelId> =
        chosen.iter().enumerate().map(|(at, id)| (*id, ModelId(at))).collect();
    let models: Vec<Model> = chosen
        .iter()
        .map(|id| narrow(schema.models[id.0].clone(), &renumbered, &mut errors))
        .collect();
    if !errors.is_empty() {
        return Err(errors);
    }
    let by_key =
        models.iter().enumerate().map(|(at, model)| (model.key.clone(), ModelId(at))).collect();
    Ok(Schema { models, by_key, identity_roles: schema.identity_roles.clone() })
}

fn narrow(
    mut model: Model,
    renumbered: &BTreeMap<ModelId, ModelId>,
    errors: &mut Vec<SelectError>,
) -> Model {
    let key = model.key.clone();
    model.relations.retain_mut(|relation| {
        if let Some(id) = renumbered.get(&relation.target_id) {
            relation.target_id = *id;
            return true;
        }
        if relation.options.parent {
            errors.push(SelectError::ParentLeaves {
                model: key.clone(),
                relation: relation.name.as_str().to_owned(),
                target: relation.target.clone(),
            });
        }
        false
    });
    let whole = model.grants.as_ref().is_none_or(|grants| {
        [&grants.subject, &grants.scope].iter().all(|name| model.relation(name.as_str()).is_some())
    });
    if !whole {
        model.grants = None;
        model.authored.grants = None;
    }
    model
}
