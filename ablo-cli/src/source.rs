//! Reads input files as UTF-8, up to a maximum size.

use crate::codes;
use crate::finding::{Exit, Failure, Finding, Location, Report, Source};
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::Path;

/// The path that stands for standard input.
pub(crate) const STDIN: &str = "-";

/// Reads a file, or standard input for `-`. A file over `max_bytes` is not read.
pub(crate) fn read(path: &Path, max_bytes: usize) -> Result<Source, Failure> {
    let max_bytes = max_bytes as u64;
    let (name, bytes) = if path == Path::new(STDIN) {
        ("stdin".to_owned(), read_bounded(io::stdin().lock(), 0, max_bytes))
    } else {
        (path.display().to_string(), read_file(path, max_bytes))
    };
    match bytes {
        Ok(Some(bytes)) => text(name, bytes),
        Ok(None) => {
            let message = format!("`{name}` is larger than {} MiB", max_bytes >> 20);
            let start = Location::of("", 0..0);
            let finding = Finding::new(ablo_schema::Code::SourceTooLarge, message).at(start);
            Err(Failure::new(
                Exit::Errors,
                Report::in_source(Source { name, text: String::new() }, vec![finding]),
            ))
        }
        Err(error) => {
            let finding =
                Finding::new(codes::SOURCE_UNREADABLE, format!("cannot read `{name}`: {error}"));
            Err(Failure::new(Exit::CannotRun, Report::about(Some(path), vec![finding])))
        }
    }
}

/// Replaces a file. The new text is written beside it first, so that the file is never half
/// written.
pub(crate) fn replace(path: &Path, text: &str) -> Result<(), Failure> {
    replace_file(path, text).map_err(|error| {
        let message = format!("cannot write `{}`: {error}", path.display());
        let finding = Finding::new(codes::OUTPUT_REFUSED, message);
        Failure::new(Exit::CannotRun, Report::about(Some(path), vec![finding]))
    })
}

fn replace_file(path: &Path, text: &str) -> io::Result<()> {
    // A link stays, and the file behind it is replaced.
    let path = path.canonicalize()?;
    let folder = path.parent().unwrap_or(Path::new("."));
    let temporary = folder.join(format!(".ablo-{}", std::process::id()));
    let written = File::create_new(&temporary).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.set_permissions(path.metadata()?.permissions())?;
        file.sync_all()?;
        fs::rename(&temporary, &path)
    });
    if written.is_err() {
        // The error that is reported is that of the write.
        let _ = fs::remove_file(&temporary);
    }
    written
}

fn read_file(path: &Path, max_bytes: u64) -> io::Result<Option<Vec<u8>>> {
    let file = File::open(path)?;
    let length = file.metadata()?.len();
    if length > max_bytes { Ok(None) } else { read_bounded(file, length, max_bytes) }
}

/// Reads up to `max_bytes`, else returns `None`. A pipe has no length, and a file may grow while it
/// is read.
fn read_bounded(input: impl Read, expected: u64, max_bytes: u64) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::with_capacity(usize::try_from(expected + 1).unwrap_or(0));
    let read = input.take(max_bytes + 1).read_to_end(&mut bytes)?;
    Ok((read as u64 <= max_bytes).then_some(bytes))
}

fn text(name: String, bytes: Vec<u8>) -> Result<Source, Failure> {
    String::from_utf8(bytes).map(|text| Source { name: name.clone(), text }).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        // The lossy text equals the input up to the first invalid byte, so offsets stay valid.
        let text = String::from_utf8_lossy(error.as_bytes()).into_owned();
        let next = text[valid..].chars().next().map_or(0, char::len_utf8);
        let finding =
            Finding::new(ablo_schema::Code::SourceNotUtf8, "the source is not valid UTF-8")
                .at(Location::of(&text, valid..valid + next));
        Failure::new(Exit::Errors, Report::in_source(Source { name, text }, vec![finding]))
    })
}
