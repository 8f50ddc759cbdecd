//! Input files: bytes to text, within bounds.

use crate::codes;
use crate::finding::{Exit, Finding, Report, Source, Spot, Stop};
use ablo_schema::front::json::{MOST_BYTES, text_of};
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// The largest input that is read, in bytes: what the front takes.
const LARGEST: u64 = MOST_BYTES as u64;

/// The path that stands for standard input.
pub(crate) const STDIN: &str = "-";

/// Reads a file, or standard input for `-`. What is too large is refused before it is read.
pub(crate) fn read(path: &Path) -> Result<Source, Stop> {
    let (name, bytes) = if path == Path::new(STDIN) {
        ("stdin".to_owned(), bounded(io::stdin().lock(), 0))
    } else {
        (path.display().to_string(), read_file(path))
    };
    match bytes {
        Ok(Some(bytes)) => text(name, bytes),
        Ok(None) => {
            let message = format!("`{name}` is larger than {} MiB", LARGEST >> 20);
            let start = Spot { range: 0..0, line: 1, column: 1, pointer: None };
            let finding = Finding::new(ablo_schema::Code::SourceTooLarge, message).at(start);
            Err(Stop::new(Exit::Errors, Report::within(Source { name, text: String::new() }, vec![finding])))
        }
        Err(error) => {
            let finding = Finding::new(codes::SOURCE_UNREADABLE, format!("cannot read `{name}`: {error}"));
            Err(Stop::new(Exit::CannotRun, Report::about(Some(path), vec![finding])))
        }
    }
}

fn read_file(path: &Path) -> io::Result<Option<Vec<u8>>> {
    let file = File::open(path)?;
    let length = file.metadata()?.len();
    if length > LARGEST { Ok(None) } else { bounded(file, length) }
}

/// Everything there is to read, unless it is too much: a file may grow, and a pipe has no length to ask for.
fn bounded(input: impl Read, expected: u64) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::with_capacity(usize::try_from(expected + 1).unwrap_or(0));
    let read = input.take(LARGEST + 1).read_to_end(&mut bytes)?;
    Ok((read as u64 <= LARGEST).then_some(bytes))
}

fn text(name: String, bytes: Vec<u8>) -> Result<Source, Stop> {
    String::from_utf8(bytes).map(|text| Source { name: name.clone(), text }).map_err(|error| {
        let diagnostics = text_of(error.as_bytes()).err().map(|(_, diagnostics)| diagnostics).unwrap_or_default();
        // Up to the first bad byte the replaced text is the text, so that places hold.
        let text = String::from_utf8_lossy(error.as_bytes()).into_owned();
        Stop::new(Exit::Errors, Report::of_schema(Source { name, text }, &diagnostics))
    })
}
