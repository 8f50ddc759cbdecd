//! Files that are the same for every schema: the runtime, the decoder, the data-source handler and
//! other TypeScript files of this folder.
//!
//! A large file is bundled from several sources. Bundling removes the sources' `import`s and, from
//! declarations marked as internal, `export`. The folder `compiled` has the files as `tsc` compiles
//! them.

use super::form::Form;
use super::writer::{UNCHECKED, Writer};

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
    include_str!("runtime/outbox.ts"),
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
const SOURCE_HANDLER_SOURCES: &[&str] = &[
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

/// A module that is the same for every schema.
pub(super) struct FixedModule {
    /// The name of its file, without the ending.
    pub(super) name: &'static str,
    source: Source,
    /// The compiled module and its declarations, which a test keeps up to date.
    script: &'static str,
    types: &'static str,
}

/// The source of a module.
enum Source {
    /// One file. Its first line is the description.
    Single(&'static str),
    /// A description, a head and several files.
    Bundle(&'static str, &'static [&'static str], &'static [&'static str]),
}

/// Creates a module, whose compiled form is in the folder `compiled`.
macro_rules! module {
    ($name:literal, $source:expr) => {
        FixedModule {
            name: $name,
            source: $source,
            script: include_str!(concat!("compiled/", $name, ".js")),
            types: include_str!(concat!("compiled/", $name, ".d.ts")),
        }
    };
}

/// The modules of the client.
pub(super) const CLIENT: &[FixedModule] = &[
    module!(
        "runtime",
        Source::Bundle(
            "The client runtime, shared by all schemas: requests, connection, claims, rows.",
            RUNTIME_HEAD,
            RUNTIME,
        )
    ),
    module!("codec", Source::Bundle("Decoder of deltas.", CODEC_HEAD, CODEC)),
    module!("node_socket", Source::Single(include_str!("node_socket.ts"))),
    module!("validate", Source::Single(include_str!("validate.ts"))),
];

/// The hooks for React.
pub(super) const REACT: FixedModule = module!("react", Source::Single(include_str!("react.ts")));

/// The endpoint of a data source.
pub(super) const SOURCE_HANDLER: FixedModule = module!(
    "source_handler",
    Source::Bundle(
        "The endpoint of a data source: serves the rows of your database to a coordinator.",
        SOURCE_HANDLER_HEAD,
        SOURCE_HANDLER_SOURCES,
    )
);

impl FixedModule {
    /// Returns the text of the file in a form.
    pub(super) fn text(&self, form: Form) -> String {
        match (form, &self.source) {
            (Form::Types, _) => [UNCHECKED, self.types].concat(),
            (Form::Script, _) => [UNCHECKED, self.script].concat(),
            (Form::Source(_), Source::Single(source)) => single(form, source),
            (Form::Source(_), Source::Bundle(about, head, sources)) => {
                bundle(form, about, head, sources)
            }
        }
    }
}

fn single(form: Form, source: &'static str) -> String {
    let (about, body) = source.split_once('\n').unwrap_or((source, ""));
    let mut w = Writer::file(form, source.len() + 256, about.trim_start_matches("// "));
    // The rest of the head comment follows as a comment of its own.
    write_lines(&mut w, body.strip_prefix("//\n").unwrap_or(body).lines());
    w.finish()
}

fn bundle(
    form: Form,
    about: &'static str,
    head: &[&'static str],
    sources: &[&'static str],
) -> String {
    let size = sources.iter().map(|source| source.len()).sum();
    let mut w = Writer::file(form, size, about);
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
    use super::super::form::ImportExtension;
    use super::*;

    fn source(module: &FixedModule) -> String {
        module.text(Form::Source(ImportExtension::Js))
    }

    #[test]
    fn sources_are_bundled_into_one_file() {
        let [runtime, codec, ..] = CLIENT else { panic!("the client has modules") };
        let text = source(runtime);
        assert_eq!(text.lines().filter(|line| line.starts_with("import ")).count(), 2);
        for text in [&text, &source(codec), &source(&SOURCE_HANDLER), &source(&REACT)] {
            assert!(!text.contains(INTERNAL), "internal declarations are not exported");
            assert!(!text.contains("} from \"./platform.js\"") && !text.contains("\n\n\n"));
        }
        assert!(text.contains("\nclass Core {") && text.contains("\nexport class AbloError "));
    }

    #[test]
    fn imports_end_as_the_option_says() {
        let [runtime, ..] = CLIENT else { panic!("the client has modules") };
        for (extension, file) in [
            (ImportExtension::Ts, "./node_socket.ts"),
            (ImportExtension::Js, "./node_socket.js"),
            (ImportExtension::None, "./node_socket"),
        ] {
            let text = runtime.text(Form::Source(extension));
            assert!(text.contains(&format!("import(\"{file}\")")), "{file}");
        }
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
