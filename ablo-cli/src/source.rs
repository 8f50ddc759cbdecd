//! Input files: bytes to text, within bounds.

use crate::codes;
use crate::finding::{Exit, Finding, Report, Source, Spot, Stop};
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// The path that stands for standard input.
pub(crate) const STDIN: &str = "-";

/// Reads a file, or standard input for `-`. What is too large is refused before it is read.
pub(crate) fn read(path: &Path, most: usize) -> Result<Source, Stop> {
    let largest = most as u64;
    let (name, bytes) = if path == Path::new(STDIN) {
        ("stdin".to_owned(), bounded(io::stdin().lock(), 0, largest))
    } else {
        (path.display().to_string(), read_file(path, largest))
    };
    match bytes {
        Ok(Some(bytes)) => text(name, bytes),
        Ok(None) => {
            let message = format!("`{name}` is larger than {} MiB", largest >> 20);
            let start = Spot { range: 0..0, line: 1, column: 1, pointer: None, file: None };
            let finding = Finding::new(ablo_schema::Code::SourceTooLarge, message).at(start);
            Err(Stop::new(
                Exit::Errors,
                Report::within(Source { name, text: String::new() }, vec![finding]),
            ))
        }
        Err(error) => {
            let finding =
                Finding::new(codes::SOURCE_UNREADABLE, format!("cannot read `{name}`: {error}"));
            Err(Stop::new(Exit::CannotRun, Report::about(Some(path), vec![finding])))
        }
    }
}

fn read_file(path: &Path, largest: u64) -> io::Result<Option<Vec<u8>>> {
    let file = File::open(path)?;
    let length = file.metadata()?.len();
    if length > largest { Ok(None) } else { bounded(file, length, largest) }
}

/// Everything there is to read, unless it is too much: a file may grow, and a pipe has no length to ask for.
fn bounded(input: impl Read, expected: u64, largest: u64) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::with_capacity(usize::try_from(expected + 1).unwrap_or(0));
    let read = input.take(largest + 1).read_to_end(&mut bytes)?;
    Ok((read as u64 <= largest).then_some(bytes))
}

fn text(name: String, bytes: Vec<u8>) -> Result<Source, Stop> {
    String::from_utf8(bytes).map(|text| Source { name: name.clone(), text }).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        // Up to the first bad byte the replaced text is the text, so that places hold.
        let text = String::from_utf8_lossy(error.as_bytes()).into_owned();
        let next = text[valid..].chars().next().map_or(0, char::len_utf8);
        let finding =
            Finding::new(ablo_schema::Code::SourceNotUtf8, "the source is not UTF-8 from here on")
                .at(Spot::of(&text, valid..valid + next));
        Stop::new(Exit::Errors, Report::within(Source { name, text }, vec![finding]))
    })
}
