//! Runs the built command in a temporary folder.

#![allow(dead_code, reason = "each test file uses its part")]
#![allow(clippy::expect_used, clippy::panic, reason = "a test fails loudly")]

#[cfg(all(feature = "server", unix))]
pub(crate) mod coordinator;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

/// A small valid schema: a parent, a child and a third model.
pub(crate) const SCHEMA: &str = r#"{
  "v": 3,
  "models": {
    "projects": {
      "fields": { "name": { "type": "string", "isOptional": false, "isIndexed": false } },
      "relations": {}
    },
    "tasks": {
      "fields": {
        "title": { "type": "string", "isOptional": false, "isIndexed": false },
        "projectId": { "type": "string", "isOptional": false, "isIndexed": true }
      },
      "relations": {
        "project": {
          "type": "belongsTo", "target": "projects", "foreignKey": "projectId",
          "foreignKeyColumn": "project_id",
          "options": { "parent": true }
        }
      }
    },
    "notes": {
      "fields": {
        "text": { "type": "string", "isOptional": true, "isIndexed": false },
        "taskId": { "type": "string", "isOptional": true, "isIndexed": false }
      },
      "relations": {
        "task": {
          "type": "belongsTo", "target": "tasks", "foreignKey": "taskId",
          "foreignKeyColumn": "task_id"
        }
      }
    }
  },
  "identityRoles": [],
  "mutable": true
}
"#;

/// A temporary folder to run commands in.
pub(crate) struct TestDir(TempDir);

/// The output and exit status of a run.
pub(crate) struct RunOutput {
    pub(crate) status: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl From<Output> for RunOutput {
    fn from(output: Output) -> Self {
        Self {
            status: output.status.code().expect("an exit status"),
            out: String::from_utf8(output.stdout).expect("text"),
            err: String::from_utf8(output.stderr).expect("text"),
        }
    }
}

impl TestDir {
    /// Creates an empty folder.
    pub(crate) fn empty() -> Self {
        Self(TempDir::new().expect("a folder"))
    }

    /// Creates a folder with the small schema in `schema.json`.
    pub(crate) fn with_schema() -> Self {
        let dir = Self::empty();
        dir.put("schema.json", SCHEMA);
        dir
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn put(&self, name: &str, bytes: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        fs::write(path, bytes).expect("a file");
    }

    pub(crate) fn get(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).expect("a file")
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ablo"));
        command
            .args(args)
            .current_dir(self.0.path())
            .env_remove("NO_GRAPHICS")
            .stdin(Stdio::null());
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> RunOutput {
        self.command(args).output().expect("ablo starts").into()
    }

    pub(crate) fn run_in(&self, folder: &str, args: &[&str]) -> RunOutput {
        self.command(args).current_dir(self.path(folder)).output().expect("ablo starts").into()
    }

    pub(crate) fn run_with_input(&self, args: &[&str], input: &[u8]) -> RunOutput {
        let mut command = self.command(args);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("ablo starts");
        // Fails if the command stops reading early.
        let _ = child.stdin.take().expect("a pipe").write_all(input);
        child.wait_with_output().expect("it exits").into()
    }

    /// Returns every file below the folder with its text.
    pub(crate) fn tree(&self) -> Vec<(String, String)> {
        let mut found = Vec::new();
        walk(self.0.path(), self.0.path(), &mut found);
        found.sort();
        found
    }

    /// Returns the names of all files below the folder.
    pub(crate) fn names(&self) -> Vec<String> {
        self.tree().into_iter().map(|(name, _)| name).collect()
    }
}

fn walk(root: &Path, folder: &Path, found: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            walk(root, &path, found);
        } else {
            let name =
                path.strip_prefix(root).expect("a path below the root").display().to_string();
            found.push((
                name,
                String::from_utf8_lossy(&fs::read(&path).expect("a file")).into_owned(),
            ));
        }
    }
}

/// Returns the codes of the diagnostics in the JSON output.
pub(crate) fn codes(ran: &RunOutput) -> Vec<String> {
    let document: serde_json::Value =
        serde_json::from_str(&ran.out).unwrap_or_else(|_| panic!("{}{}", ran.out, ran.err));
    let all = document["diagnostics"].as_array().expect("a list");
    all.iter().map(|one| one["code"].as_str().expect("a code").to_owned()).collect()
}
