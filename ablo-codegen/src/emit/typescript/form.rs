//! The form of the generated files: TypeScript with one kind of import, or JavaScript with
//! declarations.

use serde::Deserialize;

/// The value of the option `output`.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Output {
    /// TypeScript, which the tools of a project compile.
    #[default]
    Ts,
    /// ECMAScript modules with declarations.
    Js,
}

/// The value of the option `import-extension`: what imports of other generated files end with.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub(super) enum ImportExtension {
    /// The name of the file, which tools find without rules.
    Ts,
    /// The name of the file that `tsc` writes.
    Js,
    /// No extension, which bundlers add.
    None,
}

/// The form of one file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// A TypeScript file.
    Source(ImportExtension),
    /// The declarations of a JavaScript file.
    Types,
    /// A JavaScript file.
    Script,
}

impl Form {
    /// Returns the ending of the name of a file of this form.
    pub(super) fn ending(self) -> &'static str {
        match self {
            Form::Source(_) => ".ts",
            Form::Types => ".d.ts",
            Form::Script => ".js",
        }
    }

    /// Returns the ending of the names in imports.
    pub(super) fn extension(self) -> &'static str {
        match self {
            Form::Source(ImportExtension::Ts) => ".ts",
            Form::Source(ImportExtension::None) => "",
            Form::Source(ImportExtension::Js) | Form::Types | Form::Script => ".js",
        }
    }

    /// Returns whether a file of this form has types.
    pub(super) fn has_types(self) -> bool {
        self != Form::Script
    }

    /// Returns whether a file of this form has statements that run.
    pub(super) fn has_code(self) -> bool {
        self != Form::Types
    }

    /// Returns a part of a file that only its types have.
    pub(super) fn typed<T>(self, part: T) -> Option<T> {
        self.has_types().then_some(part)
    }
}
