//! How many sockets each organisation and each participant has open.

use super::hub::lock;
use crate::error::ApiError;
use crate::identity::Identity;
use crate::limits::Limits;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

/// An organisation, or one of its participants.
type Owner = (String, Option<(String, String)>);

/// The sockets of a process, by owner.
#[derive(Debug, Default)]
pub(super) struct Seats(Mutex<BTreeMap<Owner, usize>>);

/// Counts a socket while it exists.
#[derive(Debug)]
pub(crate) struct Seat {
    seats: Arc<Seats>,
    owners: [Owner; 2],
}

impl Seats {
    /// Counts a socket.
    ///
    /// # Errors
    /// Returns `connection_limit_exceeded` if an owner has as many as it may have.
    pub(super) fn take(
        self: &Arc<Self>,
        who: &Identity,
        limits: &Limits,
    ) -> Result<Seat, ApiError> {
        let participant = (who.kind.as_str().to_owned(), who.participant.clone());
        let owners =
            [(who.organization.clone(), None), (who.organization.clone(), Some(participant))];
        let maxima = [
            ("organization_sockets", limits.organization_sockets),
            ("participant_sockets", limits.participant_sockets),
        ];
        let mut taken = lock(&self.0);
        for (owner, (limit, maximum)) in owners.iter().zip(maxima) {
            if taken.get(owner).is_some_and(|number| *number >= maximum) {
                let message = format!("{maximum} sockets are open; close some of them");
                let refusal = ApiError::new("connection_limit_exceeded", message);
                return Err(refusal.limit(limit, maximum));
            }
        }
        for owner in &owners {
            *taken.entry(owner.clone()).or_default() += 1;
        }
        Ok(Seat { seats: Arc::clone(self), owners })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = lock(&self.seats.0);
        for owner in &self.owners {
            if let Some(number) = taken.get_mut(owner) {
                *number -= 1;
                if *number == 0 {
                    taken.remove(owner);
                }
            }
        }
    }
}
