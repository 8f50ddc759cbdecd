//! `runtime.ts`: what every client shares, the same bytes for every schema.
//!
//! Its rooms are TypeScript files beside this one, each of which every tool reads as it is. Here they become one file: imports of each
//! other go, and so does `export` from what is marked as nobody else's.

use super::writer::Writer;

/// The rooms, each behind those it needs when the file is loaded.
const ROOMS: &[&str] = &[
    include_str!("runtime/platform.ts"),
    include_str!("runtime/errors.ts"),
    include_str!("runtime/http.ts"),
    include_str!("runtime/link.ts"),
    include_str!("runtime/presence.ts"),
    include_str!("runtime/filter.ts"),
    include_str!("runtime/claims.ts"),
    include_str!("runtime/store.ts"),
    include_str!("runtime/core.ts"),
    include_str!("runtime/model.ts"),
    include_str!("runtime/changes.ts"),
    include_str!("runtime/client.ts"),
];

/// What the rooms import from files that are generated too.
const HEAD: &[&str] = &[
    "/// <reference lib=\"esnext.disposable\" />",
    "import type { ModelDescriptor, SchemaDescriptor } from \"./descriptors.js\";",
    "import type * as wire from \"./wire.js\";",
];

/// How a declaration begins that only other rooms use.
const OWN: &str = "/** @internal */ export ";

/// Writes the file.
pub(super) fn runtime() -> String {
    let mut w = Writer::checked_file(
        ROOMS.iter().map(|room| room.len()).sum(),
        "What the client of every schema shares: requests, the connection, claims, and rows that are kept.",
    );
    for text in HEAD {
        w.fixed(text);
    }
    for room in ROOMS {
        w.gap();
        let lines = room.lines().filter(|line| !line.starts_with("import "));
        let mut blank = false;
        for text in lines {
            if text.is_empty() {
                blank = true;
                continue;
            }
            if std::mem::take(&mut blank) {
                w.gap();
            }
            w.fixed(text.strip_prefix(OWN).unwrap_or(text));
        }
    }
    w.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rooms_become_one_file() {
        let text = runtime();
        assert_eq!(
            text.lines().filter(|line| line.starts_with("import ")).count(),
            2,
            "imports are one line each"
        );
        assert!(
            !text.contains(OWN)
                && text.contains("\nclass Core {")
                && text.contains("\nexport class AbloError ")
        );
        assert!(!text.contains("\n\n\n"), "gaps are single");
    }

    #[test]
    fn what_does_not_pass_is_what_the_registry_says() {
        let text = include_str!("runtime/errors.ts");
        let (_, list) = text.split_once("const STUCK").expect("the list");
        let (list, _) = list.split_once("]);").expect("its end");
        let listed: Vec<&str> = list.split('"').skip(1).step_by(2).collect();
        let stuck = |code: &&ablo_wire::CodeInfo| {
            (code.status == 429 || code.status >= 500) && !code.retryable
        };
        let mut wanted: Vec<&str> =
            ablo_wire::CODES.iter().filter(stuck).map(|code| code.code).collect();
        wanted.sort_unstable();
        assert_eq!(listed, wanted);
    }
}
