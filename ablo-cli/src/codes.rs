//! The codes of faults that only the command can find: input files, ablo.toml, output folders,
//! servers and Data Sources. `ablo explain` reads all tables through [`Code`].

use ablo_schema::Severity;

/// A diagnostic code of any table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Code {
    /// The name. It is stable; programs may match on it.
    pub(crate) name: &'static str,
    pub(crate) severity: Severity,
    pub(crate) title: &'static str,
    pub(crate) meaning: &'static str,
    pub(crate) fix: &'static str,
}

impl Code {
    /// Returns every code.
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
        Self { name, severity, title: code.title(), meaning: code.meaning(), fix: code.fix() }
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
    ($(
        $constant:ident = $name:literal $severity:ident,
        $title:literal, $meaning:literal, $fix:literal;
    )*) => {
        $(
            #[doc = $title]
            pub(crate) const $constant: Code = Code {
                name: $name,
                severity: Severity::$severity,
                title: $title,
                meaning: $meaning,
                fix: $fix,
            };
        )*

        static TABLE: &[Code] = &[$($constant,)*];
    };
}

#[rustfmt::skip]
codes! {
    CONFIG_NOT_FOUND = "ablo::config::not_found" Error,
        "No schema is given",
        "There is no FILE argument, and neither this folder nor a parent folder has an \
         ablo.toml.",
        "Name a schema, as in `ablo check schema.json`, or write an ablo.toml (`ablo generate \
         --help` shows one).";
    CONFIG_SYNTAX = "ablo::config::syntax" Error,
        "ablo.toml is not valid TOML",
        "The file cannot be parsed, so none of its settings are used.",
        "See https://toml.io for the syntax.";
    CONFIG_UNKNOWN_KEY = "ablo::config::unknown_key" Error,
        "Unknown key in ablo.toml",
        "ablo.toml has a key that is not a setting. A misspelt key would otherwise have no \
         effect.",
        "Correct or remove the key. The keys are `schema`, `targets`, `out`, `models` and \
         `target`.";
    CONFIG_MISSING = "ablo::config::missing" Error,
        "A key is missing in ablo.toml",
        "Without a FILE argument, ablo.toml has to name the schema.",
        "Add `schema = \"schema.json\"` at the top.";
    CONFIG_WRONG_TYPE = "ablo::config::wrong_type" Error,
        "A setting has an invalid value",
        "The key or option is known, and the value has the wrong type or form.",
        "Run `ablo targets` for the options of each target, or `ablo generate --help` for an \
         example of an ablo.toml.";
    CONFIG_CONFLICTING_OPTIONS = "ablo::config::conflicting_options" Error,
        "Options of a target conflict",
        "Each option is valid, but the combination is not; the message has the reason.",
        "Remove one of the options that the message names.";
    CONFIG_UNKNOWN_TARGET = "ablo::config::unknown_target" Error,
        "Unknown target",
        "A target is a kind of output, and no target has this name.",
        "Run `ablo targets` for a list of targets.";
    CONFIG_UNKNOWN_OPTION = "ablo::config::unknown_option" Error,
        "Unknown option of a target",
        "The target has no option of this name. A misspelt option would otherwise have no \
         effect.",
        "Run `ablo targets` for the options of each target.";
    CONFIG_UNUSED_OPTION = "ablo::config::unused_option" Error,
        "Options of a target that is not selected",
        "The options have no effect, because the target is not in the list of targets.",
        "Select the target, or remove its options.";
    CONFIG_SHARED_FOLDER = "ablo::config::shared_folder" Error,
        "Two targets write to the same folder",
        "Each target owns its folder and removes files from it that it no longer writes, so two \
         targets cannot share one.",
        "Give each target its own folder.";
    ARGUMENT_INVALID = "ablo::argument::invalid" Error,
        "A command-line argument is invalid",
        "The argument is known, and its value or its combination with other arguments is not \
         accepted; the message has the reason.",
        "Correct the argument; the command's `--help` describes it.";
    SOURCE_UNREADABLE = "ablo::source::unreadable" Error,
        "An input file cannot be read",
        "The operating system could not open or read the file; the message has the reason.",
        "Check the path and the permissions.";
    SOURCE_STDIN_TWICE = "ablo::source::stdin_twice" Error,
        "Standard input is used twice",
        "`-` stands for standard input, which can be read only once.",
        "Pass one of the two as a file.";
    SOURCE_UNSAID = "ablo::source::unsaid" Warning,
        "Rust cannot express a part of the schema",
        "Schema JSON can express more than Rust: the order of base fields, members without a \
         meaning, defaults and shapes of JSON fields. The printed source omits this part and is \
         a different schema.",
        "Keep the schema in JSON, or accept the difference.";
    SOURCE_HASH = "ablo::source::hash" Warning,
        "The printed source has another contentHash",
        "The source is equivalent, but the document declares defaults explicitly, as in `\"load\": \
         \"instant\"`. The hash is taken over what is declared, and Rust does not declare these.",
        "No action is required, unless the hash is stored somewhere; then compare `ablo schema \
         hash` of both.";
    OUTPUT_NOT_OURS = "ablo::output::not_ours" Error,
        "A file that ablo did not write is in the way",
        "ablo replaces only files that are listed in the folder's `.ablo-files`. This file is \
         not listed, and its content differs from the generated file.",
        "Move the file away, or delete it if it was generated.";
    OUTPUT_NOT_A_FILE = "ablo::output::not_a_file" Error,
        "The path of a generated file is not a regular file",
        "A folder, a link or a device is at this path. ablo does not write through links.",
        "Move it away, or choose another output folder.";
    OUTPUT_NOT_A_FOLDER = "ablo::output::not_a_folder" Error,
        "The path of an output folder is not a folder",
        "Generated files are written below this path, and it is a file, or a link inside the \
         output folder.",
        "Move it away, or choose another output folder.";
    OUTPUT_REFUSED = "ablo::output::refused" Error,
        "An output file cannot be read or written",
        "The operating system returned an error; the message has the reason. No file was \
         partially written by `ablo generate`.",
        "Check the permissions and the free space, or choose another output path.";
    OUTPUT_STALE = "ablo::output::stale" Error,
        "A generated file is stale",
        "`ablo generate --check` compares the files on disk with those that `ablo generate` \
         would write.",
        "Run `ablo generate` with the same flags, and commit the files.";
    DATABASE_MISSING = "ablo::database::missing" Error,
        "No database address is given",
        "The command needs a database, and neither a flag nor the environment has its address.",
        "Pass `--database-url postgres://user@host/database`, or set ABLO_DATABASE_URL, \
         DATABASE_URL, or PGHOST or PGSERVICE of libpq.";
    SERVE_STDIN_SCHEMA = "ablo::serve::stdin_schema" Error,
        "The coordinator needs a schema file",
        "`ablo dev` and `ablo serve` read the schema from a file, not from standard input.",
        "Pass the path of a schema file instead of `-`.";
    SERVE_ADDRESS_IN_USE = "ablo::serve::address_in_use" Error,
        "The address is in use",
        "Another process already listens on the address and port.",
        "Choose another port with `--listen` (port 0 selects a free one), or stop the other \
         process.";
    SERVE_CANNOT_LISTEN = "ablo::serve::cannot_listen" Error,
        "The address cannot be used to listen",
        "The address does not belong to this machine, or this user may not use the port; the \
         message has the reason.",
        "Pass an address of this machine to `--listen`, such as 127.0.0.1 or 0.0.0.0, and a port \
         above 1023.";
    SERVE_INVALID_KEY = "ablo::serve::invalid_key" Error,
        "ABLO_SECRET_KEY is not a key of this mode",
        "Secret keys begin with `sk_live_` in live mode, and with `sk_test_` otherwise.",
        "Set ABLO_SECRET_KEY to a key that begins with `sk_live_` if `--live` is given, else \
         with `sk_test_`.";
    SERVE_SHORT_KEY = "ablo::serve::short_key" Error,
        "ABLO_SECRET_KEY is too short",
        "A secret key needs at least 128 bits of randomness: 32 hexadecimal digits or 22 other \
         characters after `sk_test_` or `sk_live_`.",
        "Create a key with `ablo key create`, or set ABLO_SECRET_KEY to the beginning \
         `sk_test_` or `sk_live_` and the output of `openssl rand -hex 20`.";
    SERVE_ENDED_KEY = "ablo::serve::ended_key" Error,
        "ABLO_SECRET_KEY has ended",
        "The key was revoked, was replaced by another one in ABLO_SECRET_KEY, or belongs to \
         another organisation; the message has the reason. A key that has ended stays so.",
        "Set ABLO_SECRET_KEY to a new key, or unset it and create one with `ablo key create`.";
    SERVE_NO_KEY = "ablo::serve::no_key" Error,
        "The database has no key",
        "Without a secret key no request can be answered. ABLO_SECRET_KEY is not set, and the \
         database has no valid key.",
        "Run `ablo key create` with the same `--database-url` and `--organization`, and \
         `--live` in live mode; or set ABLO_SECRET_KEY.";
    BACKUP_EXISTS = "ablo::backup::exists" Error,
        "There is a file at the path of the copy",
        "`ablo backup` replaces no file, so that a failure never costs an earlier copy.",
        "Give another path, such as one with the date, or remove the file.";
    BACKUP_DAMAGED = "ablo::backup::damaged" Error,
        "The database is damaged",
        "The integrity check of SQLite failed, so no copy was made.",
        "Restore an earlier copy, or recover rows with `.recover` of the sqlite3 shell.";
    BACKUP_POSTGRES = "ablo::backup::postgres" Error,
        "A PostgreSQL database is copied by its own tools",
        "`ablo backup` copies SQLite files only.",
        "Use `pg_dump --format=custom`, or a base backup with archived WAL.";
    KEY_REFUSED = "ablo::key::refused" Error,
        "The request for a key was refused",
        "The key does not exist, has ended, or the label cannot be used; the message has the \
         reason.",
        "Copy the id from `ablo key list` of the same organisation.";
    SERVE_INVALID_DEV_KEY = "ablo::serve::invalid_dev_key" Error,
        "The saved development key is invalid",
        "`ablo dev` saves its key in `.ablo/dev.key` beside the schema. The file has been \
         changed and does not contain a key that begins with `sk_test_`.",
        "Delete `.ablo/dev.key`; `ablo dev` creates a new one.";
    SERVE_STATE_FOLDER = "ablo::serve::state_folder" Error,
        "The folder `.ablo` cannot be written",
        "`ablo dev` keeps its database and its key in the folder `.ablo` beside the schema; the \
         message has the reason.",
        "Check the permissions and the free space of the schema's folder, or pass `--memory`.";
    SERVE_DATABASE_UNAVAILABLE = "ablo::serve::database_unavailable" Error,
        "The database is not available",
        "A connection was lost or could not be opened while starting. A process uses up to nine \
         connections.",
        "Check that the database is running and that its role may open nine connections.";
    SERVE_DATABASE_FAILED = "ablo::serve::database_failed" Error,
        "The service tables cannot be created",
        "The coordinator and the Data Source adapter keep their own tables in the database. The \
         database rejected a statement; the message has the reason.",
        "Check that the role may create tables in the schema of the tables, and rename existing \
         tables that have the name of a service table.";
    SERVE_NEWER_LAYOUT = "ablo::serve::newer_layout" Error,
        "The coordinator's tables need a newer version",
        "A newer version of ablo has upgraded the coordinator's own tables to a layout that this \
         version cannot use. No table was changed.",
        "Run the newer version, or restore a backup from before the upgrade.";
    SERVE_UNKNOWN_SOURCE_MODEL = "ablo::serve::unknown_source_model" Error,
        "`--source-models` names an unknown model",
        "The schema has no model with this key.",
        "Pass keys of models in the schema.";
    SERVE_SYSTEM_ERROR = "ablo::serve::system_error" Error,
        "The operating system denied a resource",
        "Threads, sockets or signal handlers could not be created; the message has the reason.",
        "Check the limits of the process on open files and threads (`ulimit -a`).";
    DATA_SOURCE_KEY_MISSING = "ablo::data_source::key_missing" Error,
        "The key of the Data Source is not set",
        "Requests between a coordinator and a Data Source are signed with a key that both sides \
         share.",
        "Set the environment variable that the message names to this key.";
    DATA_SOURCE_INVALID_URL = "ablo::data_source::invalid_url" Error,
        "The URL of the endpoint is invalid",
        "An endpoint has an `http` or `https` URL.",
        "Pass a URL such as `http://127.0.0.1:3000/api/ablo/source`.";
    DATA_SOURCE_UNREACHABLE = "ablo::data_source::unreachable" Error,
        "The endpoint does not respond",
        "No HTTP response was received from the URL; the message has the reason.",
        "Check the URL, and that the application is running.";
    DATA_SOURCE_NO_TEST_ROW = "ablo::data_source::no_test_row" Error,
        "No test row can be derived from the schema",
        "The conformance kit writes rows of a mutable model with a string field and no required \
         foreign keys. The schema, or the model that `--model` names, has none that fits.",
        "Describe a row with `--model` and `--row`.";
    DATA_SOURCE_INVALID_ROW = "ablo::data_source::invalid_row" Error,
        "The test row is invalid",
        "The row has to be a JSON object with a string member, which the conformance kit \
         updates. `--text` names this member.",
        "Pass `--row` such as `{\"title\": \"text\"}`, and in `--text` the name of one of its \
         string members.";
    DATA_SOURCE_SCHEMA_MISMATCH = "ablo::data_source::schema_mismatch" Error,
        "The tables do not match the schema",
        "A model has no table, a field has no column, or a column has a type that cannot store \
         the field; the message has the details.",
        "Change the schema or the tables; `ablo pull` writes a schema from the tables.";
    DATA_SOURCE_TRIGGERS_FAILED = "ablo::data_source::triggers_failed" Error,
        "The triggers cannot be installed",
        "The database rejected a statement; the message has the reason. No trigger was \
         installed.",
        "Run the command as the role that owns the tables. Triggers can be installed on tables, \
         not on views.";
    CAPTURE_FAILED = "ablo::capture::failed" Error,
        "The triggers cannot be installed or removed",
        "The database rejected a statement; the message has the reason. No trigger was changed.",
        "Run the command as the role that owns the tables. Triggers can be installed on tables, \
         not on views.";
    CAPTURE_UNSUPPORTED = "ablo::capture::unsupported" Error,
        "The database cannot record writes of other programs",
        "A trigger of SQLite cannot tell which program writes a row.",
        "Write the rows through the coordinator, or use PostgreSQL.";
    IMPORT_INVALID = "ablo::import::invalid_row" Error,
        "A row of the file cannot be stored",
        "A line is no row, or a value does not fit its field. All rows are checked first, so no \
         row was imported.",
        "Correct the line. A row has an `id` and the members that `ablo export` writes; those that \
         are left out get their defaults.";
    IMPORT_REFUSED = "ablo::import::refused_row" Error,
        "A row was not imported",
        "The database has a row with this id and other values, or a constraint refuses the row. \
         The other rows were imported.",
        "Correct the line, or change the stored row through a client. Running the command again \
         imports what is missing.";
    EXPORT_AMBIGUOUS = "ablo::export::ambiguous_null" Error,
        "A text looks like null in CSV",
        "A field has the text that stands for null, by default the empty one.",
        "Choose another text with --null, for export and import, or write JSON lines.";
    ROWS_FILE = "ablo::rows::file" Error,
        "A file of rows cannot be read or written",
        "The message has the reason. An existing file is never replaced.",
        "Check the path and its permissions, or choose another one.";
    ROWS_FORMAT = "ablo::rows::unknown_format" Error,
        "The form of a file of rows is not known",
        "The ending is neither `.jsonl` nor `.csv`.",
        "Rename the file, or name the form with --format.";
    ROWS_NO_SCHEMA = "ablo::rows::no_schema" Error,
        "The database has no applied schema",
        "Rows are typed by the schema that was applied last, and the ledger of the database has \
         none.",
        "Run `ablo migrate apply`, `ablo migrate adopt` or `ablo serve` on the database first.";
    ROWS_UNKNOWN_MODEL = "ablo::rows::unknown_model" Error,
        "The schema of the database has no such model",
        "`ablo import` and `ablo export` take the key of a model, as in the schema.",
        "Check the spelling of the model.";
    DATA_SOURCE_FAILED = "ablo::data_source::failed" Error,
        "A check of the conformance kit failed",
        "`ablo source test` reads and writes rows as a coordinator does. The message has the \
         request and the response.",
        "Fix the endpoint; docs/guide/data-sources.md describes each request.";
    FMT_NOT_JSON = "ablo::fmt::not_json" Error,
        "The schema is not Schema JSON",
        "`ablo fmt` formats Schema JSON. Rust and TypeScript have formatters of their own.",
        "Run rustfmt on Rust, and Prettier or Biome on TypeScript.";
    FMT_DIFFERS = "ablo::fmt::differs" Error,
        "The schema is not formatted",
        "`ablo fmt --check` compares a file with its formatted text and writes nothing.",
        "Run `ablo fmt` with the same file.";
    INIT_EXISTS = "ablo::init::exists" Error,
        "A file to write exists",
        "`ablo init` replaces no file. Nothing was written.",
        "Run it in another folder, or write the missing files by hand.";
    TYPESCRIPT_NO_NODE = "ablo::typescript::no_node" Error,
        "Node.js cannot be run",
        "A schema in TypeScript is run with the `node` of the search path.",
        "Install Node.js 20.6 or later, or write the schema as Schema JSON.";
    TYPESCRIPT_NO_COMPILER = "ablo::typescript::no_compiler" Error,
        "No compiler of TypeScript was found",
        "A schema in TypeScript is compiled with the package `esbuild` or `typescript` of its \
         project, else by Node.js 22.13 or later.",
        "Install one of the packages in the project, or a later Node.js.";
    TYPESCRIPT_NO_SCHEMA = "ablo::typescript::no_schema" Error,
        "The file exports no schema",
        "The default export of a schema file, or its export `schema`, is the document that \
         `defineSchema` returns.",
        "Write `export default defineSchema({ … });`.";
    TYPESCRIPT_FAILED = "ablo::typescript::failed" Error,
        "The schema file failed",
        "Node.js could not run the file; the message has its output.",
        "Correct the file. `node FILE` shows the same error.";
    WATCH_STDIN = "ablo::watch::stdin" Error,
        "Standard input cannot be watched",
        "`--watch` runs again when the schema file changes, and `-` is not a file.",
        "Pass the path of a schema file, or run `ablo generate` without `--watch`.";
    WATCH_REFUSED = "ablo::watch::refused" Error,
        "A folder cannot be watched",
        "The operating system could not watch the folder of the schema or of ablo.toml; the \
         message has the reason.",
        "Check that the folder exists and the limits on file watches, or run `ablo generate` \
         without `--watch`.";
    EXPLAIN_UNKNOWN = "ablo::explain::unknown_code" Error,
        "Unknown code",
        "`ablo explain` takes the codes of diagnostics, such as `ablo::json::syntax`.",
        "Copy the code from a diagnostic.";
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn names_are_well_formed_and_unique() {
        let mut seen = BTreeSet::new();
        for code in Code::all() {
            let parts: Vec<_> = code.name.split("::").collect();
            let ["ablo", subject, what] = parts[..] else { panic!("{code:?}") };
            assert!(!subject.is_empty() && !what.is_empty(), "{code:?}");
            assert!(seen.insert(code.name), "{} is defined twice", code.name);
            assert!(![code.title, code.meaning, code.fix].contains(&""), "{code:?}");
        }
    }
}
