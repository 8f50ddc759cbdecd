//! The Rust front end on unusual sources, and the limits of what it reads.

use ablo_schema::front::rust::file::{self, Read};

fn codes(read: &Read) -> Vec<&'static str> {
    read.diagnostics.iter().map(|it| it.code.as_str()).collect()
}

fn none() -> Vec<&'static str> {
    Vec::new()
}

/// Returns a model whose only field has this type.
fn model(ty: &str) -> String {
    format!("#[derive(AbloModel)] #[ablo(mutable)] struct Task {{ title: {ty} }}")
}

#[test]
fn deep_nesting_is_an_error_not_a_stack_overflow() {
    let nested = |open: &str, close: &str, times: usize| {
        format!("{}u8{}", open.repeat(times), close.repeat(times))
    };
    for times in [12, 17, 26, 31, 35, 20_000] {
        for ty in [
            nested("Option<", ">", times),
            nested("&", "", times),
            nested("&'a mut ", "", times),
            nested("*const ", "", times),
            nested("(", ")", times),
            nested("[", "]", times),
            nested("fn() -> ", "", times),
            nested("<", " as A>::B", times),
            format!("[u8; {}1]", "-".repeat(times)),
            format!("[u8; 1{}]", " + 1".repeat(times)),
            format!("[u8; a{}]", ".b".repeat(times)),
            format!("[u8; a{}]", "()".repeat(times)),
            format!("[u8; {}0]", "if a {} else ".repeat(times)),
            format!("[u8; {}0{}]", "{".repeat(times), "}".repeat(times)),
            format!("[u8; {}0]", "|a| ".repeat(times)),
            format!("[u8; 1{}]", " as u8".repeat(times)),
            format!("A{}", "::A".repeat(times)),
            format!("dyn A{}", " + A".repeat(times)),
        ] {
            let read = file::read(&model(&ty));
            assert!(times < 36 || read.schema.is_none(), "{}", &ty[..40]);
        }
    }
}

#[test]
fn deep_attributes_and_schemas_are_errors_not_stack_overflows() {
    let deep = |times: usize| format!("{}a{}", "a(".repeat(times), ")".repeat(times));
    let sources = [
        format!("#[ablo({})] {}", deep(80), model("u8")),
        format!("#[ablo({})] {}", deep(100_000), model("u8")),
        format!("#[doc = {}1] {}", "-".repeat(100_000), model("u8")),
        format!("#[serde({})] {}", deep(100_000), model("u8")),
        format!(
            "define_schema! {{ schema App {{ {} }} }}",
            "mod a {".repeat(50_000) + &"}".repeat(50_000)
        ),
        format!("define_schema! {{ schema App {{ fn f() {{ {} }} }} }}", "a.".repeat(100_000)),
        format!("define_schema! {{ schema App {{ A }} roles {{ {} }} }}", "a ".repeat(100_000)),
    ];
    for source in sources {
        let read = file::read(&source);
        assert!(read.schema.is_none() && read.diagnostics.has_errors(), "{}", &source[..40]);
    }
    let modules = "mod a {".repeat(1000) + &"}".repeat(1000);
    assert_eq!(codes(&file::read(&modules)), ["ablo::source::too_large"]);
}

#[test]
fn many_items_do_not_count_as_deep_nesting() {
    let models: String = (0..300)
        .map(|n| format!("/// One.\n#[ablo(mutable)]\npub struct M{n} {{ a: u8, b: S }}\n"))
        .collect();
    let read = file::read(&format!(
        "define_schema! {{ pub schema App {{ {models} enum S {{ A, B }} }} }}"
    ));
    assert_eq!(codes(&read), none());
    assert_eq!(read.schema.expect("the schema is valid").models().len(), 300);
}

#[test]
fn items_outside_the_schema_are_ignored() {
    let deep = "(".repeat(20_000) + &")".repeat(20_000);
    let source = format!(
        "#!/usr/bin/env run\n#![allow(dead_code)]\nfn f() {{ {deep} }}\nstruct Broken {{ a: }}\n\
         macro_rules! m {{ (struct $x:ident) => {{ struct $x; }} }}\n\
         static S: &str = \"struct X {{\";\n\
         // #[derive(AbloModel)] struct Comment {{}}\n\
         #[cfg(test)] #[derive(AbloModel)] struct Tests {{ a: usize }}\n\
         #[cfg(test)]\nmod tests {{ #[derive(AbloModel)] struct A {{ a: usize }} }}\n{}",
        model("String")
    );
    let read = file::read(&source);
    assert_eq!(codes(&read), none());
    assert_eq!(read.schema.expect("the schema is valid").models().len(), 1);
}

#[test]
fn a_model_is_found_in_any_module() {
    let source = "\u{feff}#[cfg_attr(not(test), derive(Clone, ablo::AbloModel))]\n\
                  pub(crate) struct A where { a: String, }\n\
                  mod m { pub mod n { #[derive(ablo :: AbloModel)] #[ablo(key = \"bs\", mutable)] \
                  struct B; } }";
    let read = file::read(source);
    assert_eq!(codes(&read), none());
    let schema = read.schema.expect("the schema is valid");
    let keys: Vec<&str> = schema.models().iter().map(|model| model.key.as_str()).collect();
    assert_eq!(keys, ["a", "bs"]);
}

#[test]
fn spans_are_right_after_a_bom_a_shebang_and_wide_characters() {
    for prefix in ["", "\u{feff}", "#!/bin/x\n", "\u{feff}#!/bin/x\r\n// 😀 ü\r\n", "/* 😀 */ "]
    {
        let text = format!("{prefix}#[derive(AbloModel)] struct Task {{ /* ü */ title: usize }}");
        let read = file::read(&text);
        let located = read.locate();
        let marked: Vec<&str> = located.iter().map(|it| &text[it.location.range.clone()]).collect();
        assert_eq!(marked, ["usize"], "{prefix:?}");
    }
    let read = file::read("fn f() {\n  \"ü");
    let located = read.locate();
    assert_eq!(
        (located[0].diagnostic.code.as_str(), located[0].location.line),
        ("ablo::rust::syntax", 2)
    );
}

#[test]
fn a_recursive_type_has_an_open_shape_where_it_recurs() {
    let fields: String = (0..40).map(|n| format!("f{n}: Node, g{n}: Vec<Other>,")).collect();
    let others: String = (0..40).map(|n| format!("f{n}: Leaf{n},")).collect();
    let leaves: String =
        (0..40).map(|n| format!("struct Leaf{n} {{ a: Leaf{}, b: u8 }}", (n + 1) % 40)).collect();
    let source = format!(
        "{} struct Node {{ {fields} }} struct Other {{ {others} }} {leaves}",
        model("Json<Node>")
    );
    let read = file::read(&source);
    assert_eq!(codes(&read), none());
    let printed = ablo_schema::canonical::print(&read.schema.expect("the schema is valid"));
    assert!(printed.len() < 1_000_000, "{}", printed.len());
}

#[test]
fn a_module_that_includes_itself_is_refused() {
    let read = file::read_with("mod a;", &mut |_| Ok("mod a;".to_owned()));
    assert_eq!(codes(&read), ["ablo::source::too_large"]);
    let mut reads = 0;
    let read = file::read_with("mod a;", &mut |_| {
        reads += 1;
        Ok("mod a; mod b;".to_owned())
    });
    assert!(codes(&read).contains(&"ablo::source::too_large") && reads < 5000, "{reads}");
}
