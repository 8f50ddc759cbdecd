//! The SQL of claims.

use crate::store::SqlTemplate;

macro_rules! select {
    ($rest:literal) => {
        SqlTemplate::new(concat!(
            "SELECT id, participant_id, participant_kind, model, row_id, action, description, \
             path, {range:json}, field, {meta:json}, status, {declared_at:date}, {expires_at:date} \
             FROM ablo_claims WHERE organization_id = {1} AND ",
            $rest
        ))
    };
}

pub(super) static OF_ROW: SqlTemplate = select!("model = {2} AND row_id = {3} ORDER BY arrival");

pub(super) static HOLDER: SqlTemplate =
    select!("model = {2} AND row_id = {3} AND status = 'active' AND expires_at > {4:date}");

pub(super) static BY_ID: SqlTemplate = select!("participant_id = {2} AND id = {3}");

pub(super) static OPEN: SqlTemplate =
    select!("status IN ('active', 'queued') AND expires_at > {2:date} ORDER BY arrival");

pub(super) static DUE: SqlTemplate = select!(
    "status IN ('active', 'queued') AND expires_at <= {2:date} ORDER BY expires_at LIMIT {3}"
);

pub(super) static INSERT: SqlTemplate = SqlTemplate::new(
    "INSERT INTO ablo_claims (organization_id, id, participant_id, participant_kind, model, \
     row_id, action, description, path, range, field, meta, status, declared_at, expires_at, \
     ttl_ms) VALUES ({1}, {2}, {3}, {4}, {5}, {6}, {7}, {8}, {9}, {10:json}, {11}, {12:json}, \
     {13}, {14:date}, {15:date}, {16})",
);

pub(super) static STATUS: SqlTemplate = SqlTemplate::new(
    "UPDATE ablo_claims SET status = {4}, expires_at = {5:date} WHERE organization_id = {1} AND \
     participant_id = {2} AND id = {3}",
);

pub(super) static EXTEND: SqlTemplate = SqlTemplate::new(
    "UPDATE ablo_claims SET expires_at = {4:date} WHERE organization_id = {1} AND participant_id = \
     {2} AND id = {3} AND status IN ('active', 'queued')",
);

pub(super) static TTL_OF: SqlTemplate = SqlTemplate::new(
    "SELECT ttl_ms FROM ablo_claims WHERE organization_id = {1} AND participant_id = {2} AND id = \
     {3}",
);

pub(super) static REMOVE: SqlTemplate = SqlTemplate::new(
    "DELETE FROM ablo_claims WHERE organization_id = {1} AND participant_id = {2} AND id = {3}",
);

pub(super) static SWEEP: SqlTemplate = SqlTemplate::new(
    "DELETE FROM ablo_claims WHERE organization_id = {1} AND (participant_id, id) IN (SELECT \
     participant_id, id FROM ablo_claims WHERE organization_id = {1} AND status NOT IN ('active', \
     'queued') AND expires_at < {2:date} ORDER BY expires_at LIMIT {3})",
);

pub(super) static SET_ARRIVAL: SqlTemplate = SqlTemplate::new(
    "UPDATE ablo_claims SET arrival = {4} WHERE organization_id = {1} AND participant_id = {2} AND \
     id = {3}",
);

pub(super) static NEGATE_ARRIVALS: SqlTemplate = SqlTemplate::new(
    "UPDATE ablo_claims SET arrival = -arrival WHERE organization_id = {1} AND model = {2} AND \
     row_id = {3} AND status = 'queued'",
);

pub(super) static ARRIVALS: SqlTemplate = SqlTemplate::new(
    "SELECT arrival FROM ablo_claims WHERE organization_id = {1} AND model = {2} AND row_id = {3} \
     AND status = 'queued' ORDER BY arrival",
);

pub(super) static COUNT_WRITES: SqlTemplate = SqlTemplate::new(
    "SELECT count(*) FROM sync_deltas WHERE organization_id = {1} AND model_name = {2} AND \
     model_id = {3} AND actor_id = {4} AND actor_kind = {5} AND created_at >= {6:date} AND \
     action_type NOT IN ('C', 'G', 'S')",
);
