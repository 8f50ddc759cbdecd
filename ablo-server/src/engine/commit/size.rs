//! The size of rows.

use crate::engine::change::PlannedChange;
use crate::error::ApiError;
use crate::models::Model;
use crate::value::Row;

/// Checks that a changed row has at most `maximum` bytes. One that was larger before, because the
/// limit was another, may only become smaller.
pub(crate) fn check_size(
    model: &Model,
    change: &PlannedChange,
    maximum: usize,
    before: Option<&Row>,
    after: &Row,
) -> Result<(), ApiError> {
    if size(after) <= maximum.max(before.map_or(0, size)) {
        return Ok(());
    }
    let (model, id) = (&model.key, &change.id);
    // The size itself depends on members that the writer may not read.
    let message = format!("{model}/{id} would have more than {maximum} bytes");
    Err(ApiError::new("limit_exceeded", message).limit("row_bytes", maximum))
}

fn size(row: &Row) -> usize {
    row.iter().map(|cell| cell.text().map_or(8, str::len)).sum()
}
