//! Checks generated Rust with rustc, clippy, rustdoc and rustfmt, and tests its behaviour.

use ablo_schema::front::json;
use ablo_tests::fixtures;
use ablo_tests::rust::{Scratch, generate, succeeds};
use std::path::Path;
use std::process::Command;

const HEAD: &str = include_str!("../../judges/rust/head.rs");
const BEHAVIOUR: &str = include_str!("../../judges/rust/behaviour.rs");

fn scratch(name: &str, edition: &str) -> Scratch {
    Scratch::new(Path::new(env!("CARGO_TARGET_TMPDIR")), name, edition)
}

/// Creates a crate with every good fixture: half as modules, half through `include!`. `odd` selects
/// which half.
fn fixtures_crate(name: &str, edition: &str, odd: bool) -> Scratch {
    let judged = scratch(name, edition);
    let mut lib = HEAD.to_owned();
    let schemas = fixtures::good_schemas();
    assert!(schemas.len() >= 60, "only {} fixtures were found", schemas.len());
    for (at, (name, text)) in schemas.iter().enumerate() {
        let module = name.replace(|character: char| !character.is_ascii_alphanumeric(), "_");
        if (at % 2 == 1) == odd {
            judged.add(&format!("src/{module}.rs"), &generate(text));
            lib += &format!("mod {module};\n");
        } else {
            judged.add(&format!("generated/{module}.rs"), &generate(text));
            lib += &format!("mod {module} {{\n    include!(\"../generated/{module}.rs\");\n}}\n");
        }
    }
    judged.add("src/lib.rs", &lib);
    judged
}

#[test]
fn clippy_accepts_every_fixture_in_edition_2021() {
    succeeds(
        "cargo clippy, 2021",
        &fixtures_crate("every-2021", "2021", false).cargo(&["clippy", "--quiet"]),
    );
}

#[test]
fn clippy_accepts_every_fixture_in_edition_2024() {
    succeeds(
        "cargo clippy, 2024",
        &fixtures_crate("every-2024", "2024", true).cargo(&["clippy", "--quiet"]),
    );
}

#[test]
fn rustfmt_does_not_change_generated_code() {
    let judged = scratch("formatted", "2024");
    for (name, text) in fixtures::good_schemas() {
        judged.add(&format!("{name}.rs"), &generate(&text));
        for style in ["2021", "2024"] {
            let output = Command::new("rustfmt")
                .args(["--check", "--edition", style, "--config-path", "/dev/null"])
                .arg(judged.path(&format!("{name}.rs")))
                .output()
                .expect("rustfmt runs");
            succeeds(&format!("rustfmt, {style}, {name}"), &output);
        }
    }
}

fn authored(name: &str) -> String {
    fixtures::read(&fixtures::root().join("conformance/authored").join(name).join("schema.json"))
}

/// Creates the crate for behaviour tests, including descriptions with Markdown syntax.
fn behaviour_crate(name: &str, edition: &str) -> Scratch {
    let judged = scratch(name, edition);
    judged.add("src/weather.rs", &generate(&authored("weather-reports")));
    judged.add("src/kinds.rs", &generate(&authored("every-field-kind")));
    let described = fixtures::read(&fixtures::root().join("schemas/descriptions/schema.json"));
    judged.add("src/described.rs", &generate(&described));
    let modules = ["weather", "kinds", "described"]
        .map(|module| format!("#[allow(missing_docs)]\npub mod {module};\n"));
    judged.add("src/lib.rs", &(HEAD.to_owned() + &modules.concat()));
    judged
}

#[test]
fn generated_code_behaves_as_documented() {
    let schema = json::read(&authored("weather-reports")).schema.expect("the fixture is accepted");
    for edition in ["2021", "2024"] {
        let judged = behaviour_crate(&format!("behaviour-{edition}"), edition);
        judged.add("tests/behaviour.rs", BEHAVIOUR);
        judged.add("tests/schema_hash", &ablo_schema::Hashes::of(&schema).schema.to_string());
        let output = judged.cargo(&["test", "--quiet"]);
        succeeds(&format!("cargo test, {edition}"), &output);
        let stdout = String::from_utf8_lossy(&output.stdout);
        assert!(stdout.contains("6 passed"), "six tests pass: {stdout}");
    }
}

#[test]
fn rustdoc_accepts_descriptions() {
    succeeds(
        "cargo doc",
        &behaviour_crate("documented", "2024").cargo(&["doc", "--no-deps", "--quiet"]),
    );
}

#[test]
fn clearing_a_required_field_does_not_compile() {
    let judged = behaviour_crate("clearing", "2024");
    judged.add("examples/optional.rs", include_str!("../../judges/rust/clear_optional.rs"));
    judged
        .add("examples/builder.rs", include_str!("../../judges/rust/clear_required_by_builder.rs"));
    judged
        .add("examples/literal.rs", include_str!("../../judges/rust/clear_required_by_literal.rs"));
    succeeds(
        "clearing an optional field",
        &judged.cargo(&["check", "--quiet", "--example", "optional"]),
    );
    let refused = |example: &str, reason: &str| {
        let output = judged.cargo(&["check", "--quiet", "--example", example]);
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && stderr.contains(reason), "{example}: {stderr}");
    };
    refused("builder", "FieldUpdate<String>: From<Option<_>>` is not satisfied");
    refused("literal", "From<Patch<_>>` is not satisfied");
}

/// Returns the number of fields and of generated lines of each model.
fn measure(text: &str) -> Vec<(usize, usize)> {
    let code = generate(text);
    let schema =
        code.find("::ablo::__private::schema!").expect("the schema's descriptor closes the file");
    let models = code[..schema].split("\n/// Model `").skip(1);
    models.map(|model| (model.matches("\n    pub ").count(), model.lines().count())).collect()
}

#[test]
fn a_model_takes_at_most_60_lines() {
    let synthetic = ablo_tests::synthetic::document(20);
    let umami = fixtures::read(&fixtures::root().join("conformance/history/umami/023/schema.json"));
    for (name, text) in [("synthetic", synthetic), ("umami", umami)] {
        let models = measure(&text);
        let common = models.iter().filter(|(fields, _)| *fields <= 16);
        let (fields, lines) = common.max_by_key(|(_, lines)| *lines).copied().unwrap_or_default();
        println!("{name}: at most {lines} lines, for {fields} fields");
        assert!(models.len() > 5 && fields > 5 && lines <= 60, "{name}: {models:?}");
        // Each additional field takes one line in the struct and one in the descriptor.
        assert!(
            models.iter().all(|(fields, lines)| *lines <= 28 + 2 * fields),
            "{name}: {models:?}"
        );
    }
}
