//! Tests that the source has no exit of a row that the others do not know.
#![allow(clippy::expect_used, reason = "a test fails loudly")]

use ablo_server::engine::exits::Exit;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Rows leave the engine only where this test says, so that a new exit is not forgotten.
#[test]
fn rows_leave_only_through_listed_exits() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../ablo-server/src");
    let mut users: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    let readers = ["RowQuery::new(", "log::since(", "row::json", "Exit::", "members_except("];
    for path in files(&source) {
        let text = std::fs::read_to_string(&path).expect("a source file");
        let name = path.strip_prefix(&source).expect("a path below").display().to_string();
        for reader in readers.iter().filter(|reader| text.contains(**reader)) {
            users.entry(reader).or_default().insert(name.clone());
        }
    }
    let expected: BTreeMap<&str, BTreeSet<String>> = BTreeMap::from([
        ("RowQuery::new(", vec!["engine/memberships.rs", "engine/read.rs", "engine/resync.rs"]),
        (
            "log::since(",
            vec![
                "engine/webhooks.rs",
                "live/connection.rs",
                "live/hub.rs",
                "store/tables/log_bounds.rs",
            ],
        ),
        // These write the log, or serve an application's own database.
        ("row::json", vec!["adapter/events.rs", "adapter/mod.rs", "engine/resync.rs"]),
        ("members_except(", vec!["engine/exits.rs", "models/row.rs"]),
        (
            "Exit::",
            vec![
                "engine/claims/queue.rs",
                "engine/commit/decide.rs",
                "engine/exits.rs",
                "engine/read.rs",
                "engine/webhooks.rs",
                "live/connection.rs",
                "live/frames.rs",
                "live/peer_view.rs",
                "live/synchronize.rs",
                "service/presence.rs",
            ],
        ),
    ])
    .into_iter()
    .map(|(reader, files)| (reader, files.into_iter().map(str::to_owned).collect()))
    .collect();
    assert_eq!(users, expected, "a new exit needs a variant of `Exit` and a probe of histories");
    // The histories of `access_histories` probe each of them.
    assert_eq!(Exit::ALL.into_iter().collect::<BTreeSet<_>>().len(), Exit::ALL.len());
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries =
        std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry"));
    let mut all = Vec::new();
    for path in entries.map(|entry| entry.path()) {
        if path.is_dir() {
            all.extend(files(&path));
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            all.push(path);
        }
    }
    all
}
