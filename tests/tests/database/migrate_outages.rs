//! A full disk and a server that only reads, at every statement: the next command reports the true
//! state, and finishes once the server works again.

use super::migrate_faults::{AFTER, ROWS, fill, populate, record, rows, schema};
use ablo_codegen::migrate::{Phase, Statement};
use ablo_migrate::ledger::{Record, State};
use ablo_migrate::postgres::{Database, Timeouts};
use ablo_migrate::{Error, drift, finish};
use ablo_tests::postgres::{CrashingServer, Database as Scratch, Server};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A failure of the server: what a statement does while the table `faults` has a row, and the
/// SQLSTATE of the statement that fails.
const FAULTS: [(&str, &str); 2] = [
    // Whatever writes next fails.
    (
        "PERFORM set_config('transaction_read_only', 'on', true), \
         set_config('default_transaction_read_only', 'on', false)",
        "25006",
    ),
    ("RAISE EXCEPTION 'no space left on device' USING ERRCODE = 'disk_full'", "53100"),
];

/// Returns a statement that fails, or lets the next one fail, while there is a fault.
fn failing(phase: Phase, fault: &str) -> Statement {
    let sql =
        format!("DO $$ BEGIN IF EXISTS (SELECT FROM public.faults) THEN {fault}; END IF; END $$;");
    let (locks, hazards, effects) = (Vec::new(), Vec::new(), Vec::new());
    Statement { sql, phase, cause: None, locks, hazards, effects }
}

/// Returns a database whose owner owns the tables, with a fault.
fn place() -> Scratch<'static> {
    let place = Server::shared().database();
    let mut admin = place.admin();
    fill(admin.client());
    let owned = format!(
        "ALTER TABLE desks OWNER TO {0}; ALTER TABLE reports OWNER TO {0}; \
         CREATE TABLE faults (x int); GRANT SELECT ON faults TO public; \
         INSERT INTO faults VALUES (1)",
        place.owner()
    );
    admin.run(&owned).expect("the owner is set");
    place
}

/// Returns the number of statements in the transaction.
fn in_transaction(record: &Record) -> usize {
    record.statements.iter().filter(|statement| statement.phase == Phase::Transaction).count()
}

fn open(place: &Scratch<'_>) -> Database {
    Database::connect(&place.address(), "public").expect("the session opens")
}

fn text(error: &Error) -> String {
    error.to_string()
}

/// Finishes the migration or applies it, and checks the result.
fn complete(database: &mut Database, record: &Record, at: &str) {
    match database.ledger().expect("the ledger is readable").is_empty() {
        true => drop(database.apply(record, &[], Timeouts::default()).expect("it applies")),
        false => drop(finish(database, Timeouts::default()).expect("it is finished")),
    }
    assert_eq!(drift(database, &schema(AFTER), true), Ok(Vec::new()), "{at}");
    let ledger = database.ledger().expect("the ledger is readable");
    assert!(ledger.iter().all(|entry| entry.state == State::Done), "{at}");
}

#[test]
fn the_next_run_completes_after_a_fault_at_any_statement() {
    let record = record();
    let in_transaction = in_transaction(&record);
    let long = std::env::var_os("ABLO_LONG").is_some();
    for (fault, state) in FAULTS {
        for at in (0..=record.statements.len()).filter(|at| long || at % 5 == 0) {
            let position = format!("{state} at {at}");
            let place = place();
            let phase = match at <= in_transaction {
                true => Phase::Transaction,
                false => Phase::AfterCommit,
            };
            let mut broken = record.clone();
            broken.statements.insert(at, failing(phase, fault));
            let error = open(&place)
                .apply(&broken, &[], Timeouts::default())
                .expect_err("the server does not work");
            assert!(text(&error).contains(state), "{position}: {error}");
            let mut admin = place.admin();
            // A server that only reads tells the true state, and refuses to go on.
            let read_only =
                format!("ALTER DATABASE {} SET default_transaction_read_only", place.name());
            admin.run(&format!("{read_only} = on; DELETE FROM faults")).expect("a setting");
            let mut reading = open(&place);
            let ledger = reading.ledger().expect("the ledger is readable");
            assert_eq!(ledger.is_empty(), at <= in_transaction, "{position}");
            let refused = match ledger.is_empty() {
                true => reading.apply(&record, &[], Timeouts::default()).map(drop),
                false => finish(&mut reading, Timeouts::default()).map(drop),
            };
            let refused = refused.expect_err("the server only reads");
            assert!(text(&refused).contains("25006"), "{position}: {refused}");
            assert_eq!(reading.ledger().as_ref(), Ok(&ledger), "{position}");
            drop(reading);
            admin.run(&format!("{read_only} = off")).expect("a repair");
            complete(&mut open(&place), &record, &position);
            let converted = "SELECT count(*)::text FROM reports \
                 WHERE headline = 'Report ' || size::text AND mood = 'calm' AND place = 'here'";
            assert_eq!(admin.texts(converted), [ROWS.to_string()], "{position}");
        }
    }
}

#[test]
fn a_migration_that_was_interrupted_by_a_failover_is_finished_on_the_new_server() {
    let mut server = CrashingServer::start();
    populate(&server, "one");
    let address = server.address("one");
    let record = record();
    let in_transaction = in_transaction(&record);
    let mut broken = record.clone();
    broken.statements.insert(in_transaction + 2, failing(Phase::AfterCommit, FAULTS[1].0));
    let faults = "CREATE TABLE faults (x int); INSERT INTO faults VALUES (1)";
    server.session("one").expect("a session").batch_execute(faults).expect("a fault");
    let mut database = Database::connect(&address, "public").expect("the session opens");
    database.apply(&broken, &[], Timeouts::default()).expect_err("the disk is full");
    drop(database);
    let repair = "DELETE FROM faults";
    server.session("one").expect("a session").batch_execute(repair).expect("a repair");
    server.restart_as_standby();
    let mut standby = Database::connect(&address, "public").expect("the session opens");
    let ledger = standby.ledger().expect("the ledger is readable");
    assert!(matches!(ledger[0].state, State::AfterCommit(2)), "{:?}", ledger[0].state);
    let refused = finish(&mut standby, Timeouts::default()).expect_err("the server only reads");
    assert!(text(&refused).contains("25006"), "{refused}");
    drop(standby);
    server.promote();
    let mut promoted = Database::connect(&address, "public").expect("the session opens");
    complete(&mut promoted, &record, "after the promotion");
    assert_eq!(rows(&server, "one"), "new");
}

/// A small file system.
struct SmallDisk(PathBuf);

impl SmallDisk {
    /// Mounts one that the server can use, if this process may do so.
    fn mount(home: &Path) -> Option<Self> {
        let owner = std::fs::metadata(home.join("data")).expect("the data folder").uid();
        let folder = home.join(format!("small-{}", std::process::id()));
        std::fs::create_dir(&folder).expect("a folder");
        let options = format!("size=8m,uid={owner},mode=0700");
        let mut mount = Command::new("mount");
        let mount = mount.args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(&folder).output();
        mount.is_ok_and(|ran| ran.status.success()).then_some(Self(folder))
    }

    /// Uses all space that is left.
    fn fill(&self) {
        let ballast = vec![0; 16 << 20];
        std::fs::write(self.0.join("ballast"), ballast).expect_err("the disk is small");
    }

    fn free(&self) {
        std::fs::remove_file(self.0.join("ballast")).expect("the ballast exists");
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
        let _ = std::fs::remove_dir(&self.0);
    }
}

#[test]
fn a_migration_goes_on_once_a_full_disk_has_space_again() {
    let place = place();
    let Some(disk) = SmallDisk::mount(place.home()) else {
        eprintln!("not run: this process may not mount a file system");
        return;
    };
    let mut admin = place.admin();
    let space = format!("small_{}", place.name());
    let folder = disk.0.display();
    admin.run(&format!("CREATE TABLESPACE {space} LOCATION '{folder}'")).expect("a tablespace");
    let moved = format!(
        "GRANT CREATE ON TABLESPACE {space} TO public; \
         ALTER ROLE {} SET default_tablespace = {space}; \
         ALTER TABLE reports SET TABLESPACE {space}",
        place.owner()
    );
    admin.run(&moved).expect("the table is moved");
    let record = record();
    let in_transaction = in_transaction(&record);
    let mut broken = record.clone();
    broken.statements.insert(in_transaction, failing(Phase::AfterCommit, FAULTS[1].0));
    disk.fill();
    let error = open(&place).apply(&broken, &[], Timeouts::default()).expect_err("a full disk");
    assert!(text(&error).contains("53100"), "{error}");
    assert!(open(&place).ledger().expect("a ledger").is_empty());
    disk.free();
    // Stops after the commit.
    open(&place).apply(&broken, &[], Timeouts::default()).expect_err("a fault");
    admin.run("DELETE FROM faults").expect("a repair");
    disk.fill();
    let error = finish(&mut open(&place), Timeouts::default()).expect_err("a full disk");
    assert!(text(&error).contains("53100"), "{error}");
    let ledger = open(&place).ledger().expect("a ledger");
    assert!(matches!(ledger[0].state, State::AfterCommit(_)), "{:?}", ledger[0].state);
    disk.free();
    complete(&mut open(&place), &record, "after the disk has space");
    // The disk is unmounted before the server ends.
    let back = "ALTER TABLE reports SET TABLESPACE pg_default; DROP TABLE reports, desks CASCADE";
    admin.run(back).expect("the table is moved");
    let ledger = "DROP TABLE ablo_migrations";
    admin.run(ledger).expect("the ledger is dropped");
    admin.run(&format!("ALTER ROLE {} RESET default_tablespace", place.owner())).expect("a reset");
    admin.run("CHECKPOINT").expect("a checkpoint");
    admin.run(&format!("DROP TABLESPACE {space}")).expect("nothing is left in it");
}
