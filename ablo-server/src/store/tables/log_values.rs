//! Large values of rows in the sync log. A change of another member does not store them again: the
//! entry has their hashes, and they are stored once.

use crate::error::StoreError;
use crate::store::{ListTemplate, SqlTemplate, Tx};
use crate::value::push_json_string;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// The size of a value, in bytes, above which it is stored once.
const LARGE: usize = 4 << 10;

static TOUCH: SqlTemplate = SqlTemplate::new(
    "UPDATE ablo_log_values SET last_sync_id = {3} WHERE organization_id = {1} AND hash = {2}",
);
static INSERT: SqlTemplate = SqlTemplate::new(
    "INSERT INTO ablo_log_values (organization_id, hash, value, last_sync_id) VALUES ({1}, {2}, \
     {4:json}, {3})",
);
static FIND: ListTemplate = ListTemplate::new(
    "SELECT hash, {value:json} FROM ablo_log_values WHERE organization_id = {1} AND hash \
     {2:in}",
);
static DELETE: SqlTemplate = SqlTemplate::new(
    "DELETE FROM ablo_log_values WHERE organization_id = {1} AND hash IN (SELECT hash FROM \
     ablo_log_values WHERE organization_id = {1} AND last_sync_id <= {2} ORDER BY last_sync_id \
     LIMIT {3})",
);

/// A row without its large unchanged values.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Split {
    /// The other members, as JSON.
    pub(super) data: String,
    /// The hashes of the values, by member.
    hashes: BTreeMap<String, String>,
    values: BTreeMap<String, String>,
}

/// The members of a JSON object, in order.
struct Members(Vec<(String, Box<RawValue>)>);

impl<'de> serde::Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct ReadMembers;
        impl<'de> Visitor<'de> for ReadMembers {
            type Value = Members;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Members, M::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        from.deserialize_map(ReadMembers)
    }
}

/// Takes the large values out of a row that `previous`, the members before the change, does not
/// have. Returns `None` if there are none.
pub(super) fn split(data: &str, previous: Option<&str>) -> Option<Split> {
    if data.len() <= LARGE {
        return None;
    }
    let changed: BTreeMap<String, IgnoredAny> = serde_json::from_str(previous?).ok()?;
    let Members(members) = serde_json::from_str(data).ok()?;
    let mut split = Split { data: String::from("{"), ..Split::default() };
    for (name, value) in members {
        if value.get().len() > LARGE && !changed.contains_key(&name) {
            let hash = blake3::hash(value.get().as_bytes()).to_hex().to_string();
            split.values.insert(hash.clone(), value.get().to_owned());
            split.hashes.insert(name, hash);
        } else {
            push_member(&name, value.get(), &mut split.data);
        }
    }
    split.data.push('}');
    (!split.hashes.is_empty()).then_some(split)
}

fn push_member(name: &str, value: &str, out: &mut String) {
    if !out.ends_with('{') {
        out.push(',');
    }
    push_json_string(name, out);
    out.push(':');
    out.push_str(value);
}

/// Returns a row with its large values again.
pub(super) fn join(
    data: &str,
    hashes: &BTreeMap<String, String>,
    values: &BTreeMap<String, String>,
) -> Result<String, StoreError> {
    let mut out = data.trim_end().strip_suffix('}').unwrap_or_default().trim_end().to_owned();
    for (name, hash) in hashes {
        let value = values.get(hash);
        let lost = || StoreError::Fault(format!("the value {hash} of the log is missing"));
        push_member(name, value.ok_or_else(lost)?, &mut out);
    }
    out.push('}');
    Ok(out)
}

impl Split {
    /// Returns the hashes as JSON.
    pub(super) fn hashes(&self) -> String {
        serde_json::to_string(&self.hashes).unwrap_or_default()
    }

    /// Stores the values that are not stored yet. `sync_id` is that of the entry.
    pub(super) fn store(
        self,
        tx: &mut Tx<'_>,
        organization: &str,
        sync_id: u64,
    ) -> Result<(), StoreError> {
        for (hash, value) in self.values {
            let key = [organization.into(), hash.as_str().into(), sync_id.into()];
            if tx.run(&TOUCH, &key)? == 0 {
                let [organization, hash, sync_id] = key;
                tx.run(&INSERT, &[organization, hash, sync_id, value.into()])?;
            }
        }
        Ok(())
    }
}

/// Returns values by their hashes.
pub(super) fn find_all(
    tx: &mut Tx<'_>,
    organization: &str,
    hashes: &[&str],
) -> Result<BTreeMap<String, String>, StoreError> {
    let (statement, hashes) = FIND.of(hashes);
    let values = [organization.into(), hashes];
    let found =
        tx.all(statement, &values, |mut record| Ok((record.text("hash")?, record.text("value")?)))?;
    Ok(found.into_iter().collect())
}

/// Deletes at most `limit` values that only entries up to a sync id have.
pub(super) fn delete_to(
    tx: &mut Tx<'_>,
    organization: &str,
    sync_id: u64,
    limit: u64,
) -> Result<u64, StoreError> {
    tx.run(&DELETE, &[organization.into(), sync_id.into(), limit.into()])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_large_values_that_did_not_change_are_taken_out() {
        let large = format!("\"{}\"", "x".repeat(LARGE));
        let row = format!(r#"{{"id":"a","blob":{large},"other":{large},"n":1}}"#);
        let taken = split(&row, Some(r#"{"n":0,"other":null}"#)).expect("a large value");
        assert_eq!(taken.hashes.keys().collect::<Vec<_>>(), ["blob"]);
        assert_eq!(taken.data, format!(r#"{{"id":"a","other":{large},"n":1}}"#));
        let joined = join(&taken.data, &taken.hashes, &taken.values).expect("the row");
        let read = |text: &str| serde_json::from_str::<serde_json::Value>(text).expect("JSON");
        assert_eq!(read(&joined), read(&row));
        assert!(join(&taken.data, &taken.hashes, &BTreeMap::new()).is_err());
        for previous in [None, Some(r#"{"blob":1,"other":2}"#)] {
            assert_eq!(split(&row, previous), None);
        }
    }

    #[test]
    fn a_row_of_large_values_only_is_joined() {
        let row = format!(r#"{{"blob":"{}"}}"#, "x".repeat(LARGE));
        let taken = split(&row, Some("{}")).expect("a large value");
        assert_eq!(taken.data, "{}");
        assert_eq!(join(&taken.data, &taken.hashes, &taken.values).expect("the row"), row);
    }
}
