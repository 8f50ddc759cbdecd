//! The `python` target: a package with typed rows and a client, synchronous and asynchronous.
//!
//! `models.py` has the rows, `schema.py` the schema as values, `client.py` the client, and
//! `runtime/` its implementation, which is the same for every schema and needs the standard library
//! only. Imports are relative, so that the package can have any name.

mod client;
mod kind;
mod literal;
mod models;
mod name;
mod schema;
mod writer;

use crate::target::read_options;
use crate::{Emit, Files, Input, OptionError, Target};
use serde::Deserialize;
use serde_json::{Map, Value};
use writer::{Writer, line};

/// The `python` target.
#[derive(Clone, Copy, Debug)]
pub struct Python;

#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
struct PythonOptions {
    package: String,
}

impl Default for PythonOptions {
    fn default() -> Self {
        Self { package: "ablo_client".to_owned() }
    }
}

impl Target for Python {
    fn id(&self) -> &'static str {
        "python"
    }

    fn about(&self) -> &'static str {
        "a package for Python 3.10 and later: typed rows, a client and its asynchronous twin"
    }

    fn options(&self) -> &'static [(&'static str, &'static str)] {
        &[("package", "the name of the package (default: ablo_client)")]
    }

    fn configure(&self, options: &Map<String, Value>) -> Result<Box<dyn Emit>, OptionError> {
        let PythonOptions { package } = read_options(options)?;
        if !name::is_package(&package) {
            return Err(OptionError {
                message: format!(
                    "`package` is {package:?}, which Python cannot import: use small letters, \
                     digits and `_`"
                ),
            });
        }
        Ok(Box::new(Emitter { package }))
    }
}

struct Emitter {
    package: String,
}

/// The files that are the same for every schema.
const RUNTIME: &[(&str, &str)] = &[
    ("runtime/__init__.py", include_str!("runtime/__init__.py")),
    ("runtime/aio.py", include_str!("runtime/aio.py")),
    ("runtime/client.py", include_str!("runtime/client.py")),
    ("runtime/errors.py", include_str!("runtime/errors.py")),
    ("runtime/flow.py", include_str!("runtime/flow.py")),
    ("runtime/lease.py", include_str!("runtime/lease.py")),
    ("runtime/operations.py", include_str!("runtime/operations.py")),
    ("runtime/policy.py", include_str!("runtime/policy.py")),
    ("runtime/transport.py", include_str!("runtime/transport.py")),
    ("runtime/values.py", include_str!("runtime/values.py")),
    // Type checkers read the types of a package that has this file.
    ("py.typed", "\n"),
];

impl Emit for Emitter {
    fn emit(&self, input: &Input<'_>, files: &mut Files) {
        let rows = &input.shapes.rows;
        let names = name::model_names(rows);
        let mut add = |file: &str, text: String| {
            files.add(["python/", &self.package, "/", file].concat(), text);
        };
        add("__init__.py", package());
        add("client.py", client::client(&names));
        add("models.py", models::models(rows, &names));
        add("schema.py", schema::schema(input, &names));
        for (file, text) in RUNTIME {
            add(file, (*text).to_owned());
        }
    }
}

/// Returns `__init__.py`: the clients and the modules, whose names cannot collide with models.
fn package() -> String {
    let mut w = Writer::file("The client of a schema: `Ablo`, `AsyncAblo` and the types of rows.");
    line!(w, "from . import models, runtime, schema");
    line!(w, "from .client import Ablo, AsyncAblo");
    line!(w, "from .runtime import UNSET, AbloError, Unset, WriteOptions");
    w.gap(1);
    line!(w, "__all__ = [");
    for name in [
        "UNSET",
        "Ablo",
        "AbloError",
        "AsyncAblo",
        "Unset",
        "WriteOptions",
        "models",
        "runtime",
        "schema",
    ] {
        w.indented(|w| line!(w, literal::Str(name), ","));
    }
    line!(w, "]");
    w.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ablo_schema::{Hashes, Schema};

    /// Returns a schema with the given models.
    pub(super) fn read(models: &str) -> Schema {
        let text = format!(r#"{{"v":3,"models":{models},"identityRoles":[]}}"#);
        let read = ablo_schema::front::json::read(&text);
        read.schema.unwrap_or_else(|| panic!("{text} is not valid: {:?}", read.diagnostics))
    }

    #[test]
    fn the_package_has_the_name_of_the_option() {
        let schema = read("{}");
        let options = Map::from_iter([("package".to_owned(), "acme_rows".into())]);
        let mut files = Files::default();
        let hashes = Hashes::of(&schema);
        let input = Input::new(&schema, &hashes);
        Python.configure(&options).unwrap().emit(&input, &mut files);
        assert!(files.get("python/acme_rows/client.py").is_some());
        for wrong in ["", "1a", "a-b", "../a", "class", "a.b"] {
            let options = Map::from_iter([("package".to_owned(), wrong.into())]);
            let error = Python.configure(&options).err().unwrap();
            assert!(error.message.contains("package"), "{error}");
        }
    }

    #[test]
    fn names_and_text_are_escaped() {
        let schema = read(
            r#"{"class":{"typename":"TypedDict","fields":{
                "import":{"type":"string","isOptional":true,"isIndexed":false,
                    "description":"\"\"\" \\ \n x"},
                "aB":{"type":"number","isOptional":false,"isIndexed":false},
                "state":{"type":"enum","enumValues":["\"","\\"],"isOptional":false,"isIndexed":false}
                },"relations":{}}}"#,
        );
        let mut files = Files::default();
        let hashes = Hashes::of(&schema);
        let input = Input::new(&schema, &hashes);
        Python.configure(&Map::new()).unwrap().emit(&input, &mut files);
        let models = files.get("python/ablo_client/models.py").unwrap();
        for line in [
            "class TypedDict_:",
            "    import_: str | None",
            r#"    "\"\"\" \\ \n x""#,
            "    a_b: float",
            "    state: TypedDict_State | str",
            r#"TypedDict_State: TypeAlias = Literal["\"", "\\"]"#,
        ] {
            assert!(models.lines().any(|written| written == line), "{line} is not in\n{models}");
        }
        assert!(files.get("python/ablo_client/client.py").unwrap().contains("def class_(self)"));
    }

    #[test]
    fn codes_that_are_not_retryable_are_those_of_the_registry() {
        let text = include_str!("runtime/policy.py");
        let (_, list) = text.split_once("NOT_RETRYABLE: Final = frozenset(").expect("the list");
        let (list, _) = list.split_once(')').expect("the end of the list");
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
