//! The generated hooks: type-checked against React, and run in Chromium.
#![cfg(unix)]

use ablo_tests::chromium;
use ablo_tests::coordinator::Coordinator;
use ablo_tests::server::World;
use ablo_tests::typescript::{Project, bundle, emit, judge_dir, program_schema};
use std::sync::Arc;

#[test]
fn the_component_of_the_guide_compiles() {
    let schema = ablo_tests::postgres::schema(&program_schema());
    let project = Project::new();
    emit(&schema, &[("react", true)]).iter().for_each(|(path, text)| project.write(path, text));
    let guide = include_str!("../../../docs/guide/typescript-client.md");
    let (_, rest) = guide.split_once("```tsx\n").expect("the guide has a component");
    let (component, _) = rest.split_once("```").expect("the block is closed");
    let imports = "import type { Ablo } from \"./typescript/client.js\";\n\
        import { AbloProvider, useAblo } from \"./typescript/react.js\";\n";
    project.write("guide.tsx", &format!("{imports}{component}\nexport {{ page }};\n"));
    project.use_packages();
    let flags = ["--noEmit", "--skipLibCheck", "--lib", "es2022,dom", "--jsx", "react-jsx"];
    let exports = ["--isolatedDeclarations", "false", "--declaration", "false"];
    let _report = project.compile(&[&flags[..], &exports[..]].concat());
}

#[tokio::test(flavor = "multi_thread")]
async fn components_show_live_rows() {
    let world = World::sqlite(&program_schema());
    let project = Project::new();
    emit(world.schema(), &[("react", true)])
        .iter()
        .for_each(|(path, text)| project.write_checked(path, text));
    let program = std::fs::read_to_string(judge_dir().join("../../typescript/react/board.ts"))
        .expect("board.ts is readable");
    project.write("board.ts", &program);
    project.write(
        "react-dom.d.ts",
        "declare module \"react-dom/client\" { \
         function createRoot(at: unknown): { render(tree: unknown): void } }",
    );
    project.use_packages();
    let _report = project.compile(&["--noEmit", "--skipLibCheck", "--lib", "es2022,dom"]);
    let script = project.path("bundle.js");
    bundle(&project.path("board.ts"), &script);

    let server = Coordinator::start(world.schema(), Arc::clone(&world.store)).await;
    let (url, key) = (format!("http://{}", server.address), server.key.clone());
    let script = script.to_str().expect("a UTF-8 path").to_owned();
    let visit =
        tokio::task::spawn_blocking(move || chromium::run("react.mjs", &[&url, &key, &script]));
    visit.await.expect("the browser script succeeds");
}
