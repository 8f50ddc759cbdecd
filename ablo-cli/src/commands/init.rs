//! `ablo init`: writes a first schema, its ablo.toml and a client.

use crate::args::{InitArgs, Language};
use crate::codes;
use crate::config;
use crate::finding::{Exit, Failure, Finding, Report};
use crate::outcome::Outcome;
use ablo_schema::front::json;
use std::borrow::Cow;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

/// A file with its text.
type Template = (&'static str, Cow<'static, str>);

pub(crate) fn run(args: &InitArgs) -> Result<Outcome, Failure> {
    let files = files(args.schema);
    let exists = |(name, _): &&Template| args.folder.join(name).symlink_metadata().is_ok();
    let existing: Vec<Finding> = files
        .iter()
        .filter(exists)
        .map(|(name, _)| {
            let path = args.folder.join(name);
            Finding::new(codes::INIT_EXISTS, format!("`{}` exists", path.display()))
        })
        .collect();
    if !existing.is_empty() {
        return Err(Failure::new(Exit::CannotRun, Report::about(None, existing)));
    }
    let mut remark = String::new();
    for (at, (name, text)) in files.iter().enumerate() {
        let path = args.folder.join(name);
        if let Err(error) = create(&path, text) {
            // What was written before is incomplete without the rest.
            for (name, _) in &files[..at] {
                let _ = fs::remove_file(args.folder.join(name));
            }
            let message = format!("cannot write `{}`: {error}", path.display());
            let finding = Finding::new(codes::OUTPUT_REFUSED, message);
            return Err(Failure::new(Exit::CannotRun, Report::about(Some(&path), vec![finding])));
        }
        remark += &format!("wrote {}\n", path.display());
    }
    remark += NEXT;
    Ok(Outcome { remark, ..Outcome::text(String::new()) })
}

const NEXT: &str = "
Next, in that folder:
  ablo check       validates the schema
  ablo generate    writes generated/
  ablo dev         starts a coordinator and prints the key for the client
";

/// Writes a new file, and the folders above it.
fn create(path: &Path, text: &str) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    File::create_new(path)?.write_all(text.as_bytes())
}

fn files(language: Language) -> Vec<Template> {
    let (schema, mut files): (&str, Vec<Template>) = match language {
        Language::Json => {
            let document = format!("{:#}\n", json::document_schema());
            let schema = include_str!("../../templates/schema.json");
            let client = include_str!("../../templates/client.ts");
            let files = vec![
                ("schema.json", schema.into()),
                ("ablo.schema.json", document.into()),
                ("client.ts", client.into()),
            ];
            ("schema.json", files)
        }
        Language::Rust => {
            let schema = include_str!("../../templates/schema.rs.txt");
            let client = include_str!("../../templates/client.rs.txt");
            let files =
                vec![("src/schema.rs", schema.into()), ("examples/client.rs", client.into())];
            ("src/schema.rs", files)
        }
        Language::Typescript => {
            let schema = include_str!("../../templates/schema.ts");
            let module = include_str!("../../templates/define-schema.ts");
            let client = include_str!("../../templates/client.ts");
            let files = vec![
                ("schema.ts", schema.into()),
                ("define-schema.ts", module.into()),
                ("client.ts", client.into()),
            ];
            ("schema.ts", files)
        }
    };
    let config = format!(
        "# `ablo generate --help` lists the settings, `ablo targets` the targets.\n\
         schema = \"{schema}\"\ntargets = [\"typescript\"]\nout = \"generated\"\n"
    );
    files.push((config::FILE_NAME, config.into()));
    files
}
