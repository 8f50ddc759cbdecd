//! Writing generated files: only changed ones, no foreign ones, all or nothing.

#![allow(clippy::expect_used, clippy::panic, reason = "a test fails loudly")]

use ablo_codegen::Files;
use ablo_codegen::write::{ChangeKind, Folder, WriteError, WritePlan};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;
use tempfile::TempDir;

const OURS: &str = ".ablo-files";

fn files(entries: &[(&str, &str)]) -> Files {
    let mut files = Files::default();
    for (path, text) in entries {
        files.add(*path, (*text).to_owned());
    }
    files
}

fn rust_in(root: &Path) -> Vec<Folder> {
    vec![Folder { prefix: "rust", path: root.join("rust") }]
}

fn write(root: &Path, entries: &[(&str, &str)]) -> Vec<(String, ChangeKind)> {
    let files = files(entries);
    let plan = WritePlan::new(&rust_in(root), &files).expect("no obstacles");
    let kinds = kinds(root, &plan);
    plan.apply().expect("writable files");
    kinds
}

fn kinds(root: &Path, plan: &WritePlan<'_>) -> Vec<(String, ChangeKind)> {
    let name =
        |path: &Path| path.strip_prefix(root).expect("a path below the root").display().to_string();
    plan.changes().iter().map(|change| (name(&change.path), change.kind)).collect()
}

fn refused(root: &Path, entries: &[(&str, &str)]) -> Vec<WriteError> {
    WritePlan::new(&rust_in(root), &files(entries)).expect_err("an obstacle")
}

/// Returns every file below a folder with its text, including the file list.
fn tree(root: &Path) -> Vec<(String, String)> {
    fn walk(root: &Path, folder: &Path, found: &mut Vec<(String, String)>) {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                walk(root, &path, found);
            } else {
                let name =
                    path.strip_prefix(root).expect("a path below the root").display().to_string();
                found.push((name, fs::read_to_string(&path).expect("text")));
            }
        }
    }
    let mut found = Vec::new();
    walk(root, root, &mut found);
    found.sort();
    found
}

fn names(root: &Path) -> Vec<String> {
    tree(root).into_iter().map(|(name, _)| name).collect()
}

fn age(path: &Path) -> SystemTime {
    fs::metadata(path).expect("a file").modified().expect("a time")
}

#[test]
fn a_second_run_touches_nothing() {
    let root = TempDir::new().expect("a folder");
    let entries = [("rust/mod.rs", "mod a;\n"), ("rust/deep/er/a.rs", "struct A;\n")];
    assert!(write(root.path(), &entries).iter().all(|(_, kind)| *kind == ChangeKind::Created));
    let files =
        ["rust/mod.rs", "rust/deep/er/a.rs", "rust/.ablo-files"].map(|p| root.path().join(p));
    for file in &files {
        let file = fs::File::options().write(true).open(file).expect("a file");
        file.set_modified(SystemTime::UNIX_EPOCH).expect("an earlier time");
    }
    assert!(write(root.path(), &entries).iter().all(|(_, kind)| *kind == ChangeKind::Unchanged));
    assert!(files.iter().all(|file| age(file) == SystemTime::UNIX_EPOCH));
}

#[test]
fn changed_files_are_written_and_stale_ones_removed() {
    let root = TempDir::new().expect("a folder");
    write(root.path(), &[("rust/a.rs", "1"), ("rust/b.rs", "1"), ("rust/deep/er/c.rs", "1")]);
    let kinds = write(root.path(), &[("rust/a.rs", "1"), ("rust/b.rs", "2"), ("rust/d.rs", "1")]);
    let kinds: Vec<_> = kinds.iter().map(|(name, kind)| (name.as_str(), *kind)).collect();
    assert_eq!(
        kinds,
        [
            ("rust/a.rs", ChangeKind::Unchanged),
            ("rust/b.rs", ChangeKind::Updated),
            ("rust/d.rs", ChangeKind::Created),
            ("rust/deep/er/c.rs", ChangeKind::Removed),
        ]
    );
    assert_eq!(names(root.path()), ["rust/.ablo-files", "rust/a.rs", "rust/b.rs", "rust/d.rs"]);
    assert!(!root.path().join("rust/deep").exists());
    let list = fs::read_to_string(root.path().join("rust").join(OURS)).expect("a list");
    assert_eq!(list.lines().skip(1).collect::<Vec<_>>(), ["a.rs", "b.rs", "d.rs"]);
}

#[test]
fn foreign_files_are_neither_removed_nor_replaced() {
    let root = TempDir::new().expect("a folder");
    fs::create_dir(root.path().join("rust")).expect("a folder");
    fs::write(root.path().join("rust/a.rs"), "mine").expect("a file");
    fs::write(root.path().join("rust/notes.md"), "mine").expect("a file");
    let before = tree(root.path());
    let errors = refused(
        root.path(),
        &[("rust/a.rs", "generated"), ("rust/notes.md", "generated"), ("rust/c.rs", "")],
    );
    let paths: Vec<_> = errors.iter().map(WriteError::path).collect();
    assert_eq!(paths, [root.path().join("rust/a.rs"), root.path().join("rust/notes.md")]);
    assert!(errors.iter().all(|error| matches!(error, WriteError::NotOurs(_))));
    assert_eq!(tree(root.path()), before);

    fs::remove_file(root.path().join("rust/a.rs")).expect("removed");
    write(root.path(), &[("rust/a.rs", "generated")]);
    write(root.path(), &[("rust/b.rs", "generated")]);
    assert_eq!(names(root.path()), ["rust/.ablo-files", "rust/b.rs", "rust/notes.md"]);
}

#[test]
fn an_identical_file_is_adopted() {
    let root = TempDir::new().expect("a folder");
    fs::create_dir(root.path().join("rust")).expect("a folder");
    fs::write(root.path().join("rust/a.rs"), "same").expect("a file");
    assert_eq!(
        write(root.path(), &[("rust/a.rs", "same")]),
        [("rust/a.rs".to_owned(), ChangeKind::Unchanged)]
    );
    assert_eq!(
        write(root.path(), &[("rust/a.rs", "other")]),
        [("rust/a.rs".to_owned(), ChangeKind::Updated)]
    );
}

#[test]
fn an_edited_file_list_cannot_escape_the_folder() {
    let root = TempDir::new().expect("a folder");
    write(root.path(), &[("rust/a.rs", "1")]);
    fs::write(root.path().join("precious.txt"), "1").expect("a file");
    let absolute = root.path().join("precious.txt").display().to_string();
    fs::write(
        root.path().join("rust").join(OURS),
        format!("../precious.txt\n{absolute}\na/../../precious.txt\n\na.rs\n"),
    )
    .expect("a file");
    assert_eq!(write(root.path(), &[("rust/a.rs", "1")]).len(), 1);
    assert!(root.path().join("precious.txt").exists());
}

#[test]
fn a_folder_at_a_file_path_is_an_error() {
    let root = TempDir::new().expect("a folder");
    fs::create_dir_all(root.path().join("rust/a.rs")).expect("a folder");
    fs::write(root.path().join("rust/deep"), "").expect("a file");
    let errors = refused(root.path(), &[("rust/a.rs", "1"), ("rust/deep/b.rs", "1")]);
    assert!(
        matches!(&errors[..], [WriteError::NotAFile(_), WriteError::NotAFolder(_)]),
        "{errors:?}"
    );

    let root = TempDir::new().expect("a folder");
    fs::write(root.path().join("rust"), "").expect("a file");
    let errors = refused(root.path(), &[("rust/a.rs", "1")]);
    assert!(
        matches!(&errors[..], [WriteError::NotAFolder(path)] if *path == root.path().join("rust")),
        "{errors:?}"
    );
}

#[cfg(unix)]
#[test]
fn links_are_not_written_through() {
    use std::os::unix::fs::symlink;
    let root = TempDir::new().expect("a folder");
    let away = TempDir::new().expect("a folder");
    write(root.path(), &[("rust/a.rs", "1"), ("rust/deep/b.rs", "1")]);
    fs::write(away.path().join("a.rs"), "mine").expect("a file");
    fs::write(away.path().join("b.rs"), "mine").expect("a file");
    fs::remove_file(root.path().join("rust/a.rs")).expect("removed");
    fs::remove_dir_all(root.path().join("rust/deep")).expect("removed");
    symlink(away.path().join("a.rs"), root.path().join("rust/a.rs")).expect("a link");
    symlink(away.path(), root.path().join("rust/deep")).expect("a link");

    let errors = refused(root.path(), &[("rust/a.rs", "2"), ("rust/deep/b.rs", "2")]);
    assert!(
        matches!(&errors[..], [WriteError::NotAFile(_), WriteError::NotAFolder(_)]),
        "{errors:?}"
    );
    write(root.path(), &[("rust/c.rs", "1")]);
    assert_eq!(
        tree(away.path()).iter().map(|(_, text)| text.as_str()).collect::<Vec<_>>(),
        ["mine", "mine"]
    );
}

#[cfg(unix)]
#[test]
fn the_output_folder_may_be_a_link() {
    let root = TempDir::new().expect("a folder");
    let away = TempDir::new().expect("a folder");
    std::os::unix::fs::symlink(away.path(), root.path().join("rust")).expect("a link");
    write(root.path(), &[("rust/a.rs", "1")]);
    assert_eq!(names(away.path()), [OURS, "a.rs"]);
}

#[test]
fn a_write_error_changes_nothing() {
    let root = TempDir::new().expect("a folder");
    write(root.path(), &[("rust/a.rs", "old"), ("rust/gone.rs", "old")]);
    let before = tree(root.path());
    let files = files(&[("rust/a.rs", "new"), ("rust/b/c.rs", "new"), ("zzz/d.rs", "new")]);
    let mut folders = rust_in(root.path());
    folders.push(Folder { prefix: "zzz", path: root.path().join("zzz") });
    let plan = WritePlan::new(&folders, &files).expect("no obstacles");
    // The last folder becomes a file after planning, so the first files are already staged.
    fs::write(root.path().join("zzz"), "").expect("a file");
    let error = plan.apply().expect_err("a missing folder");
    assert!(error.path().starts_with(root.path().join("zzz")), "{error}");
    fs::remove_file(root.path().join("zzz")).expect("removed");
    assert_eq!(tree(root.path()), before);
    assert!(!root.path().join("rust/b").exists());
}

#[cfg(target_os = "linux")]
#[test]
fn an_io_error_names_the_path() {
    let path = PathBuf::from("/proc/ablo/rust");
    let files = files(&[("rust/a.rs", "1")]);
    let plan = WritePlan::new(&[Folder { prefix: "rust", path }], &files).expect("no obstacles");
    let error = plan.apply().expect_err("an unwritable folder");
    assert!(matches!(error, WriteError::Io { .. }));
    assert!(error.to_string().contains("`/proc/ablo"), "{error}");
}

#[test]
fn planning_changes_nothing() {
    let root = TempDir::new().expect("a folder");
    let files = files(&[("rust/a.rs", "1")]);
    let plan = WritePlan::new(&rust_in(root.path()), &files).expect("no obstacles");
    assert!(plan.is_stale());
    assert_eq!(kinds(root.path(), &plan), [("rust/a.rs".to_owned(), ChangeKind::Created)]);
    assert_eq!(names(root.path()), [""; 0]);
}

#[test]
fn leftovers_of_a_killed_run_are_ignored() {
    let root = TempDir::new().expect("a folder");
    fs::create_dir(root.path().join("rust")).expect("a folder");
    for number in 0..3 {
        fs::write(root.path().join(format!("rust/.ablo-{}-{number}", std::process::id())), "half")
            .expect("a file");
    }
    write(root.path(), &[("rust/a.rs", "1"), ("rust/b.rs", "1")]);
    assert_eq!(fs::read_to_string(root.path().join("rust/a.rs")).expect("a file"), "1");
    assert_eq!(names(root.path()).len(), 6);
}
