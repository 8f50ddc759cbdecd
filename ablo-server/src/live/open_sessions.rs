//! The open sessions of an organisation, by id and by program.

use crate::engine::sessions::Session;
use crate::identity::Holder;
use crate::service::roster::Party;
use std::collections::BTreeMap;
use std::sync::Arc;

type ById = BTreeMap<String, Arc<Session>>;

/// The open sessions of an organisation.
#[derive(Debug, Default)]
pub(super) struct OpenSessions {
    by_id: ById,
    /// By kind and name of the participant, and by program.
    by_program: BTreeMap<(String, String), BTreeMap<Holder, ById>>,
}

impl OpenSessions {
    pub(super) fn insert(&mut self, session: &Arc<Session>) {
        let participant = (session.kind.clone(), session.participant.clone());
        let programs = self.by_program.entry(participant).or_default();
        let program = programs.entry(session.holder.clone()).or_default();
        program.insert(session.id.clone(), Arc::clone(session));
        self.by_id.insert(session.id.clone(), Arc::clone(session));
    }

    pub(super) fn remove(&mut self, id: &str) -> Option<Arc<Session>> {
        let session = self.by_id.remove(id)?;
        let participant = (session.kind.clone(), session.participant.clone());
        if let Some(programs) = self.by_program.get_mut(&participant) {
            if let Some(program) = programs.get_mut(&session.holder) {
                program.remove(id);
            }
            programs.retain(|_, program| !program.is_empty());
            if programs.is_empty() {
                self.by_program.remove(&participant);
            }
        }
        Some(session)
    }

    pub(super) fn len(&self) -> usize {
        self.by_id.len()
    }

    /// Returns all sessions, by id.
    pub(super) fn all(&self) -> &ById {
        &self.by_id
    }

    /// Returns the sessions of a peer.
    pub(super) fn of(&self, party: &Party) -> Vec<Arc<Session>> {
        let Some(programs) = self.by_program.get(&party.participant) else { return Vec::new() };
        let found: Vec<&ById> = match &party.holder {
            Some(holder) => programs.get(holder).into_iter().collect(),
            None => programs.values().collect(),
        };
        found.into_iter().flat_map(BTreeMap::values).cloned().collect()
    }
}
