//! Fields that hold the id of another row.

use super::RowShape;
use ablo_schema::schema::{Field, ModelKey};

impl<'s> RowShape<'s> {
    /// Returns the model that a field refers to: the common target of every `belongsTo` over this
    /// field.
    #[must_use]
    pub fn referenced_model(&self, field: &Field) -> Option<&'s ModelKey> {
        let mut targets = self
            .model
            .belongs_to()
            .filter(|edge| edge.foreign_key == field.name)
            .map(|edge| &edge.target);
        let first = targets.next()?;
        targets.all(|target| target == first).then_some(first)
    }
}
