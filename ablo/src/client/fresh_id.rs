//! Random ids of rows, claims, operations and programs.

/// Returns a new random id.
pub(super) fn fresh_id() -> String {
    uuid::Uuid::new_v4().hyphenated().to_string()
}
