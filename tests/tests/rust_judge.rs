//! Generated Rust before rustc, clippy, rustdoc and rustfmt, and at work.

use ablo_schema::front::json;
use ablo_tests::fixtures;
use ablo_tests::rust::{Scratch, generate, succeeds};
use std::path::Path;
use std::process::Command;

const HEAD: &str = include_str!("../judges/rust/head.rs");
const BEHAVIOUR: &str = include_str!("../judges/rust/behaviour.rs");

fn scratch(name: &str, edition: &str) -> Scratch {
    Scratch::new(Path::new(env!("CARGO_TARGET_TMPDIR")), name, edition)
}

/// A crate with every good fixture: half as modules, half through `include!`, the other way round in the other edition.
fn every_fixture(name: &str, edition: &str, odd: bool) -> Scratch {
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
fn every_fixture_is_clean_in_edition_2021() {
    succeeds(
        "cargo clippy, 2021",
        &every_fixture("every-2021", "2021", false).cargo(&["clippy", "--quiet"]),
    );
}

#[test]
fn every_fixture_is_clean_in_edition_2024() {
    succeeds(
        "cargo clippy, 2024",
        &every_fixture("every-2024", "2024", true).cargo(&["clippy", "--quiet"]),
    );
}

#[test]
fn rustfmt_leaves_every_fixture_alone() {
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

/// The crate that behaviour is tried on, with descriptions that Markdown would act on.
fn at_work(name: &str, edition: &str) -> Scratch {
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
fn generated_code_does_what_it_says() {
    let schema = json::read(&authored("weather-reports")).schema.expect("the fixture is accepted");
    for edition in ["2021", "2024"] {
        let judged = at_work(&format!("behaviour-{edition}"), edition);
        judged.add("tests/behaviour.rs", BEHAVIOUR);
        judged.add("tests/schema_hash", &ablo_schema::Hashes::of(&schema).schema.to_string());
        let output = judged.cargo(&["test", "--quiet"]);
        succeeds(&format!("cargo test, {edition}"), &output);
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(said.contains("6 passed"), "the tests ran: {said}");
    }
}

#[test]
fn rustdoc_has_nothing_to_say_of_descriptions() {
    succeeds("cargo doc", &at_work("documented", "2024").cargo(&["doc", "--no-deps", "--quiet"]));
}

#[test]
fn clearing_a_required_field_does_not_compile() {
    let judged = at_work("clearing", "2024");
    judged.add("examples/optional.rs", include_str!("../judges/rust/clear_optional.rs"));
    judged.add("examples/builder.rs", include_str!("../judges/rust/clear_required_by_builder.rs"));
    judged.add("examples/literal.rs", include_str!("../judges/rust/clear_required_by_literal.rs"));
    succeeds(
        "clearing an optional field",
        &judged.cargo(&["check", "--quiet", "--example", "optional"]),
    );
    let refused = |example: &str, why: &str| {
        let output = judged.cargo(&["check", "--quiet", "--example", example]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && said.contains(why), "{example}: {said}");
    };
    refused("builder", "Change<String>: From<Option<_>>` is not satisfied");
    refused("literal", "From<Patch<_>>` is not satisfied");
}

/// Fields and generated lines of each model: from the doc line of its row to that of the next.
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
        // A wider model takes one line in its row and one in its table for each further field.
        assert!(
            models.iter().all(|(fields, lines)| *lines <= 28 + 2 * fields),
            "{name}: {models:?}"
        );
    }
}
