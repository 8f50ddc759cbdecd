//! What each target writes for each fixture, one snapshot per file.

use ablo_codegen::{Files, Input, targets};
use ablo_schema::{Hashes, front::json};
use ablo_tests::fixtures;
use serde_json::Map;
use std::path::Path;

/// What the typescript target writes as it stands in the emitter's folder.
const ROOMS: [&str; 4] = ["/codec.ts", "/node_socket.ts", "/runtime.ts", "/validate.ts"];
const EMPTY: &str = r#"{"v":3,"models":{},"identityRoles":[]}"#;

fn emit(text: &str, target: &str) -> Files {
    let schema = json::read(text).schema.expect("the fixture is a good one");
    let hashes = Hashes::of(&schema);
    let target = targets().iter().find(|known| known.id() == target).expect("the target exists");
    let mut files = Files::default();
    target
        .configure(&Map::new())
        .expect("defaults are good options")
        .emit(&Input::new(&schema, &hashes), &mut files);
    files
}

fn check(name: &str, path: &str, target: &str) {
    let text = fixtures::read(Path::new(path));
    let files = emit(&text, target);
    assert!(files.iter().count() > 0, "{target} writes something for every schema");
    assert_eq!(files, emit(&text, target), "the second run gives the same bytes");
    let of_nothing = emit(EMPTY, target);
    for (path, text) in files.iter() {
        // Files that are part of the emitter are read there.
        if ROOMS.iter().any(|room| path.ends_with(room)) {
            assert_eq!(Some(text), of_nothing.get(path), "{path} is the same for every schema");
            continue;
        }
        // What does not depend on the schema otherwise is read once, in the golden of `empty`.
        if name != "empty" && (path.contains("/wire.") || path.ends_with("/service.sql")) {
            assert_eq!(Some(text), of_nothing.get(path), "{path} is the same for every schema");
            continue;
        }
        assert!(path.starts_with(&format!("{target}/")), "{path} lies in the folder of its target");
        assert!(text.ends_with('\n') && !text.contains('\r'), "{path} is made of lines");
        let snapshot = path.trim_start_matches(&format!("{target}/")).replace('/', "__");
        insta::with_settings!({
            snapshot_path => Path::new(env!("CARGO_MANIFEST_DIR")).join("goldens").join(name).join(target),
            prepend_module_to_snapshot => false,
            omit_expression => true,
        }, {
            insta::assert_snapshot!(snapshot, text);
        });
    }
}

include!(concat!(env!("OUT_DIR"), "/emit_tests.rs"));
