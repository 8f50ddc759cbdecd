//! `ablo generate --watch`: again on every save, until stopped.
//!
//! The folders of the schema and of ablo.toml are watched, not the files: an editor that saves by renaming puts a new
//! file where the watched one was. An error is shown and waited upon; the output stays as it was.

use super::generate;
use crate::args::GenerateArgs;
use crate::codes;
use crate::finding::{Exit, Finding, Report, Stop};
use crate::outcome::Outcome;
use crate::{input, render, settings, source};
use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

/// Saving is several events: this long without one means that it is over.
const QUIET: Duration = Duration::from_millis(60);

pub(crate) fn run(args: &GenerateArgs) -> Exit {
    match watch(args) {
        Ok(never) => never,
        Err(stop) => render::show(&stop.into(), args.input.format),
    }
}

fn watch(args: &GenerateArgs) -> Result<Exit, Stop> {
    if args.input.file.as_deref() == Some(Path::new(source::STDIN)) {
        return Err(refused("standard input cannot be watched"));
    }
    let (sender, events) = mpsc::channel();
    // When nobody listens any more, the command is over.
    let mut watcher =
        notify::recommended_watcher(move |event| drop(sender.send(event))).map_err(refused)?;
    let mut folders = BTreeSet::new();
    loop {
        // What there is to watch can change with ablo.toml, so it is asked before every run.
        let files = watched(args);
        if files.is_empty() {
            return generate::run(args).map(|outcome| outcome.exit);
        }
        for file in &files {
            add(&mut watcher, &mut folders, file)?;
        }
        let outcome: Outcome = generate::run(args).into();
        render::show(&outcome, args.input.format);
        render::note("waiting for the next save; Ctrl-C ends this", args.input.format);
        if !wait(&events, &files) {
            return Ok(Exit::CannotRun);
        }
    }
}

/// The files whose change matters: the schema, its modules and ablo.toml, also where links lead.
fn watched(args: &GenerateArgs) -> BTreeSet<PathBuf> {
    let schema = settings::schema_path(&args.input).ok();
    let read = schema.as_deref().and_then(|path| input::read(path).ok());
    // A module that is not there yet can only come into a folder that is.
    let modules = read.into_iter().flat_map(|input| input.files).filter(|path| {
        path.parent().is_some_and(|folder| folder.as_os_str().is_empty() || folder.is_dir())
    });
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
) -> Result<(), Stop> {
    let folder = file.parent().unwrap_or(Path::new("/"));
    if folders.contains(folder) {
        return Ok(());
    }
    watcher.watch(folder, RecursiveMode::NonRecursive).map_err(refused)?;
    folders.insert(folder.to_owned());
    Ok(())
}

/// Waits until one of the files was changed and then left alone; `false` when no event can come any more.
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
    // Other files in the folder may never be quiet.
    let latest = Instant::now() + QUIET * 10;
    while Instant::now() < latest && events.recv_timeout(QUIET).is_ok() {}
    true
}

fn refused(reason: impl std::fmt::Display) -> Stop {
    let message = format!("cannot watch: {reason}");
    Stop::new(
        Exit::CannotRun,
        Report::about(None, vec![Finding::new(codes::WATCH_REFUSED, message)]),
    )
}
