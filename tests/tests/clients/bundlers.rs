//! The generated TypeScript client in applications set up as the starters of bundlers, test runners
//! and runtimes do: each builds, runs and reads what it wrote to a coordinator.
//!
//! `cargo xtask long --part bundlers` runs all tools, CI the first half.

use ablo_codegen::Generator;
use ablo_tests::bundlers::{App, Recipe, is_long, node_24, run, schema};
use ablo_tests::coordinator::Coordinator;
use ablo_tests::fixtures;
use ablo_tests::server::World;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A line that the program prints.
const SEEN: &str = "Stockholm is draft; local: Stockholm; deltas: 1; problems: 0; missing: 404";

/// The address and the key of a coordinator.
#[derive(Clone, Debug)]
struct Access {
    url: String,
    key: String,
}

/// Runs a check with access to a coordinator of its own.
async fn with_coordinator(check: impl FnOnce(&Access) + Send + 'static) {
    let world = World::sqlite(&schema());
    let server = Coordinator::start(world.schema(), Arc::clone(&world.store)).await;
    let access = Access { url: format!("http://{}", server.address), key: server.key.clone() };
    tokio::task::spawn_blocking(move || check(&access)).await.expect("the check succeeds");
}

/// Runs a command with access in its environment; it has to print what the program sees.
fn sees(command: &mut Command, access: &Access) {
    let printed = run(command.env("ABLO_URL", &access.url).env("ABLO_KEY", &access.key));
    assert!(printed.contains(SEEN), "{command:?} prints\n{printed}");
}

/// Runs a program with access as its arguments.
fn program_sees(command: &mut Command, access: &Access) {
    sees(command.args([&access.url, &access.key]), access);
}

const BARE: Recipe<'_> =
    Recipe { name: "", fixtures: &[], sources: "", extension: "", options: &[] };
const COMPILED: &[(&str, &str)] = &[("output", "js")];

/// Runs a check in the default form and as compiled modules.
fn both(recipe: Recipe<'_>, check: impl Fn(&App)) {
    check(&App::new(recipe));
    if is_long() {
        let name = format!("{}-compiled", recipe.name);
        check(&App::new(Recipe { name: &name, options: COMPILED, ..recipe }));
    }
}

/// A server that ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Returns the text of a page once a server on this port answers.
fn page(port: &str, path: &str) -> String {
    let deadline = Instant::now() + Duration::from_secs(60);
    let request = format!("GET {path} HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n");
    loop {
        let answer = TcpStream::connect(format!("127.0.0.1:{port}")).and_then(|mut stream| {
            let mut text = String::new();
            stream.write_all(request.as_bytes())?;
            stream.read_to_string(&mut text)?;
            Ok(text)
        });
        match answer {
            Ok(text) => return text,
            Err(error) if Instant::now() > deadline => panic!("port {port}: {error}"),
            Err(_) => std::thread::sleep(Duration::from_millis(50)),
        }
    }
}

fn next_serves(app: &App, bundler: &str, access: &Access) {
    let _built = run(app.tool("next").args(["build", bundler]));
    let free = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = free.local_addr().expect("an address").port().to_string();
    drop(free);
    let mut server = app.command(Path::new("node"));
    server.arg(app.package("next/dist/bin/next")).args(["start", "--port", &port]);
    server.env("ABLO_URL", &access.url).env("ABLO_KEY", &access.key).stdout(Stdio::null());
    let _running = Running(server.spawn().expect("the server starts"));
    let report = page(&port, "/report");
    assert!(report.ends_with(SEEN), "{report}");
    let page = page(&port, "/");
    assert!(page.contains("<h1>0 drafts</h1>"), "{page}");
    assert!(page.contains("AbloProvider is a function"), "{page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn next_with_webpack_builds_and_serves() {
    with_coordinator(|access| {
        let recipe = Recipe { name: "next-webpack", fixtures: &["next"], ..BARE };
        both(recipe, |app| next_serves(app, "--webpack", access));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn vite_builds_and_vitest_runs() {
    with_coordinator(|access| {
        let recipe = Recipe { name: "vite", fixtures: &["vite"], sources: "src", ..BARE };
        both(recipe, |app| {
            let _checked = run(app.tool("tsc").arg("-b"));
            let _built = run(app.tool("vite").arg("build"));
            let _built = run(app.tool("vite").args(["build", "--ssr", "src/program.ts"]));
            sees(app.tool("vitest").arg("run"), access);
        });
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn jest_with_ts_jest_runs() {
    with_coordinator(|access| {
        let recipe = Recipe { name: "jest", fixtures: &["jest"], ..BARE };
        sees(&mut App::new(recipe).tool("jest"), access);
        if is_long() {
            // Jest loads CommonJS, so ts-jest has to compile the modules.
            let (name, fixtures) = ("jest-compiled", &["jest", "jest-js"][..]);
            let compiled = Recipe { name, fixtures, options: COMPILED, ..recipe };
            sees(&mut App::new(compiled).tool("jest"), access);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn node_removes_the_types() {
    with_coordinator(|access| {
        let recipe =
            Recipe { name: "node", fixtures: &["main", "module"], extension: ".ts", ..BARE };
        both(recipe, |app| {
            program_sees(app.command(&node_24()).arg("main.ts"), access);
        });
    })
    .await;
}

/// The files that do not depend on a schema.
const FIXED: [&str; 7] =
    ["runtime", "codec", "node_socket", "react", "source_handler", "validate", "wire"];

#[test]
fn strict_rules_of_typescript_eslint_find_nothing() {
    let app = App::new(Recipe { name: "eslint", fixtures: &["eslint"], ..BARE });
    for (name, text) in fixtures::good_schemas() {
        app.generate(&text, &[], &Path::new("schemas").join(&name));
        // The files that are the same for every schema are beside the program of the application.
        for fixed in FIXED {
            let path = app.path(&format!("schemas/{name}/typescript/{fixed}.ts"));
            std::fs::remove_file(path).expect("the file was written");
        }
    }
    for (option, value) in [("import-extension", "js"), ("output", "js")] {
        app.generate(&schema(), &[(option, value)], &Path::new(option).join("generated"));
    }
    let user = ["--max-warnings", "0", "."];
    let _findings = run(app.tool("eslint").args(user));
    app.check_generated_files();
    let _findings = run(app.tool("eslint").args(["--config", "inside.config.mjs"]).args(user));
}

#[test]
fn a_strict_rule_finds_a_fault() {
    let app = App::new(Recipe { name: "eslint-fault", fixtures: &["eslint"], ..BARE });
    std::fs::write(
        app.path("fault.ts"),
        "export const anything: any = 1; // eslint-disable-line\n",
    )
    .expect("the folder is writable");
    let config = ["--config", "inside.config.mjs", "fault.ts"];
    let found = app.tool("eslint").args(config).output().expect("eslint runs");
    assert!(String::from_utf8_lossy(&found.stdout).contains("no-explicit-any"), "{found:?}");
}

/// The options of Prettier in projects of different styles.
const PRETTIER: &[&[&str]] = &[
    &[],
    &["--single-quote", "--no-semi", "--tab-width", "4", "--print-width", "60"],
    &["--trailing-comma", "none", "--arrow-parens", "avoid", "--quote-props", "consistent"],
    &["--use-tabs", "--print-width", "120", "--object-wrap", "collapse", "--no-bracket-spacing"],
];

#[test]
fn files_stay_up_to_date_past_prettier_and_rustfmt() {
    let app = App::new(Recipe { name: "formatters", ..BARE });
    for fixture in ["newsroom", "obstacle-course"] {
        let schema = fixtures::root().join("schemas").join(fixture).join("schema.json");
        let generator = || {
            let generator = Generator::new(&schema).out(app.path("formatted"));
            let generator = generator.option("typescript", "react", true);
            generator.option("typescript", "source", true)
        };
        for options in PRETTIER {
            generator().run().expect("the files are generated");
            let _formatted =
                run(app.tool("prettier").args(["--write", "formatted"]).args(*options));
            let mut rustfmt = Command::new("rustfmt");
            rustfmt.args(["--edition", "2024", "--config", "hard_tabs=true,max_width=60"]);
            let _formatted = run(rustfmt.arg(app.path("formatted/rust/mod.rs")));
            let checked = generator().check(true).run().expect("the files are up to date");
            assert_ne!(checked.written.len(), 0, "{options:?} changes files");
        }
        let models = app.path("formatted/typescript/models.ts");
        let text = fixtures::read(&models);
        std::fs::write(&models, text.replacen("string", "number", 1)).expect("a writable file");
        let stale = generator().check(true).run().expect_err("a type has changed");
        assert!(stale.to_string().contains("models.ts` differs"), "{stale}");
        std::fs::remove_dir_all(app.path("formatted")).expect("removed");
    }
}

/// A tool of the long suite.
type Check = fn(&App, &Access);

const LONG: &[(Recipe<'_>, Check)] = &[
    (Recipe { name: "next-turbopack", fixtures: &["next"], ..BARE }, |app, access| {
        next_serves(app, "--turbopack", access);
    }),
    (Recipe { name: "webpack", fixtures: &["main", "webpack"], ..BARE }, |app, access| {
        let _built = run(&mut app.tool("webpack"));
        program_sees(app.command(Path::new("node")).arg("dist/main.cjs"), access);
    }),
    (Recipe { name: "rollup", fixtures: &["main", "rollup"], ..BARE }, |app, access| {
        let built = run(app.tool("rollup").arg("--config"));
        assert!(!built.contains("TS5097"), "{built}");
        program_sees(app.command(Path::new("node")).arg("dist/main.mjs"), access);
    }),
    (Recipe { name: "esbuild", fixtures: &["main", "module"], ..BARE }, |app, access| {
        let flags = ["--bundle", "--platform=node", "--format=esm", "--outfile=dist/main.mjs"];
        let _built = run(app.tool("esbuild").arg("main.ts").args(flags));
        program_sees(app.command(Path::new("node")).arg("dist/main.mjs"), access);
    }),
    (Recipe { name: "metro", fixtures: &["main", "metro"], ..BARE }, |app, access| {
        let build = ["build", "main.ts", "--out", "bundle.js", "--platform", "web"];
        let metro = app.package("metro/src/cli.js");
        let _built = run(app.command(&node_24()).arg(metro).args(build));
        program_sees(app.command(Path::new("node")).arg("bundle.js"), access);
    }),
    (
        Recipe { name: "bun", fixtures: &["main", "module"], extension: ".ts", ..BARE },
        |app, access| {
            let arch = if cfg!(target_arch = "aarch64") { "aarch64" } else { "x64" };
            let bun = app.package(&format!("@oven/bun-linux-{arch}/bin/bun"));
            program_sees(app.command(&bun).args(["run", "main.ts"]), access);
            let build = ["build", "main.ts", "--target=bun", "--outfile=dist/main.js"];
            let _built = run(app.command(&bun).args(build));
            program_sees(app.command(&bun).args(["run", "dist/main.js"]), access);
        },
    ),
    (
        Recipe { name: "deno", fixtures: &["main", "module"], extension: ".ts", ..BARE },
        |app, access| {
            let arch = if cfg!(target_arch = "aarch64") { "arm64" } else { "x64" };
            let deno = app.package(&format!("@deno/linux-{arch}-glibc/deno"));
            let cache = app.path("cache");
            let deno = || {
                let mut command = app.command(&deno);
                command.env("DENO_DIR", &cache).env("DENO_NO_UPDATE_CHECK", "1");
                command
            };
            let _checked = run(deno().args(["check", "main.ts"]));
            program_sees(deno().args(["run", "--allow-net", "--allow-env", "main.ts"]), access);
        },
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn the_tools_of_the_long_suite_build_and_run() {
    if !is_long() {
        return;
    }
    for (recipe, check) in LONG {
        with_coordinator(|access| {
            let started = Instant::now();
            both(*recipe, |app| check(app, access));
            println!("{}: {:?}", recipe.name, started.elapsed());
        })
        .await;
    }
}
