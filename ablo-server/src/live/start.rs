//! The part of a connection before the deltas of the log.

use crate::engine::resync::Place;

/// The deltas that a connection is sent before those of the log.
#[derive(Debug)]
pub(super) enum Start {
    /// Nothing.
    Log,
    /// Decided once the bootstrap of the client has had time to arrive.
    Undecided,
    /// The current rows, from a place on. The log follows after the sync id.
    Rows { place: Place, to: u64, next_id: i64 },
    /// One unchanged row with the id of the head, unless another delta gives the client a position.
    Position,
}
