//! Presence: the open connections of an organisation, and reports without a connection.

use super::Service;
use super::roster::{Party, PartyState};
use crate::engine::claims;
use crate::engine::credentials::mark_used;
use crate::engine::exits::{self, Exit};
use crate::engine::groups;
use crate::engine::sessions::{self, Session};
use crate::error::{ApiError, Result};
use crate::identity::Identity;
use ablo_wire::{PresenceKind, PresenceReport, PresenceUpdate};
use std::collections::BTreeMap;
use std::sync::Arc;

impl Service {
    /// Returns the presence of the participants that have an open connection that shares a group
    /// with the caller or hold a claim that it may see.
    ///
    /// # Errors
    /// Returns the store's error.
    pub(crate) async fn roster(&self, who: &Identity) -> Result<Vec<PresenceUpdate>> {
        let viewer = who.clone();
        let (sessions, claims) = self
            .viewing(who, move |engine, tx| {
                let open = sessions::all(tx, &viewer.organization)?;
                let open = groups::locate_activities(engine, tx, &viewer.organization, open)?;
                Ok((open, claims::visible(engine, tx, &viewer)?))
            })
            .await?;
        let mut parties: BTreeMap<Party, PartyState> = BTreeMap::new();
        let sees = |session: &Session| exits::sees(Exit::Presence, who, &session.groups);
        for session in sessions.into_iter().filter(sees) {
            let party = parties.entry(Party::of_session(&session, who)).or_default();
            party.sessions.push(Arc::new(session));
        }
        for claim in claims.into_iter().filter(|claim| claim.status == "active") {
            parties.entry(Party::of_claim(&claim, who)).or_default().claims.push(claim);
        }
        let presence =
            |(party, state): (&Party, &PartyState)| state.update(party, who, PresenceKind::Update);
        Ok(parties.iter().map(presence).collect())
    }

    /// Stores a report of a participant without a connection. It expires if no further report
    /// arrives.
    ///
    /// # Errors
    /// Returns an error if the report is about another participant, or the store's error.
    pub(crate) async fn report_presence(
        &self,
        who: &Identity,
        organization: &str,
        user: &str,
        report: PresenceReport,
    ) -> Result<()> {
        if organization != who.organization {
            return Err(ApiError::new(
                "organization_mismatch",
                "`organizationId` is not the credential's organisation",
            )
            .into());
        }
        if user != who.claimant() && user != who.participant {
            return Err(ApiError::new(
                "presence_identity_required",
                "a participant can only report its own presence",
            )
            .into());
        }
        self.check_presence(&report)?;
        // Neither a kind nor a name has a colon.
        let (kind, name) = (who.kind.as_str(), who.holder.name().unwrap_or_default());
        let id = format!("{}{kind}:{name}:{}", sessions::HTTP_REPORT, who.participant);
        let (who, maximum) = (who.clone(), self.options.limits.participant_reports);
        self.acting(&who.clone(), move |_, tx| {
            let is_new = sessions::find(tx, &who.organization, &id)?.is_none();
            if is_new && sessions::count_reports(tx, &who, maximum as u64)? >= maximum as u64 {
                let message = format!("{maximum} programs of the participant report presence");
                let refusal = ApiError::new("limit_exceeded", message);
                return Err(refusal.limit("participant_reports", maximum).into());
            }
            Ok(sessions::upsert(tx, &who, &id, &report)?)
        })
        .await
    }

    /// Checks the size of a report.
    ///
    /// # Errors
    /// Returns `limit_exceeded`.
    pub(crate) fn check_presence(&self, report: &PresenceReport) -> Result<(), ApiError> {
        let size = serde_json::to_vec(report).map_or(0, |text| text.len());
        let maximum = self.options.limits.presence_bytes;
        if size <= maximum {
            return Ok(());
        }
        let message = format!("the report has {size} bytes; the maximum is {maximum}");
        Err(ApiError::new("limit_exceeded", message).limit("presence_bytes", maximum))
    }

    /// Stores an open connection with its presence report, and that its credential is used.
    ///
    /// # Errors
    /// Returns the store's error.
    pub(crate) async fn put_session(
        &self,
        who: &Identity,
        id: &str,
        report: &PresenceReport,
    ) -> Result<()> {
        let (who, id, report) = (who.clone(), id.to_owned(), report.clone());
        self.acting(&who.clone(), move |_, tx| {
            mark_used(tx, &who.capability)?;
            Ok(sessions::upsert(tx, &who, &id, &report)?)
        })
        .await
    }

    /// Renews open connections and deletes expired ones.
    ///
    /// # Errors
    /// Returns the store's error.
    pub(crate) async fn renew_sessions(&self, who: &Identity, ids: Vec<String>) -> Result<()> {
        let organization = who.organization.clone();
        self.acting(who, move |_, tx| Ok(sessions::renew(tx, &organization, &ids)?)).await
    }

    /// Deletes a closed connection.
    ///
    /// # Errors
    /// Returns the store's error.
    pub(crate) async fn remove_session(&self, organization: &str, id: &str) -> Result<()> {
        let (organization, id) = (organization.to_owned(), id.to_owned());
        self.writing(&organization.clone(), move |_, tx| {
            Ok(sessions::remove(tx, &organization, &id)?)
        })
        .await
    }
}
