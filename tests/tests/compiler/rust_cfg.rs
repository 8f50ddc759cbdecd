//! `#[cfg]` and `#[cfg_attr]`: what rustc compiles and what the front end reads are one schema.

use ablo_schema::front::rust::Cfg;
use ablo_schema::front::rust::file::{self, Read};
use ablo_schema::{Schema, canonical};

#[allow(dead_code, missing_docs, unexpected_cfgs, unreachable_pub, reason = "a user's module")]
#[path = "configured.rs"]
mod configured;

fn read(text: &str, cfg: &Cfg) -> Read {
    file::read_configured(text, cfg, &mut |_| Err("there are no files".to_owned()))
}

fn cfg(features: &[&str], facts: &[&str]) -> Cfg {
    let mut cfg = Cfg::default();
    cfg.set_features(features.iter().map(|&name| name.to_owned()));
    facts.iter().for_each(|fact| cfg.add(fact).expect("a fact"));
    cfg
}

fn schema(read: Read) -> Schema {
    let diagnostics = read.diagnostics;
    read.schema.unwrap_or_else(|| panic!("{diagnostics:#?}"))
}

/// Returns the codes of the diagnostics with the text that each marks.
fn marked<'t>(read: &Read, text: &'t str) -> Vec<(&'static str, &'t str)> {
    let mark = |range: std::ops::Range<usize>| &text[range];
    read.locate()
        .iter()
        .map(|it| (it.diagnostic.code.as_str(), mark(it.location.range.clone())))
        .collect()
}

#[test]
fn a_configured_schema_is_that_of_the_compiler() {
    let facts = if cfg!(unix) { ["unix", "not(windows)"] } else { ["not(unix)", "windows"] };
    let text = include_str!("configured.rs");
    let schema = schema(read(text, &cfg(&[], &facts)));
    let compiled = configured::App::SCHEMA;
    assert_eq!(canonical::print(&schema), compiled.to_json().expect("a valid schema"));
    let hashes = ablo_schema::Hashes::of(&schema);
    assert_eq!(hashes.content.to_string(), compiled.hashes().expect("known hashes").content);
}

#[test]
fn predicates_are_true_false_or_unknown() {
    let mut cfg = cfg(&["server", "a-b"], &["target_os = \"linux\"", "not(windows)", "fast"]);
    for (predicate, holds) in [
        ("feature = \"server\"", Some(true)),
        ("feature = \"a-b\"", Some(true)),
        ("feature = \"client\"", Some(false)),
        ("target_os = \"linux\"", Some(true)),
        ("target_os = \"macos\"", Some(false)),
        ("windows", Some(false)),
        ("unix", None),
        ("fast", Some(true)),
        ("slow", None),
        ("test", Some(false)),
        ("true", Some(true)),
        ("false", Some(false)),
        ("all()", Some(true)),
        ("any()", Some(false)),
        ("all(unix, windows)", Some(false)),
        ("all(unix, fast)", None),
        ("any(unix, fast)", Some(true)),
        ("any(unix, windows)", None),
        ("not(unix)", None),
        ("not(all(unix, windows))", Some(true)),
        ("accessible(::std::vec)", None),
        ("", None),
        ("feature = 1", None),
    ] {
        assert_eq!(cfg.holds(predicate), holds, "{predicate}");
    }
    assert!(cfg.add("all(unix)").is_err() && cfg.add("a b").is_err() && cfg.add("\"").is_err());
}

#[test]
fn a_build_script_knows_features_and_target() {
    let variables = [
        ("CARGO_CFG_FEATURE", "default,extra-models"),
        ("CARGO_CFG_TARGET_OS", "linux"),
        ("CARGO_CFG_TARGET_FAMILY", "unix"),
        ("CARGO_CFG_TARGET_ENV", ""),
        ("CARGO_CFG_UNIX", ""),
        ("CARGO_FEATURE_EXTRA_MODELS", "1"),
        ("PATH", "/bin"),
    ];
    let cfg = Cfg::of_build_script(variables.map(|(name, value)| (name.into(), value.into())));
    for (predicate, holds) in [
        ("feature = \"extra-models\"", Some(true)),
        ("feature = \"other\"", Some(false)),
        ("unix", Some(true)),
        ("windows", Some(false)),
        ("target_env = \"\"", Some(true)),
        ("target_os = \"macos\"", Some(false)),
        ("debug_assertions", None),
        ("made_by_the_script", None),
    ] {
        assert_eq!(cfg.holds(predicate), holds, "{predicate}");
    }
}

#[test]
fn what_is_unknown_is_one_error_at_the_attribute() {
    let text = "#[cfg(feature = \"x\")] #[derive(AbloModel)] struct Task { title: String }\n\
                #[cfg(not(feature = \"x\"))] #[derive(AbloModel)] struct Task { name: String }\n\
                ablo::define_schema! { schema App { Task } }";
    assert_eq!(
        marked(&read(text, &Cfg::default()), text),
        [
            ("ablo::rust::unknown_cfg", "cfg(feature = \"x\")"),
            ("ablo::rust::unknown_cfg", "cfg(not(feature = \"x\"))"),
        ]
    );
    let with = schema(read(text, &cfg(&["x"], &[])));
    let without = schema(read(text, &cfg(&[], &[])));
    assert_eq!(with.models()[0].fields[0].name.as_str(), "title");
    assert_eq!(without.models()[0].fields[0].name.as_str(), "name");
}

#[test]
fn modules_and_calls_are_configured() {
    let text = "#[cfg(feature = \"x\")] mod gone;\n\
                mod inner { #![cfg(feature = \"x\")]\n\
                #[derive(AbloModel)] struct A { a: String } }\n\
                #[cfg(feature = \"x\")] ablo::define_schema! { schema X { A } }\n\
                #[cfg(unix)] mod not_ours { fn f() {} }\n\
                #[derive(AbloModel)] struct B { b: String }";
    let none = schema(read(text, &cfg(&[], &[])));
    assert_eq!(none.models().len(), 1);
    let unknown = read(text, &Cfg::default());
    let all = marked(&unknown, text);
    let mut errors = all.iter().filter(|(code, _)| *code == "ablo::rust::unknown_cfg");
    assert_eq!(errors.by_ref().count(), 3, "{all:?}");
    assert!(errors.all(|(_, text)| !text.contains("unix")), "{all:?}");
}

#[test]
fn type_aliases_are_followed() {
    let text = "type Text = String; pub(crate) type Maybe = Option<Text>; mod m { type N = i32; }\n\
                #[derive(AbloModel)]\n\
                struct A { a: Text, b: Option<Text>, c: Maybe, d: N, e: State }\n\
                type State = Status; type Loop = Pool; type Pool = Loop;\n\
                #[derive(AbloEnum)] enum Status { Open, #[ablo(other)] Other(UnknownValue) }";
    let schema = schema(read(text, &Cfg::default()));
    let fields = &schema.models()[0].fields;
    let optional: Vec<bool> = fields.iter().map(|field| field.optional).collect();
    assert_eq!(optional, [false, true, true, false, false]);
    let unknown = "type Loop = Pool; type Pool = Loop;\n\
                   type Two = String; mod m { type Two = f64; }\n\
                   #[derive(AbloModel)] struct A { a: Loop, b: Two }";
    let codes: Vec<&str> =
        read(unknown, &Cfg::default()).diagnostics.iter().map(|it| it.code.as_str()).collect();
    assert_eq!(codes, ["ablo::rust::unknown_type"; 2]);
}
