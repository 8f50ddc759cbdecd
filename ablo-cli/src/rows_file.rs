//! Files of rows: JSON lines, and CSV with a header whose cells are typed by the schema.

use crate::args::rows::RowsFormat;
use ablo_server::{BulkField, TextForm};
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::io::{BufRead, Read, Write};
use std::path::Path;

/// The maximum size of a line, in bytes.
const MAX_LINE_BYTES: u64 = 64 << 20;

impl RowsFormat {
    /// Returns the form that the ending of a path names.
    pub(crate) fn of(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()? {
            "jsonl" | "ndjson" => Some(Self::Jsonl),
            "csv" => Some(Self::Csv),
            _ => None,
        }
    }
}

/// A row of a file: its line, and a JSON object or why it is none.
pub(crate) type FileRow = (u64, Result<String, String>);

/// How CSV cells become values.
#[derive(Clone, Debug)]
pub(crate) struct Cells {
    pub(crate) fields: Vec<BulkField>,
    /// The cell that stands for null.
    pub(crate) null: String,
}

/// Reads all rows of a file, until `take` returns false.
///
/// # Errors
/// Returns why the file cannot be read.
pub(crate) fn read(
    file: impl Read,
    format: RowsFormat,
    cells: &Cells,
    mut take: impl FnMut(FileRow) -> bool,
) -> std::io::Result<()> {
    match format {
        RowsFormat::Jsonl => read_lines(file, &mut take),
        RowsFormat::Csv => read_csv(file, cells, &mut take),
    }
}

fn read_lines(file: impl Read, take: &mut dyn FnMut(FileRow) -> bool) -> std::io::Result<()> {
    let mut file = std::io::BufReader::with_capacity(1 << 16, file);
    let mut line = Vec::new();
    for number in 1.. {
        line.clear();
        let read = file.by_ref().take(MAX_LINE_BYTES + 1).read_until(b'\n', &mut line)?;
        if read == 0 {
            return Ok(());
        }
        if read as u64 > MAX_LINE_BYTES {
            take((number, Err(format!("the line has more than {MAX_LINE_BYTES} bytes"))));
            return Ok(());
        }
        let text = line.strip_prefix("\u{feff}".as_bytes()).filter(|_| number == 1);
        let text = std::str::from_utf8(text.unwrap_or(&line)).map(str::trim);
        let row = match text {
            Ok("") => continue,
            Ok(text) => Ok(text.to_owned()),
            Err(_) => Err("the line is not UTF-8".to_owned()),
        };
        if !take((number, row)) {
            return Ok(());
        }
    }
    Ok(())
}

fn read_csv(
    file: impl Read,
    cells: &Cells,
    take: &mut dyn FnMut(FileRow) -> bool,
) -> std::io::Result<()> {
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(file);
    let header = match reader.headers() {
        Ok(header) => header.clone(),
        Err(error) if error.is_io_error() => return Err(error.into()),
        Err(error) => {
            take((1, Err(error.to_string())));
            return Ok(());
        }
    };
    let repeated = header
        .iter()
        .enumerate()
        .find(|(at, name)| header.iter().take(*at).any(|earlier| earlier == *name));
    if let Some((_, name)) = repeated {
        take((1, Err(format!("the header has `{name}` twice"))));
        return Ok(());
    }
    let mut record = csv::StringRecord::new();
    loop {
        let line = reader.position().line();
        let row = match reader.read_record(&mut record) {
            Ok(true) => object(&header, &record, cells),
            Ok(false) => return Ok(()),
            Err(error) if error.is_io_error() => return Err(error.into()),
            Err(error) => Err(error.to_string()),
        };
        if !take((record.position().map_or(line, csv::Position::line), row)) {
            return Ok(());
        }
    }
}

/// Returns a record as a JSON object.
fn object(
    header: &csv::StringRecord,
    record: &csv::StringRecord,
    cells: &Cells,
) -> Result<String, String> {
    if header.len() != record.len() {
        return Err(format!("the row has {} cells; the header has {}", record.len(), header.len()));
    }
    let mut out = String::from("{");
    for (name, cell) in header.iter().zip(record) {
        if out.len() > 1 {
            out.push(',');
        }
        out.push_str(&json_string(name));
        out.push(':');
        let form = cells.fields.iter().find(|field| field.member == name).map(|field| field.form);
        match form {
            _ if cell == cells.null => out.push_str("null"),
            Some(TextForm::Json) => {
                let value: &RawValue = serde_json::from_str(cell)
                    .map_err(|error| format!("the cell of `{name}` is not JSON: {error}"))?;
                out.push_str(value.get());
            }
            Some(TextForm::Text) | None => out.push_str(&json_string(cell)),
        }
    }
    out.push('}');
    Ok(out)
}

fn json_string(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Writes rows to a file.
pub(crate) enum Writer<W: Write> {
    Lines(W),
    Csv(Box<csv::Writer<W>>, Cells),
}

impl<W: Write> Writer<W> {
    /// Starts a file.
    pub(crate) fn new(out: W, format: RowsFormat, cells: Cells) -> std::io::Result<Self> {
        match format {
            RowsFormat::Jsonl => Ok(Self::Lines(out)),
            RowsFormat::Csv => {
                let mut writer = csv::Writer::from_writer(out);
                writer.write_record(cells.fields.iter().map(|field| &field.member))?;
                Ok(Self::Csv(Box::new(writer), cells))
            }
        }
    }

    /// Writes a row, a JSON object. Returns the field whose text looks like null, if any.
    pub(crate) fn write(&mut self, row: &str) -> std::io::Result<Option<String>> {
        match self {
            Self::Lines(out) => {
                out.write_all(row.as_bytes())?;
                out.write_all(b"\n")?;
            }
            Self::Csv(writer, cells) => {
                let members: BTreeMap<&str, &RawValue> = serde_json::from_str(row)?;
                let mut record = Vec::with_capacity(cells.fields.len());
                for field in &cells.fields {
                    let value = members.get(field.member.as_str()).map_or("null", |raw| raw.get());
                    let text = match (value, field.form) {
                        ("null", _) => cells.null.clone(),
                        (value, TextForm::Text) => serde_json::from_str(value)?,
                        (value, TextForm::Json) => value.to_owned(),
                    };
                    if text == cells.null && value != "null" {
                        return Ok(Some(field.member.clone()));
                    }
                    record.push(text);
                }
                writer.write_record(&record)?;
            }
        }
        Ok(None)
    }

    /// Writes what is buffered.
    pub(crate) fn finish(self) -> std::io::Result<()> {
        match self {
            Self::Lines(mut out) => out.flush(),
            Self::Csv(mut writer, _) => writer.flush(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cells(null: &str) -> Cells {
        let field =
            |(member, form): (&str, TextForm)| BulkField { member: member.to_owned(), form };
        let fields = [("id", TextForm::Text), ("text", TextForm::Text), ("n", TextForm::Json)];
        Cells { fields: fields.map(field).to_vec(), null: null.to_owned() }
    }

    fn rows(text: &str, format: RowsFormat) -> Vec<FileRow> {
        let mut found = Vec::new();
        let take = |row| {
            found.push(row);
            true
        };
        read(text.as_bytes(), format, &cells(""), take).expect("a text is read");
        found
    }

    #[test]
    fn what_is_written_is_read_again() {
        let written = [
            r#"{"id":"1","text":"a,\"b\"\nc","n":1.5}"#,
            r#"{"id":"2","text":null,"n":{"x":[1,null]}}"#,
            r#"{"id":"3","text":" 0012","n":null}"#,
        ];
        for format in [RowsFormat::Jsonl, RowsFormat::Csv] {
            let mut out = Vec::new();
            let mut writer = Writer::new(&mut out, format, cells("")).expect("a header");
            for row in written {
                assert_eq!(writer.write(row).expect("a row"), None);
            }
            writer.finish().expect("the end");
            let text = String::from_utf8(out).expect("text");
            let read: Vec<String> =
                rows(&text, format).into_iter().map(|(_, row)| row.expect("a row")).collect();
            assert_eq!(read, written, "{text}");
        }
    }

    #[test]
    fn a_text_that_looks_like_null_is_reported() {
        for (null, text, expected) in [("", "", Some("text")), ("NULL", "", None)] {
            let mut writer =
                Writer::new(Vec::new(), RowsFormat::Csv, cells(null)).expect("a header");
            let row = format!(r#"{{"id":"1","text":"{text}","n":1}}"#);
            assert_eq!(writer.write(&row).expect("a row").as_deref(), expected);
        }
    }

    #[test]
    fn faulty_lines_are_placed() {
        let found = rows("\u{feff}{\"id\":\"1\"}\n\n[]\r\n", RowsFormat::Jsonl);
        assert_eq!(found, [(1, Ok(r#"{"id":"1"}"#.to_owned())), (3, Ok("[]".to_owned()))]);
        let found = rows("id,text,n\n1,\"a\nb\",2\n2,c\n3,d,x\n", RowsFormat::Csv);
        let lines: Vec<(u64, bool)> =
            found.iter().map(|(line, row)| (*line, row.is_ok())).collect();
        assert_eq!(lines, [(2, true), (4, false), (5, false)]);
        assert!(found[2].1.as_ref().is_err_and(|reason| reason.contains("`n` is not JSON")));
        let found = rows("id,text,text\n1,a,b\n", RowsFormat::Csv);
        assert_eq!(found, [(1, Err("the header has `text` twice".to_owned()))]);
    }
}
