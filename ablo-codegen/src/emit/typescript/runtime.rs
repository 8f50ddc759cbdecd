//! Files that are the same for every schema: the runtime, the decoder, the data-source handler and
//! other TypeScript files of this folder.
//!
//! A large file is bundled from several sources. Bundling removes the sources' `import`s and, from
//! declarations marked as internal, `export`.

use super::writer::Writer;

/// The sources of `runtime.ts`. A source follows those that it needs when the module is loaded.
const RUNTIME: &[&str] = &[
    include_str!("runtime/policy.ts"),
    include_str!("runtime/platform.ts"),
    include_str!("runtime/errors.ts"),
    include_str!("runtime/http.ts"),
    include_str!("runtime/connection.ts"),
    include_str!("runtime/presence.ts"),
    include_str!("runtime/filter.ts"),
    include_str!("runtime/claims.ts"),
    include_str!("runtime/types.ts"),
    include_str!("runtime/relative.ts"),
    include_str!("runtime/store.ts"),
    include_str!("runtime/operations.ts"),
    include_str!("runtime/core.ts"),
    include_str!("runtime/model.ts"),
    include_str!("runtime/changes.ts"),
    include_str!("runtime/client.ts"),
];

/// The imports of `runtime.ts`.
const RUNTIME_HEAD: &[&str] = &[
    "/// <reference lib=\"esnext.disposable\" />",
    "import type { ModelDescriptor, SchemaDescriptor } from \"./descriptors.js\";",
    "import type * as wire from \"./wire.js\";",
];

/// The sources of `codec.ts`.
const CODEC: &[&str] = &[
    include_str!("codec/shapes.ts"),
    include_str!("codec/reader.ts"),
    include_str!("codec/batch.ts"),
];

/// The head of `codec.ts`: comments and imports.
const CODEC_HEAD: &[&str] = &[
    "// Decodes JSON and the binary form that a schema describes (docs/reference/delta-format.md).",
    "//",
    "// Lengths, references and text are checked before use; an invalid batch is rejected.",
    "// Memory grows with the input: deltas share equal objects.",
    "",
    "import type * as wire from \"./wire.js\";",
    "import type { FieldDescriptor, SchemaDescriptor } from \"./descriptors.js\";",
    "import { AbloError } from \"./runtime.js\";",
];

/// The sources of `source_handler.ts`.
const SOURCE_HANDLER: &[&str] = &[
    include_str!("source_handler/types.ts"),
    include_str!("source_handler/verify.ts"),
    include_str!("source_handler/handler.ts"),
    include_str!("source_handler/postgres.ts"),
];

/// The head of `source_handler.ts`: comments and imports.
const SOURCE_HANDLER_HEAD: &[&str] = &[
    "// Handles signed requests with the web standard `Request` and `Response`. The signature is",
    "// checked before a request is parsed. A commit is one transaction in your database, which",
    "// stores the answer, the rows and the events.",
    "",
    "import type * as wire from \"./wire.js\";",
];

/// The beginning of a declaration that only other sources of the same bundle use.
const INTERNAL: &str = "/** @internal */ export ";

/// Returns `runtime.ts`.
pub(super) fn runtime() -> String {
    let about = "The client runtime, shared by all schemas: requests, connection, claims, rows.";
    bundle(about, RUNTIME_HEAD, RUNTIME)
}

/// Returns `codec.ts`.
pub(super) fn codec() -> String {
    bundle("Decoder of deltas.", CODEC_HEAD, CODEC)
}

/// Returns `source_handler.ts`.
pub(super) fn source_handler() -> String {
    let about = "The endpoint of a data source: serves the rows of your database to a coordinator.";
    bundle(about, SOURCE_HANDLER_HEAD, SOURCE_HANDLER)
}

/// Returns a file that has one source. Its first line is the description.
pub(super) fn single(source: &'static str) -> String {
    let (about, body) = source.split_once('\n').unwrap_or((source, ""));
    let mut w = Writer::checked_file(source.len() + 256, about.trim_start_matches("// "));
    // The rest of the head comment follows as a comment of its own.
    write_lines(&mut w, body.strip_prefix("//\n").unwrap_or(body).lines());
    w.finish()
}

fn bundle(about: &'static str, head: &[&'static str], sources: &[&'static str]) -> String {
    let size = sources.iter().map(|source| source.len()).sum();
    let mut w = Writer::checked_file(size, about);
    write_lines(&mut w, head.iter().copied());
    for source in sources {
        w.gap();
        write_lines(&mut w, without_imports(source));
    }
    w.finish()
}

/// Writes lines, with several blank lines as one.
fn write_lines(w: &mut Writer, lines: impl Iterator<Item = &'static str>) {
    for line in lines {
        if line.is_empty() {
            w.gap();
        } else {
            w.fixed(line.strip_prefix(INTERNAL).unwrap_or(line));
        }
    }
}

/// Returns the lines of a source other than imports, which may span several lines.
fn without_imports(source: &'static str) -> impl Iterator<Item = &'static str> {
    let mut is_import = false;
    source.lines().filter(move |line| {
        is_import |= line.starts_with("import ");
        let keep = !is_import;
        is_import &= !line.ends_with(';');
        keep
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_bundled_into_one_file() {
        let text = runtime();
        assert_eq!(text.lines().filter(|line| line.starts_with("import ")).count(), 2);
        for text in [&text, &codec(), &source_handler()] {
            assert!(!text.contains(INTERNAL), "internal declarations are not exported");
            assert!(!text.contains("} from \"./platform.js\"") && !text.contains("\n\n\n"));
        }
        assert!(text.contains("\nclass Core {") && text.contains("\nexport class AbloError "));
    }

    #[test]
    fn codes_that_are_not_retryable_are_those_of_the_registry() {
        let text = include_str!("runtime/policy.ts");
        let (_, list) = text.split_once("const NOT_RETRYABLE").expect("the list");
        let (list, _) = list.split_once("]);").expect("the end of the list");
        let listed: Vec<&str> = list.split('"').skip(1).step_by(2).collect();
        let is_listed = |code: &&ablo_wire::CodeInfo| {
            (code.status == 429 || code.status >= 500) && !code.retryable
        };
        let mut expected: Vec<&str> =
            ablo_wire::CODES.iter().filter(is_listed).map(|code| code.code).collect();
        expected.sort_unstable();
        assert_eq!(listed, expected);
    }
}
