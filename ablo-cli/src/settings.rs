//! Merges flags and `ablo.toml`. Flags override the file.
//!
//! Every unknown target, unknown or unused option and invalid value is reported in one run.

use crate::args::{GenerateArgs, InputArgs, ReadArgs};
use crate::codes;
use crate::config::{self, Config, OptionSetting, Setting, TargetTable};
use crate::finding::{Exit, Failure, Finding, Report, Source, did_you_mean};
use crate::source;
use ablo_codegen::write::Folder;
use ablo_codegen::{Emit, Target, targets};
use serde_json::{Map, Value};
use std::path::{Component, Path, PathBuf};

const DEFAULT_OUT: &str = "generated";

/// One target, ready to emit.
pub(crate) struct Run {
    pub(crate) emit: Box<dyn Emit>,
    pub(crate) folder: Folder,
}

/// The settings of `generate`.
pub(crate) struct Settings {
    pub(crate) schema: SchemaFile,
    pub(crate) runs: Vec<Run>,
    pub(crate) models: Option<Vec<Setting<String>>>,
    /// The `ablo.toml` that the locations of settings refer to.
    pub(crate) config: Option<Source>,
}

/// The schema to read, and how.
#[derive(Clone, Debug)]
pub(crate) struct SchemaFile {
    pub(crate) path: PathBuf,
    pub(crate) read: ReadArgs,
}

/// A parsed `ablo.toml`.
struct ConfigFile {
    path: PathBuf,
    source: Source,
    config: Config,
    findings: Vec<Finding>,
}

impl ConfigFile {
    /// Returns how the schema is read: flags override the file.
    fn read_args(&self, flags: &ReadArgs) -> ReadArgs {
        let texts = |all: &Vec<Setting<String>>| -> Vec<String> {
            all.iter().map(|setting| setting.value.clone()).collect()
        };
        let (features, cfg) = (self.config.features.as_ref(), self.config.cfg.as_ref());
        ReadArgs {
            allow_unknown: flags.allow_unknown,
            features: flags.features.clone().or_else(|| features.map(texts)),
            cfg: match flags.cfg.is_empty() {
                true => cfg.map(texts).unwrap_or_default(),
                false => flags.cfg.clone(),
            },
        }
    }

    fn failure(self, findings: Vec<Finding>) -> Failure {
        Failure::new(Exit::CannotRun, Report::in_source(self.source, findings))
    }
}

/// Returns the path of the `ablo.toml` that a command reads, if any.
pub(crate) fn config_path(input: &InputArgs) -> Option<PathBuf> {
    match (&input.config, &input.file) {
        (Some(path), _) => Some(path.clone()),
        (None, Some(_)) => None,
        (None, None) => config::discover(),
    }
}

fn read_config(input: &InputArgs) -> Result<Option<ConfigFile>, Failure> {
    let Some(path) = config_path(input) else { return Ok(None) };
    let source = source::read(&path, config::MAX_BYTES)
        .map_err(|failure| Failure { exit: Exit::CannotRun, ..failure })?;
    let (config, mut findings) = config::read(&source.text);
    if input.file.is_some() {
        findings.retain(|finding| finding.code != codes::CONFIG_MISSING.name);
    }
    Ok(Some(ConfigFile { path, source, config, findings }))
}

/// Returns the schema to read, for commands without other settings.
pub(crate) fn schema_file(input: &InputArgs) -> Result<SchemaFile, Failure> {
    let Some(mut file) = read_config(input)? else {
        let path = input.file.clone().ok_or_else(no_schema)?;
        return Ok(SchemaFile { path, read: input.read.clone() });
    };
    if !file.findings.is_empty() {
        let findings = std::mem::take(&mut file.findings);
        return Err(file.failure(findings));
    }
    let of_file = || Some(config::resolve(&file.path, file.config.schema.as_deref()?));
    let path = input.file.clone().or_else(of_file).ok_or_else(no_schema)?;
    Ok(SchemaFile { path, read: file.read_args(&input.read) })
}

fn no_schema() -> Failure {
    let message = format!("no schema is given and no {} was found", config::FILE_NAME);
    Failure::new(
        Exit::CannotRun,
        Report::about(None, vec![Finding::new(codes::CONFIG_NOT_FOUND, message)]),
    )
}

/// Merges and validates the settings of `generate`.
pub(crate) fn resolve(args: &GenerateArgs) -> Result<Settings, Failure> {
    let mut file = read_config(&args.input)?;
    let mut findings =
        file.as_mut().map(|file| std::mem::take(&mut file.findings)).unwrap_or_default();
    let file_schema = file
        .as_ref()
        .and_then(|file| Some(config::resolve(&file.path, file.config.schema.as_deref()?)));
    let schema = args.input.file.clone().or(file_schema);
    if schema.is_none() && findings.is_empty() {
        return Err(no_schema());
    }
    let runs = TargetSelection { args, file: file.as_ref(), findings: &mut findings }.runs();
    let read = file.as_ref().map(|file| file.read_args(&args.input.read));
    let read = read.unwrap_or_else(|| args.input.read.clone());
    let config = file.as_mut().map(|file| std::mem::take(&mut file.config)).unwrap_or_default();
    let source = file.map(|file| file.source);
    let flag_models = args.models.as_ref().map(|models| models.iter().map(Setting::flag).collect());
    match schema {
        Some(path) if findings.is_empty() => Ok(Settings {
            schema: SchemaFile { path, read },
            runs,
            models: flag_models.or(config.models),
            config: source,
        }),
        _ => Err(failure(source, findings)),
    }
}

/// Creates the failure for invalid settings. Findings with a location are about the file, others
/// about flags.
pub(crate) fn failure(file: Option<Source>, findings: Vec<Finding>) -> Failure {
    let (mut located, flags): (Vec<_>, Vec<_>) =
        findings.into_iter().partition(|finding| finding.location.is_some());
    located.sort_by_key(|finding| finding.location.as_ref().map(|location| location.range.start));
    let mut reports = Vec::new();
    if !flags.is_empty() {
        reports.push(Report::about(None, flags));
    }
    if let Some(source) = file.filter(|_| !located.is_empty()) {
        reports.push(Report::in_source(source, located));
    }
    Failure { exit: Exit::CannotRun, reports }
}

/// The selection and configuration of targets.
struct TargetSelection<'a> {
    args: &'a GenerateArgs,
    file: Option<&'a ConfigFile>,
    findings: &'a mut Vec<Finding>,
}

impl<'a> TargetSelection<'a> {
    fn runs(mut self) -> Vec<Run> {
        let tables = self.file.map_or(&[][..], |file| &file.config.tables);
        let in_file = self
            .file
            .and_then(|file| file.config.targets.as_deref())
            .map(|names| self.known(names));
        for table in tables {
            self.check_used(&table.name, in_file.as_deref(), "`targets` does not list it");
        }
        let flags: Vec<_> = self.args.targets.iter().map(Setting::flag).collect();
        let selected = if flags.is_empty() { in_file } else { Some(self.known(&flags)) };
        let flag_options = self.flag_options(selected.as_deref());
        let is_selected =
            |target: &&&dyn Target| selected.as_ref().is_none_or(|ids| ids.contains(&target.id()));
        let mut runs: Vec<Run> = Vec::new();
        for target in targets().iter().filter(is_selected) {
            let table = tables.iter().find(|table| table.name.value == target.id());
            let folder = Folder { prefix: target.id(), path: self.folder(*target, table) };
            if let Some(other) = runs.iter().find(|run| same_folder(&run.folder.path, &folder.path))
            {
                let message = format!(
                    "`{}` and `{}` both write into `{}`",
                    other.folder.prefix,
                    folder.prefix,
                    folder.path.display()
                );
                let name =
                    table.map_or_else(|| Setting::flag(target.id()), |table| table.name.clone());
                self.findings.push(name.finding(codes::CONFIG_SHARED_FOLDER, message));
            }
            let of_flags =
                flag_options.iter().filter(|(id, _)| *id == target.id()).map(|(_, option)| option);
            let options: Vec<_> =
                table.into_iter().flat_map(|table| &table.options).chain(of_flags).collect();
            if let Some(emit) = self.configure(*target, table, &options) {
                runs.push(Run { emit, folder });
            }
        }
        runs
    }

    /// Returns the ids of known targets and reports unknown ones.
    fn known(&mut self, names: &[Setting<String>]) -> Vec<&'static str> {
        names.iter().filter_map(|name| self.target(name)).map(Target::id).collect()
    }

    fn target(&mut self, name: &Setting<String>) -> Option<&'static dyn Target> {
        let found = targets().iter().find(|target| target.id() == name.value);
        if found.is_none() {
            let help = did_you_mean(&name.value, targets().iter().map(|target| target.id()));
            let message = format!("unknown target `{}`", name.value);
            self.findings.push(name.finding(codes::CONFIG_UNKNOWN_TARGET, message).help(help));
        }
        found.copied()
    }

    /// Checks that options are for a known and selected target.
    fn check_used(
        &mut self,
        name: &Setting<String>,
        selected: Option<&[&str]>,
        reason: &str,
    ) -> Option<&'static str> {
        let id = self.target(name)?.id();
        if selected.is_none_or(|selected| selected.contains(&id)) {
            return Some(id);
        }
        let message = format!("options are set for `{id}`, but {reason}");
        self.findings.push(name.finding(codes::CONFIG_UNUSED_OPTION, message));
        None
    }

    fn flag_options(&mut self, selected: Option<&[&str]>) -> Vec<(&'static str, OptionSetting)> {
        let mut options = Vec::new();
        for text in &self.args.options {
            let parts =
                text.split_once('=').and_then(|(name, value)| Some((name.split_once('.')?, value)));
            let Some(((target, name), value)) = parts else {
                let message = format!("`--option {text}` is not of the form TARGET.NAME=VALUE");
                let help = Some("for example, `--option postgres.foreign-keys=false`".to_owned());
                self.findings.push(Finding::new(codes::CONFIG_WRONG_TYPE, message).help(help));
                continue;
            };
            if let Some(id) =
                self.check_used(&Setting::flag(target), selected, "it is not selected")
            {
                let value = serde_json::from_str(value).unwrap_or_else(|_| Value::from(value));
                let option = OptionSetting {
                    name: Setting::flag(name),
                    value: Setting { value, location: None },
                };
                options.push((id, option));
            }
        }
        options
    }

    fn folder(&self, target: &dyn Target, table: Option<&TargetTable>) -> PathBuf {
        let resolve = |path: &str| {
            self.file.map_or_else(|| PathBuf::from(path), |file| config::resolve(&file.path, path))
        };
        let out = self.file.and_then(|file| file.config.out.as_deref());
        match (&self.args.out, table.and_then(|table| table.out.as_deref())) {
            (Some(flag), _) => flag.join(target.id()),
            (None, Some(own)) => resolve(own),
            (None, None) => resolve(out.unwrap_or(DEFAULT_OUT)).join(target.id()),
        }
    }

    /// Configures a target. Each option is validated alone first, so that errors have its location.
    fn configure(
        &mut self,
        target: &dyn Target,
        table: Option<&TargetTable>,
        options: &[&OptionSetting],
    ) -> Option<Box<dyn Emit>> {
        let before = self.findings.len();
        let mut all = Map::new();
        for option in options {
            let (id, name) = (target.id(), &option.name.value);
            if !target.options().iter().any(|(known, _)| known == name) {
                let help = did_you_mean(name, target.options().iter().map(|(known, _)| *known));
                let help = help.or_else(|| {
                    target.options().is_empty().then(|| format!("`{id}` takes no options"))
                });
                let message = format!("`{id}` has no option `{name}`");
                self.findings
                    .push(option.name.finding(codes::CONFIG_UNKNOWN_OPTION, message).help(help));
                continue;
            }
            let alone = Map::from_iter([(name.clone(), option.value.value.clone())]);
            if let Err(error) = target.configure(&alone) {
                let message = format!("invalid value for the option `{name}` of `{id}`: {error}");
                self.findings.push(option.value.finding(codes::CONFIG_WRONG_TYPE, message));
            }
            all.insert(name.clone(), option.value.value.clone());
        }
        match target.configure(&all) {
            Ok(emit) => Some(emit),
            Err(error) => {
                if self.findings.len() == before {
                    let name = table
                        .map_or_else(|| Setting::flag(target.id()), |table| table.name.clone());
                    let message = format!("conflicting options of `{}`: {error}", target.id());
                    self.findings.push(name.finding(codes::CONFIG_CONFLICTING_OPTIONS, message));
                }
                None
            }
        }
    }
}

/// Reports whether two paths are equal after normalisation. Symbolic links are not resolved.
fn same_folder(one: &Path, other: &Path) -> bool {
    let normalise = |path: &Path| {
        let mut normal = PathBuf::new();
        for part in std::path::absolute(path).unwrap_or_else(|_| path.to_owned()).components() {
            match part {
                Component::ParentDir => drop(normal.pop()),
                part => normal.push(part),
            }
        }
        normal
    };
    normalise(one) == normalise(other)
}
