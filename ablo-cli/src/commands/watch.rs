//! `ablo generate --watch`: generates again on every save, until interrupted.
//!
//! Watches the folders of the schema and of ablo.toml rather than the files, because many editors
//! save by replacing the file.

use super::generate;
use crate::args::GenerateArgs;
use crate::codes;
use crate::finding::{Exit, Failure, Finding, Report};
use crate::outcome::Outcome;
use crate::{input, render, settings, source};
use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

/// One save causes several events. It is complete after this time without an event.
const DEBOUNCE: Duration = Duration::from_millis(60);

pub(crate) fn run(args: &GenerateArgs) -> Exit {
    match watch(args) {
        Ok(never) => never,
        Err(failure) => render::show(&failure.into(), args.input.format),
    }
}

fn watch(args: &GenerateArgs) -> Result<Exit, Failure> {
    if args.input.file.as_deref() == Some(Path::new(source::STDIN)) {
        let finding = Finding::new(codes::WATCH_STDIN, "`-` cannot be watched");
        return Err(Failure::new(Exit::CannotRun, Report::about(None, vec![finding])));
    }
    let (sender, events) = mpsc::channel();
    // `send` fails only when the command ends.
    let mut watcher =
        notify::recommended_watcher(move |event| drop(sender.send(event))).map_err(refused)?;
    let mut folders = BTreeSet::new();
    loop {
        // ablo.toml can change the set of files.
        let files = watched(args);
        if files.is_empty() {
            return generate::run(args).map(|outcome| outcome.exit);
        }
        for file in &files {
            add(&mut watcher, &mut folders, file)?;
        }
        let outcome: Outcome = generate::run(args).into();
        render::show(&outcome, args.input.format);
        render::note("watching for changes; press Ctrl-C to stop", args.input.format);
        if !wait(&events, &files) {
            return Ok(Exit::CannotRun);
        }
    }
}

/// Returns the files to watch: the schema, its modules and ablo.toml, with links resolved.
fn watched(args: &GenerateArgs) -> BTreeSet<PathBuf> {
    let schema = settings::schema_file(&args.input).ok();
    let files = schema.as_ref().map(|schema| input::files(&schema.path, &schema.read));
    // A missing module can be watched only if its folder exists.
    let modules = files.into_iter().flatten().filter(|path| {
        path.parent().is_some_and(|folder| folder.as_os_str().is_empty() || folder.is_dir())
    });
    let schema = schema.map(|schema| schema.path);
    let named = [settings::config_path(&args.input), schema].into_iter().flatten().chain(modules);
    named
        .flat_map(|file| [file.canonicalize().ok(), std::path::absolute(file).ok()])
        .flatten()
        .collect()
}

fn add(
    watcher: &mut RecommendedWatcher,
    folders: &mut BTreeSet<PathBuf>,
    file: &Path,
) -> Result<(), Failure> {
    let folder = file.parent().unwrap_or(Path::new("/"));
    if folders.contains(folder) {
        return Ok(());
    }
    watcher.watch(folder, RecursiveMode::NonRecursive).map_err(refused)?;
    folders.insert(folder.to_owned());
    Ok(())
}

/// Waits until one of the files has changed and a debounce period has passed. Returns `false` if
/// the watcher is gone.
fn wait(events: &Receiver<notify::Result<Event>>, files: &BTreeSet<PathBuf>) -> bool {
    let concerns = |event: &notify::Result<Event>| {
        let about = |event: &Event| event.paths.iter().any(|path| files.contains(path));
        event.as_ref().is_ok_and(|event| !event.kind.is_access() && about(event))
    };
    loop {
        match events.recv() {
            Ok(event) if concerns(&event) => break,
            Ok(_) => {}
            Err(_) => return false,
        }
    }
    // Bounded, because other files in the folder may change all the time.
    let deadline = Instant::now() + DEBOUNCE * 10;
    while Instant::now() < deadline && events.recv_timeout(DEBOUNCE).is_ok() {}
    true
}

fn refused(reason: impl std::fmt::Display) -> Failure {
    let message = format!("cannot watch: {reason}");
    Failure::new(
        Exit::CannotRun,
        Report::about(None, vec![Finding::new(codes::WATCH_REFUSED, message)]),
    )
}
