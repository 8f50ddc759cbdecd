//! The codes of what only the command can find: about input files, ablo.toml and the output folder.
//!
//! One table of the same form as that of the schema's diagnostics; `ablo explain` reads both
//! through [`Code`].

use ablo_schema::Severity;

/// What is known of a code, whichever table it is from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Code {
    /// Stable: programs may match on it.
    pub(crate) name: &'static str,
    pub(crate) severity: Severity,
    pub(crate) title: &'static str,
    pub(crate) meaning: &'static str,
    pub(crate) fix: &'static str,
}

impl Code {
    /// Every code there is.
    pub(crate) fn all() -> impl Iterator<Item = Code> {
        let all = ablo_schema::Code::all().map(Code::from).chain(TABLE.iter().copied());
        #[cfg(feature = "database")]
        let all = all.chain(ablo_migrate::Code::all().map(Code::from));
        all
    }
}

impl From<ablo_schema::Code> for Code {
    fn from(code: ablo_schema::Code) -> Self {
        let (name, severity) = (code.as_str(), code.severity());
        Self { name, severity, title: code.title(), meaning: code.meaning(), fix: code.mend() }
    }
}

#[cfg(feature = "database")]
impl From<ablo_migrate::Code> for Code {
    fn from(code: ablo_migrate::Code) -> Self {
        let ablo_migrate::Code { name, severity, title, meaning, fix } = code;
        Self { name, severity, title, meaning, fix }
    }
}

macro_rules! codes {
    ($($constant:ident = $name:literal $severity:ident, $title:literal, $meaning:literal, $fix:literal;)*) => {
        $(
            #[doc = $title]
            pub(crate) const $constant: Code =
                Code { name: $name, severity: Severity::$severity, title: $title, meaning: $meaning, fix: $fix };
        )*

        static TABLE: &[Code] = &[$($constant,)*];
    };
}

#[rustfmt::skip]
codes! {
    CONFIG_NOT_FOUND = "ablo::config::not_found" Error,
        "There is no schema to read",
        "No FILE was given, and neither this folder nor one above it has an ablo.toml.",
        "Name a schema, as in `ablo check schema.json`, or write an ablo.toml (`ablo generate --help` shows one).";
    CONFIG_SYNTAX = "ablo::config::syntax" Error,
        "ablo.toml is not TOML",
        "The file cannot be parsed, so none of its settings is used.",
        "See https://toml.io for the syntax.";
    CONFIG_UNKNOWN_KEY = "ablo::config::unknown_key" Error,
        "ablo.toml has a key that ablo does not know",
        "A misspelt key would silently change nothing, so it is an error.",
        "Correct its name, or remove it.";
    CONFIG_MISSING = "ablo::config::missing" Error,
        "ablo.toml lacks a key that it needs",
        "Without FILE on the command line, ablo.toml has to name the schema.",
        "Add `schema = \"schema.json\"` at the top.";
    CONFIG_WRONG_TYPE = "ablo::config::wrong_type" Error,
        "A setting has a value of the wrong kind",
        "The key or option is known, and takes another kind of value than it was given.",
        "`ablo targets` lists the options; `ablo generate --help` shows an ablo.toml.";
    CONFIG_UNKNOWN_TARGET = "ablo::config::unknown_target" Error,
        "There is no such target",
        "A target is a kind of output. This name is none of them.",
        "`ablo targets` lists them.";
    CONFIG_UNKNOWN_OPTION = "ablo::config::unknown_option" Error,
        "The target has no such option",
        "A misspelt option would silently change nothing, so it is an error.",
        "`ablo targets` lists the options.";
    CONFIG_UNUSED_OPTION = "ablo::config::unused_option" Error,
        "Options are set for a target that is not selected",
        "Nothing would read them: either the target is missing from the list, or they are left over.",
        "Select the target too, or remove its options.";
    CONFIG_SHARED_FOLDER = "ablo::config::shared_folder" Error,
        "Two targets write into one folder",
        "Each target owns its folder and removes from it what it no longer writes, so folders are not shared.",
        "Give each target a folder of its own.";
    SOURCE_UNREADABLE = "ablo::source::unreadable" Error,
        "An input file cannot be read",
        "The system refused to open or read it; its reason is in the message.",
        "Check the path and the permissions.";
    SOURCE_STDIN_TWICE = "ablo::source::stdin_twice" Error,
        "Standard input is asked for twice",
        "`-` stands for standard input, which can be read once.",
        "Give one of the two as a file.";
    SOURCE_UNSAID = "ablo::source::unsaid" Warning,
        "Rust cannot say something that the schema says",
        "Schema JSON says more than Rust: the order of fields that every row has, members that nobody reads, defaults and shapes of JSON. The source is written without it, and is another schema there.",
        "Keep the schema in JSON, or live without it.";
    SOURCE_HASH = "ablo::source::hash" Warning,
        "The source means the same and has another contentHash",
        "The document says what is so anyway, as in `\"load\": \"instant\"`. Hashes are taken over what is written, and Rust does not write that.",
        "Nothing is lost. Compare `ablo schema hash` of both where something keeps the hash.";
    OUTPUT_NOT_OURS = "ablo::output::not_ours" Error,
        "A file that ablo did not write is in the way",
        "ablo replaces only files that `.ablo-files` beside them lists. This one is not listed and differs from what would be written.",
        "Move the file away, or delete it if it was generated.";
    OUTPUT_NOT_A_FILE = "ablo::output::not_a_file" Error,
        "Something that is no ordinary file is where a file goes",
        "A folder, a link or a device is at the path of a generated file. ablo does not write through links.",
        "Move it away, or choose another output folder.";
    OUTPUT_NOT_A_FOLDER = "ablo::output::not_a_folder" Error,
        "Something that is no folder is where a folder goes",
        "Generated files go below this path, and it is a file, or a link inside the output folder.",
        "Move it away, or choose another output folder.";
    OUTPUT_REFUSED = "ablo::output::refused" Error,
        "The system refused to read or write an output file",
        "Its reason is in the message. No file is half-written.",
        "Check the permissions and the free space, or choose another output folder.";
    OUTPUT_STALE = "ablo::output::stale" Error,
        "A generated file is not as the schema says",
        "`generate --check` compares the files on disk with what `generate` would write.",
        "Run `ablo generate` with the same flags, and commit what it writes.";
    DATABASE_MISSING = "ablo::database::missing" Error,
        "No database was named",
        "The command works on a database, and neither a flag nor the environment has its address.",
        "Pass `--database-url postgres://user@host/database`, or set ABLO_DATABASE_URL or DATABASE_URL.";
    SERVE_REFUSED = "ablo::serve::refused" Error,
        "The coordinator cannot start",
        "Its database cannot be opened, or the address cannot be listened on; the reason is in the message.",
        "Choose another `--listen` (port 0 is any that is free), or another place for the database.";
    DATA_SOURCE_REFUSED = "ablo::data_source::refused" Error,
        "A Data Source cannot be asked or served",
        "There is no key, nobody answers at the address, or the tables are not what the schema speaks of; the reason is in the message.",
        "Set ABLO_SOURCE_KEY to the key that both sides know, and check the address and the schema.";
    DATA_SOURCE_FAILED = "ablo::data_source::failed" Error,
        "An endpoint does not do what the protocol asks of it",
        "`ablo source test` wrote and read rows as a coordinator does. What was asked and answered is in the message.",
        "Mend the endpoint; docs/guide/data-sources.md says what each request has to do.";
    WATCH_REFUSED = "ablo::watch::refused" Error,
        "The system refused to watch a folder",
        "`--watch` asks the system to tell when the schema's folder changes; its reason is in the message.",
        "Run `ablo generate` without --watch.";
    EXPLAIN_UNKNOWN = "ablo::explain::unknown_code" Error,
        "There is no such code",
        "`ablo explain` knows the codes that diagnostics carry, as in `ablo::json::syntax`.",
        "Copy the code from a diagnostic.";
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn a_code_is_spelled_one_way_and_stands_in_one_table() {
        let mut seen = BTreeSet::new();
        for code in Code::all() {
            let parts: Vec<_> = code.name.split("::").collect();
            assert!(
                matches!(parts[..], ["ablo", subject, what] if !subject.is_empty() && !what.is_empty()),
                "{code:?}"
            );
            assert!(seen.insert(code.name), "{} stands twice", code.name);
            assert!(![code.title, code.meaning, code.fix].contains(&""), "{code:?}");
        }
    }

    /// Every code of this table is provoked by a test of the command.
    #[test]
    fn every_code_is_tested() {
        let tests = concat!(
            include_str!("../tests/check.rs"),
            include_str!("../tests/config.rs"),
            include_str!("../tests/data_source.rs"),
            include_str!("../tests/diff.rs"),
            include_str!("../tests/generate.rs"),
            include_str!("../tests/migrate.rs"),
            include_str!("../tests/schema.rs"),
            include_str!("../tests/serve.rs"),
            include_str!("../tests/watch.rs"),
            include_str!("../tests/snapshots/config__everything.snap"),
        );
        for code in TABLE {
            // In a workflow command the colons are escaped.
            let escaped = code.name.replace(':', "%3A");
            assert!(
                tests.contains(code.name) || tests.contains(&escaped),
                "no test speaks of {}",
                code.name
            );
        }
    }
}
