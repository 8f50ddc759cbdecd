//! Named commands that run from the root of the repository.

use std::path::{Path, PathBuf};
use std::process::Command;

/// A command with a name for messages.
pub(crate) struct Step {
    name: String,
    command: Command,
}

impl Step {
    pub(crate) fn new(name: &str, program: &str, arguments: &[&str]) -> Self {
        let mut command = Command::new(program);
        command.args(arguments).current_dir(root());
        Self { name: name.to_owned(), command }
    }

    /// Sets an environment variable for the command.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    /// Runs the command and returns its output.
    pub(crate) fn output(mut self) -> Result<String, String> {
        let output = self.command.output().map_err(|error| format!("{}: {error}", self.name))?;
        if !output.status.success() {
            return Err(format!(
                "{} failed: {}",
                self.name,
                String::from_utf8_lossy(&output.stderr)
            ));
        }
        String::from_utf8(output.stdout).map_err(|error| format!("{}: {error}", self.name))
    }

    pub(crate) fn run(mut self) -> Result<(), String> {
        println!("── {}", self.name);
        match self.command.status() {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(format!("{} failed ({status})", self.name)),
            Err(error) => {
                Err(format!("{}: cannot run {:?}: {error}", self.name, self.command.get_program()))
            }
        }
    }
}

/// Creates a cargo command. `+nightly` needs rustup's proxy, not the toolchain that runs this
/// program. Build scripts that read what cargo says of this program would run again.
pub(crate) fn cargo(name: &str, arguments: &[&str]) -> Step {
    let mut step = Step::new(name, "cargo", arguments);
    step.command.env_remove("RUSTUP_TOOLCHAIN");
    for (variable, _) in std::env::vars_os() {
        if variable.to_str().is_some_and(|name| {
            name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_")
        }) {
            step.command.env_remove(variable);
        }
    }
    step
}

/// Runs steps until the first failure.
pub(crate) fn run_all(steps: Vec<Step>) -> Result<(), String> {
    steps.into_iter().try_for_each(Step::run)
}

/// Returns the root of the repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}
