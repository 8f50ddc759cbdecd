//! The imports between the modules of a crate form no cycle.
//!
//! Children of one parent are siblings at every level; an import from or into a descendant of a
//! sibling is the sibling's. A parent and its children may import each other.

use crate::modules::{ModulePath, Modules};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::Path;

/// The library crates, the command and the development commands.
const CRATES: &[&str] = &[
    "ablo",
    "ablo-cli",
    "ablo-codegen",
    "ablo-macros",
    "ablo-migrate",
    "ablo-schema",
    "ablo-source",
    "ablo-wire",
    "xtask",
];

/// The coordinator: `ablo-server`, once its modules are layered.
const COORDINATOR: &[&str] = &["ablo-server"];

/// Lines of the imports of one sibling from another that a message shows.
const SHOWN_IMPORTS: usize = 3;

/// The imports between siblings: importing name, imported name, lines.
type Imports = BTreeMap<String, BTreeMap<String, BTreeSet<(String, usize)>>>;

/// Returns the imports between the children of each module.
fn imports(modules: &Modules) -> BTreeMap<ModulePath, Imports> {
    let mut found: BTreeMap<ModulePath, Imports> = BTreeMap::new();
    for (path, file, named) in modules.all() {
        let mut resolved: BTreeMap<&[String], BTreeSet<ModulePath>> = BTreeMap::new();
        for one in named {
            let targets = resolved
                .entry(&one.segments)
                .or_insert_with(|| modules.targets(path, &one.segments));
            for target in &*targets {
                let shared = path.iter().zip(target).take_while(|(own, its)| own == its).count();
                let (Some(own), Some(its)) = (path.get(shared), target.get(shared)) else {
                    continue;
                };
                let siblings = found.entry(path[..shared].to_vec()).or_default();
                let lines = siblings.entry(own.clone()).or_default().entry(its.clone());
                lines.or_default().insert((file.to_owned(), one.line));
            }
        }
    }
    found
}

/// Returns the shortest way from a sibling back to itself.
fn shortest_cycle(imports: &Imports, start: &str) -> Option<Vec<String>> {
    let mut previous: BTreeMap<&str, &str> = BTreeMap::new();
    let mut queue = VecDeque::from([start]);
    while let Some(name) = queue.pop_front() {
        for next in imports.get(name).into_iter().flat_map(BTreeMap::keys) {
            if next == start {
                let mut cycle = vec![start.to_owned(), name.to_owned()];
                let mut last = name;
                while last != start {
                    last = previous[last];
                    cycle.push(last.to_owned());
                }
                cycle.reverse();
                return Some(cycle);
            }
            if !previous.contains_key(next.as_str()) {
                previous.insert(next, name);
                queue.push_back(next);
            }
        }
    }
    None
}

/// Returns a message for each cycle, with the lines of its imports.
fn cycles(modules: &Modules) -> Vec<String> {
    let mut messages = Vec::new();
    for (parent, imports) in imports(modules) {
        let mut reported: BTreeSet<String> = BTreeSet::new();
        for start in imports.keys() {
            let Some(cycle) = shortest_cycle(&imports, start) else { continue };
            if cycle.iter().any(|name| reported.contains(name)) {
                continue;
            }
            let place: String = parent.iter().map(|name| format!("::{name}")).collect();
            let mut message = format!("crate{place}: {}", cycle.join(" → "));
            for pair in cycle.windows(2) {
                let lines = &imports[&pair[0]][&pair[1]];
                for (file, line) in lines.iter().take(SHOWN_IMPORTS) {
                    message.push_str(&format!("\n  {file}:{line}: {} → {}", pair[0], pair[1]));
                }
                if lines.len() > SHOWN_IMPORTS {
                    message.push_str(&format!("\n  and {} more", lines.len() - SHOWN_IMPORTS));
                }
            }
            reported.extend(cycle);
            messages.push(message);
        }
    }
    messages
}

#[test]
fn sibling_modules_do_not_import_each_other_in_a_cycle() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut found = Vec::new();
    for name in CRATES.iter().chain(COORDINATOR) {
        let modules = Modules::of_crate(&root, name);
        assert!(modules.all().count() > 3, "{name} has hardly any modules");
        found.extend(cycles(&modules));
    }
    assert!(found.is_empty(), "{} cycles of imports:\n{}", found.len(), found.join("\n"));
}

fn cycles_of(text: &str) -> Vec<String> {
    cycles(&Modules::of_text(text))
}

#[test]
fn a_cycle_is_found_with_its_lines() {
    let text = "mod a { use crate::b::f; }\nmod b {\nuse super::c;\npub fn f() { c::g() }\n}\n\
        mod c { pub fn g() { crate::a::h() } }\nmod d { use crate::a::h; }";
    assert_eq!(
        cycles_of(text),
        ["crate: a → b → c → a\n  lib.rs:1: a → b\n  lib.rs:3: b → c\n  lib.rs:4: b → c\n  \
          lib.rs:6: c → a"]
    );
}

#[test]
fn imports_without_a_cycle_are_accepted() {
    // A comment, a string and a test name the importing sibling, and a parent its children.
    let text = "mod a { use crate::b::f; use super::g; mod inner { use super::super::b; } }\n\
        mod b { pub fn f() -> &'static str { /* crate::a::h() */ \"crate::a::h()\" }\n\
        #[cfg(test)] mod tests { use crate::a::h; } }\npub fn g() { a::h(); b::f(); }";
    assert_eq!(cycles_of(text), [""; 0]);
}

#[test]
fn every_form_of_a_path_counts() {
    let back = |body: &str| {
        let text =
            format!("mod a {{ use crate::b::F; pub struct H; }} mod b {{ pub struct F; {body} }}");
        cycles_of(&text).len()
    };
    for body in [
        "use crate::a::H;",
        "use super::a::{self, H};",
        "use crate::a as other;",
        "use crate::a::*;",
        "fn f() { use super::a::H; }",
        "fn f(_: crate::a::H) {}",
        "impl super::a::H {}",
        "fn f() { println!(\"{}\", crate::a::h()) }",
        "macro_rules! m { () => { $crate::a::H } }",
        "mod inner { use super::super::a::H; }",
        "use crate::*; mod inner { type G = Vec<super::a::H>; }",
    ] {
        assert_eq!(back(body), 1, "{body}");
    }
    assert_eq!(back("fn f() { ::a::h(); a::h(); let a = 1; }"), 0);
}

#[test]
fn a_cycle_deep_in_the_tree_is_found() {
    let text = "mod top { mod a { mod x { use crate::top::b::y::F; } pub use x::G; }\n\
        mod b { pub mod y { use super::super::a::G; pub struct F; } } }";
    assert_eq!(cycles_of(text), ["crate::top: a → b → a\n  lib.rs:1: a → b\n  lib.rs:2: b → a"]);
}

#[test]
fn a_re_export_of_the_parent_does_not_hide_a_cycle() {
    let text = "pub use a::F; pub use b::*; mod a { use crate::G; pub struct F; }\n\
        mod b { use super::F; pub struct G; }";
    assert_eq!(cycles_of(text), ["crate: a → b → a\n  lib.rs:1: a → b\n  lib.rs:2: b → a"]);
}
