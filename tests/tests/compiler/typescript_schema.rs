//! Compiles schemas in TypeScript with the module that `ablo init` writes.

use ablo_tests::fixtures;
use ablo_tests::typescript::Project;

/// A default export of a call has no declared type.
const FLAGS: [&str; 3] = ["--noEmit", "--isolatedDeclarations", "false"];

fn template(name: &str) -> String {
    fixtures::read(&fixtures::root().join("../ablo-cli/templates").join(name))
}

fn project(schema: &str) -> Project {
    let project = Project::new();
    project.write("define-schema.ts", &template("define-schema.ts"));
    project.write("schema.ts", schema);
    project
}

#[test]
fn the_first_schema_and_that_of_the_reference_compile() {
    let page = fixtures::read(&fixtures::root().join("../docs/reference/schema-json.md"));
    let example = page.split("```ts\n").nth(1).and_then(|rest| rest.split("```").next());
    for schema in [template("schema.ts"), example.expect("an example").to_owned()] {
        let _report = project(&schema).compile(&FLAGS);
    }
}

#[test]
fn the_first_client_compiles() {
    let read = ablo_schema::front::json::read_authored(&template("schema.json"));
    let schema = read.schema.expect("the first schema is valid");
    let project = Project::new();
    for (path, text) in ablo_tests::typescript::emit(&schema, &[]).iter() {
        project.write(&format!("generated/{path}"), text);
    }
    project.write("client.ts", &template("client.ts"));
    let _report = project.compile(&FLAGS);
}

#[test]
fn mistakes_do_not_compile() {
    for (fields, relations) in [
        ("title: string().default(1)", ""),
        ("state: oneOf('open', 'done').default('opne')", ""),
        ("taskId: string()", "task: belongsTo('taks', 'taskId')"),
        ("taskId: string()", "task: belongsTo('tasks', 'taskID')"),
        ("taskId: string()", "task: belongsTo('tasks', 'taskId', { parnt: true })"),
    ] {
        let schema = format!(
            "import {{ belongsTo, defineSchema, model, oneOf, string }} from \
             './define-schema.js';\n\
             export const used = [belongsTo, oneOf, string];\n\
             export default defineSchema({{ tasks: model({{ {fields} }}, {{ {relations} }}) }});\n"
        );
        let output = project(&schema).try_compile(&FLAGS);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(!output.status.success(), "{schema}");
        let errors: Vec<&str> = text.lines().filter(|line| line.contains("error TS")).collect();
        assert!(errors.iter().all(|line| line.starts_with("schema.ts(3")), "{text}");
    }
}
