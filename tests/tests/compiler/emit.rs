//! Snapshots every file that each target writes for each fixture.

use ablo_codegen::{Files, Input, targets};
use ablo_schema::{Hashes, front::json};
use ablo_tests::fixtures;
use serde_json::Map;
use std::path::Path;

/// Files that the typescript target copies verbatim from the emitter's folder.
const VERBATIM_FILES: [&str; 4] = ["/codec.ts", "/node_socket.ts", "/runtime.ts", "/validate.ts"];
const EMPTY: &str = r#"{"v":3,"models":{},"identityRoles":[]}"#;

fn emit(text: &str, target: &str) -> Files {
    let schema = json::read(text).schema.expect("the fixture is valid");
    let hashes = Hashes::of(&schema);
    let target = targets().iter().find(|known| known.id() == target).expect("the target exists");
    let mut files = Files::default();
    target
        .configure(&Map::new())
        .expect("the default options are valid")
        .emit(&Input::new(&schema, &hashes), &mut files);
    files
}

fn check(name: &str, path: &str, target: &str) {
    let text = fixtures::read(Path::new(path));
    let files = emit(&text, target);
    assert!(files.iter().count() > 0, "{target} writes something for every schema");
    assert_eq!(files, emit(&text, target), "the second run gives the same bytes");
    let empty_output = emit(EMPTY, target);
    for (path, text) in files.iter() {
        // Verbatim files are reviewed in the emitter, so they have no snapshot.
        let is_runtime = path.starts_with("python/")
            && (path.contains("/runtime/") || path.ends_with("/py.typed"));
        if is_runtime || VERBATIM_FILES.iter().any(|file| path.ends_with(file)) {
            assert_eq!(Some(text), empty_output.get(path), "{path} is the same for every schema");
            continue;
        }
        // Other files that do not depend on the schema have one snapshot, that of `empty`.
        if name != "empty" && (path.contains("/wire.") || path.ends_with("/service.sql")) {
            assert_eq!(Some(text), empty_output.get(path), "{path} is the same for every schema");
            continue;
        }
        assert!(path.starts_with(&format!("{target}/")), "{path} is in the folder of its target");
        assert!(
            text.ends_with('\n') && !text.contains('\r'),
            "{path} ends with a newline and has no CR"
        );
        let snapshot = path.trim_start_matches(&format!("{target}/")).replace('/', "__");
        let goldens = Path::new(env!("CARGO_MANIFEST_DIR")).join("goldens");
        insta::with_settings!({
            snapshot_path => goldens.join(name).join(target),
            prepend_module_to_snapshot => false,
            omit_expression => true,
        }, {
            insta::assert_snapshot!(snapshot, text);
        });
    }
}

include!(concat!(env!("OUT_DIR"), "/emit_tests.rs"));
