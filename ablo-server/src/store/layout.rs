//! The layout of the coordinator's own tables: read, upgraded and recorded in one transaction.
//!
//! A coordinator upgrades earlier layouts. On a later one it runs if that layout allows it, and
//! then creates nothing, because the coordinator that upgraded the tables has done so.

use crate::error::{NewerLayout, StoreError};
use ablo_codegen::emit::sql::LayoutProgram;

/// The layout that a database has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct StoredLayout {
    /// The version; 0 in a new database.
    pub(super) version: i64,
    /// The earliest layout whose coordinators can use the tables.
    pub(super) min_reader: i64,
}

/// A connection to the database.
pub(super) trait LayoutSession {
    /// Runs statements without parameters. Reported differences are logged.
    fn run(&mut self, sql: &str) -> Result<(), StoreError>;

    /// Reads the present layout.
    fn stored(&mut self, sql: &str) -> Result<StoredLayout, StoreError>;
}

/// Brings the tables to the newest layout.
///
/// Returns [`StoreError::NewerLayout`] and changes nothing if the tables have a layout that needs a
/// newer coordinator.
pub(super) fn upgrade(
    session: &mut dyn LayoutSession,
    program: &LayoutProgram,
) -> Result<(), StoreError> {
    in_transaction(session, program, "COMMIT", |session, stored| {
        let known = i64::from(program.newest.version);
        if stored.version > known {
            return Ok(());
        }
        // A new database gets the newest layout at once.
        let upgrades = program.upgrades.iter().filter(|_| stored.version > 0);
        for upgrade in upgrades.filter(|next| i64::from(next.version) > stored.version) {
            session.run(&upgrade.sql)?;
        }
        session.run(&program.removals)?;
        session.run(&program.provision)?;
        session.run(&program.record)
    })
}

/// Checks that this coordinator can use the tables, and changes nothing.
pub(super) fn check(
    session: &mut dyn LayoutSession,
    program: &LayoutProgram,
) -> Result<(), StoreError> {
    in_transaction(session, program, "ROLLBACK", |_, _| Ok(()))
}

/// Runs a job on a layout that this coordinator can use, in a transaction that ends with `end`.
fn in_transaction(
    session: &mut dyn LayoutSession,
    program: &LayoutProgram,
    end: &str,
    job: impl FnOnce(&mut dyn LayoutSession, StoredLayout) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let known = i64::from(program.newest.version);
    let outcome = session.run(&program.begin).and_then(|()| {
        let stored = session.stored(&program.stored)?;
        if stored.version > known && stored.min_reader > known {
            let StoredLayout { version, min_reader } = stored;
            return Err(StoreError::NewerLayout(NewerLayout { version, min_reader, known }));
        }
        job(session, stored)?;
        session.run(end)
    });
    if outcome.is_err() {
        // The first error says more than that of a rollback on a lost connection.
        let _ = session.run("ROLLBACK");
    }
    outcome
}

#[cfg(test)]
mod tests {
    use super::*;
    use ablo_codegen::emit::sql::LayoutUpgrade;
    use ablo_codegen::shape::ServiceLayout;
    use rusqlite::Connection;
    use std::path::Path;

    /// Returns the program of a coordinator that knows the layouts up to `version`. Each upgrade
    /// counts its runs.
    fn known_up_to(version: u32, min_reader: u32) -> LayoutProgram {
        let upgrade = |version| LayoutUpgrade {
            version,
            sql: format!(
                "INSERT INTO runs VALUES ({version}); ALTER TABLE log ADD COLUMN c{version};"
            ),
        };
        LayoutProgram {
            newest: ServiceLayout { version, min_reader, steps: &[] },
            begin: "BEGIN IMMEDIATE; CREATE TABLE IF NOT EXISTS layouts (version INTEGER PRIMARY \
                KEY, min_reader INTEGER); CREATE TABLE IF NOT EXISTS runs (version INTEGER)"
                .to_owned(),
            stored:
                "SELECT coalesce(max(version), (SELECT count(*) FROM sqlite_schema WHERE name = \
                'log')), coalesce(max(min_reader), 1) FROM layouts"
                    .to_owned(),
            upgrades: (2..=version).map(upgrade).collect(),
            removals: "DROP INDEX IF EXISTS obsolete;".to_owned(),
            provision: format!(
                "CREATE TABLE IF NOT EXISTS log (id); CREATE INDEX IF NOT EXISTS \
                log_{version} ON log (id)"
            ),
            record: format!(
                "INSERT INTO layouts VALUES ({version}, {min_reader}) ON CONFLICT DO NOTHING"
            ),
        }
    }

    fn open(path: &Path) -> Connection {
        let connection = Connection::open(path).expect("the file opens");
        connection.busy_timeout(std::time::Duration::from_secs(10)).expect("a timeout");
        connection
    }

    fn texts(connection: &Connection, sql: &str) -> String {
        let sql = format!("SELECT coalesce(group_concat(v, ' '), '') FROM ({sql})");
        connection.query_row(&sql, [], |row| row.get(0)).expect("the query succeeds")
    }

    fn state(connection: &Connection) -> [String; 3] {
        [
            "SELECT version AS v FROM runs ORDER BY 1",
            "SELECT version AS v FROM layouts ORDER BY 1",
            "SELECT name AS v FROM sqlite_schema WHERE type = 'index' ORDER BY 1",
        ]
        .map(|sql| texts(connection, sql))
    }

    #[test]
    fn old_and_new_coordinators_run_in_turn() {
        let mut file = Connection::open_in_memory().expect("memory");
        // A release that recorded no layout.
        file.execute_batch("CREATE TABLE log (id); INSERT INTO log VALUES (7)").expect("tables");
        for (program, expected) in [
            (known_up_to(1, 1), ["", "1", "log_1"]),
            (known_up_to(2, 1), ["2", "1 2", "log_2"]),
            // The earlier coordinator changes nothing, not even what it would provision.
            (known_up_to(1, 1), ["2", "1 2", "log_2"]),
            (known_up_to(3, 1), ["2 3", "1 2 3", "log_2 log_3"]),
            (known_up_to(2, 1), ["2 3", "1 2 3", "log_2 log_3"]),
        ] {
            upgrade(&mut file, &program).expect("the coordinator opens the database");
            assert_eq!(state(&file), expected);
            assert_eq!(texts(&file, "SELECT id AS v FROM log"), "7");
            file.execute_batch("DROP INDEX IF EXISTS log_1").expect("the index is dropped");
        }
    }

    #[test]
    fn a_layout_that_needs_a_newer_coordinator_is_refused() {
        let mut file = Connection::open_in_memory().expect("memory");
        upgrade(&mut file, &known_up_to(3, 2)).expect("a new database gets the newest layout");
        let before = state(&file);
        assert_eq!(before, ["", "3", "log_3"], "a new database needs no upgrades");
        let refused = StoreError::NewerLayout(NewerLayout { version: 3, min_reader: 2, known: 1 });
        assert_eq!(upgrade(&mut file, &known_up_to(1, 1)), Err(refused.clone()));
        assert_eq!(check(&mut file, &known_up_to(1, 1)), Err(refused));
        assert_eq!(check(&mut file, &known_up_to(2, 1)), Ok(()));
        assert_eq!(upgrade(&mut file, &known_up_to(2, 1)), Ok(()));
        assert_eq!(state(&file), before);
    }

    #[test]
    fn a_failed_upgrade_changes_nothing() {
        let mut file = Connection::open_in_memory().expect("memory");
        upgrade(&mut file, &known_up_to(1, 1)).expect("the first layout");
        let mut program = known_up_to(3, 1);
        "SELECT nothing".clone_into(&mut program.upgrades[1].sql);
        assert!(upgrade(&mut file, &program).is_err());
        assert_eq!(state(&file), ["", "1", "log_1"]);
    }

    #[test]
    fn coordinators_that_start_together_upgrade_once() {
        let folder = std::env::temp_dir().join(format!("ablo-layout-{}", uuid::Uuid::new_v4()));
        std::fs::create_dir(&folder).expect("a folder");
        let path = folder.join("rows.db");
        upgrade(&mut open(&path), &known_up_to(1, 1)).expect("the first layout");
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    upgrade(&mut open(&path), &known_up_to(3, 1)).expect("the upgrade succeeds");
                });
            }
        });
        assert_eq!(state(&open(&path)), ["2 3", "1 3", "log_1 log_3"]);
        std::fs::remove_dir_all(&folder).expect("the folder is removed");
    }
}
