//! The modules of a crate and the paths that they name, read with syn.

use proc_macro2::{TokenStream, TokenTree};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use syn::visit::{self, Visit};
use syn::{Attribute, Ident, Item};

/// The names from the root of a crate to a module.
pub(crate) type ModulePath = Vec<String>;

/// A path in a source file, such as `super::names::Name`.
#[derive(Clone)]
pub(crate) struct Named {
    pub(crate) segments: Vec<String>,
    pub(crate) line: usize,
}

/// A module without its tests.
#[derive(Default)]
struct Module {
    file: String,
    children: BTreeSet<String>,
    items: BTreeSet<String>,
    aliases: BTreeMap<String, Vec<Vec<String>>>,
    globs: Vec<Vec<String>>,
    named: Vec<Named>,
}

/// The modules of a crate.
#[derive(Default)]
pub(crate) struct Modules(BTreeMap<ModulePath, Module>);

/// The place that a path leads to.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Module(ModulePath),
    /// An item of a module.
    Item(ModulePath),
}

impl Modules {
    /// Reads the modules of the crate in a folder of the repository.
    pub(crate) fn of_crate(root: &Path, name: &str) -> Self {
        let sources = root.join(name).join("src");
        let files = ["lib.rs", "main.rs"].map(|file| sources.join(file));
        let file = files.iter().find(|file| file.exists()).expect("a crate has a root file");
        let mut modules = Self::default();
        modules.read_file(&Files { root }, file, &sources, &Vec::new());
        modules
    }

    /// Reads a crate that consists of one text with inline modules.
    pub(crate) fn of_text(text: &str) -> Self {
        let parsed = syn::parse_file(text).expect("the text is Rust");
        let mut modules = Self::default();
        let files = Files { root: Path::new("") };
        modules.read(&files, "lib.rs", Path::new(""), &Vec::new(), &parsed.items);
        modules
    }

    fn read_file(&mut self, files: &Files<'_>, file: &Path, folder: &Path, path: &ModulePath) {
        let text = fs::read_to_string(file).expect("the source of a module is readable");
        let parsed = syn::parse_file(&text).expect("the sources of this repository are Rust");
        let name = file.strip_prefix(files.root).expect("below the root").to_string_lossy();
        self.read(files, &name, folder, path, &parsed.items);
    }

    fn read(
        &mut self,
        files: &Files<'_>,
        file: &str,
        folder: &Path,
        path: &ModulePath,
        items: &[Item],
    ) {
        let mut reader = Reader { module: Module { file: file.to_owned(), ..Default::default() } };
        for item in items.iter().filter(|item| !is_test(attributes(item))) {
            let Item::Mod(child) = item else {
                reader.module.items.extend(item_name(item).map(ToString::to_string));
                reader.visit_item(item);
                continue;
            };
            let name = child.ident.to_string();
            reader.module.children.insert(name.clone());
            let mut child_path = path.clone();
            child_path.push(name.clone());
            if let Some((_, items)) = &child.content {
                self.read(files, file, &folder.join(&name), &child_path, items);
            } else {
                let (file, folder) = module_file(folder, &name, &child.attrs);
                self.read_file(files, &file, &folder, &child_path);
            }
        }
        self.0.insert(path.clone(), reader.module);
    }

    /// Returns each module with its file and the paths that it names.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&ModulePath, &str, &[Named])> {
        self.0.iter().map(|(path, module)| (path, module.file.as_str(), module.named.as_slice()))
    }

    /// Returns the modules that a path leads to from a module, through re-exports.
    pub(crate) fn targets(&self, from: &ModulePath, segments: &[String]) -> BTreeSet<ModulePath> {
        let places = self.resolve(from, segments, &mut BTreeSet::new());
        let is_name = segments.len() == 1;
        let targets = places.into_iter().filter_map(|place| match place {
            // A single name in an expression may be a variable, but never a module.
            Place::Module(_) if is_name => None,
            Place::Module(path) | Place::Item(path) => Some(path),
        });
        targets.collect()
    }

    fn resolve(
        &self,
        from: &ModulePath,
        segments: &[String],
        visited: &mut BTreeSet<(ModulePath, String)>,
    ) -> BTreeSet<Place> {
        let mut rest = segments.iter().peekable();
        let mut start = from.clone();
        let mut is_qualified = false;
        while let Some(first) =
            rest.next_if(|first| matches!(first.as_str(), "crate" | "self" | "super"))
        {
            is_qualified = true;
            match first.as_str() {
                "crate" => start.clear(),
                "super" => drop(start.pop()),
                _ => {}
            }
        }
        let mut places = BTreeSet::from([Place::Module(start)]);
        for name in rest {
            let mut next = BTreeSet::new();
            for place in places {
                match place {
                    Place::Module(module) => {
                        let found = self.lookup(&module, name, visited);
                        if found.is_empty() && is_qualified {
                            next.insert(Place::Item(module));
                        }
                        next.extend(found);
                    }
                    item @ Place::Item(_) => drop(next.insert(item)),
                }
            }
            places = next;
            is_qualified = true;
        }
        places
    }

    /// Finds a name in a module: its own, then imported ones, then those of glob imports.
    fn lookup(
        &self,
        path: &ModulePath,
        name: &str,
        visited: &mut BTreeSet<(ModulePath, String)>,
    ) -> BTreeSet<Place> {
        let mut found = BTreeSet::new();
        let Some(module) = self.0.get(path) else { return found };
        if !visited.insert((path.clone(), name.to_owned())) {
            return found;
        }
        if module.children.contains(name) {
            let mut child = path.clone();
            child.push(name.to_owned());
            found.insert(Place::Module(child));
        }
        if module.items.contains(name) {
            found.insert(Place::Item(path.clone()));
        }
        for alias in module.aliases.get(name).into_iter().flatten() {
            found.extend(self.resolve(path, alias, visited));
        }
        if found.is_empty() {
            for glob in &module.globs {
                for place in self.resolve(path, glob, visited) {
                    if let Place::Module(source) = place {
                        found.extend(self.lookup(&source, name, visited));
                    }
                }
            }
        }
        visited.remove(&(path.clone(), name.to_owned()));
        found
    }
}

struct Files<'a> {
    root: &'a Path,
}

/// Returns the file of a module and the folder of its children.
fn module_file(folder: &Path, name: &str, attributes: &[Attribute]) -> (PathBuf, PathBuf) {
    let declared = attributes.iter().find_map(|attribute| match &attribute.meta {
        syn::Meta::NameValue(pair) if pair.path.is_ident("path") => match &pair.value {
            syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. }) => Some(text.value()),
            _ => None,
        },
        _ => None,
    });
    if let Some(declared) = declared {
        let file = folder.join(declared);
        let own = file.parent().expect("a file is in a folder").to_owned();
        return (file, own);
    }
    let own = folder.join(name);
    let inside = own.join("mod.rs");
    if inside.exists() { (inside, own) } else { (folder.join(format!("{name}.rs")), own) }
}

/// Collects the paths of a module's items.
struct Reader {
    module: Module,
}

impl Reader {
    fn name(&mut self, segments: Vec<String>, line: usize) {
        self.module.named.push(Named { segments, line });
    }

    fn read_use(&mut self, tree: &syn::UseTree, prefix: &[String]) {
        let joined = |ident: &Ident| {
            let mut path = prefix.to_vec();
            // `use a::{self}` imports `a`.
            if ident != "self" || prefix.is_empty() {
                path.push(ident.to_string());
            }
            path
        };
        match tree {
            syn::UseTree::Path(path) => self.read_use(&path.tree, &joined(&path.ident)),
            syn::UseTree::Group(group) => {
                group.items.iter().for_each(|item| self.read_use(item, prefix));
            }
            syn::UseTree::Name(name) => self.import(joined(&name.ident), &name.ident, None),
            syn::UseTree::Rename(rename) => {
                self.import(joined(&rename.ident), &rename.ident, Some(&rename.rename));
            }
            syn::UseTree::Glob(glob) => {
                let line = glob.star_token.spans[0].start().line;
                self.module.globs.push(prefix.to_vec());
                self.name(prefix.to_vec(), line);
            }
        }
    }

    fn import(&mut self, path: Vec<String>, ident: &Ident, rename: Option<&Ident>) {
        let own = rename.map(ToString::to_string).or_else(|| path.last().cloned());
        // `use name as _` imports a trait without a name; `use name;` alone is an external crate.
        if let Some(own) = own.filter(|own| own != "_" && path != [own.clone()]) {
            self.module.aliases.entry(own).or_default().push(path.clone());
        }
        self.name(path, ident.span().start().line);
    }

    /// Collects the paths in the input of a macro: identifiers joined by `::`.
    fn read_tokens(&mut self, tokens: TokenStream) {
        let mut path: Vec<String> = Vec::new();
        let (mut line, mut colons) = (0, 0);
        for token in tokens {
            match token {
                TokenTree::Punct(one) if one.as_char() == ':' => colons += 1,
                TokenTree::Ident(one) if colons == 2 && !path.is_empty() => {
                    path.push(one.to_string());
                    colons = 0;
                }
                other => {
                    self.finish(&mut path, line);
                    // A path after a bare `::` names another crate.
                    let is_external = colons == 2;
                    colons = 0;
                    match other {
                        TokenTree::Ident(one) if !is_external => {
                            line = one.span().start().line;
                            path.push(one.to_string());
                        }
                        TokenTree::Group(group) => self.read_tokens(group.stream()),
                        _ => {}
                    }
                }
            }
        }
        self.finish(&mut path, line);
    }

    fn finish(&mut self, path: &mut Vec<String>, line: usize) {
        let path = std::mem::take(path);
        if path.len() > 1 {
            self.name(path, line);
        }
    }
}

impl<'ast> Visit<'ast> for Reader {
    fn visit_item(&mut self, item: &'ast Item) {
        if !is_test(attributes(item)) {
            visit::visit_item(self, item);
        }
    }

    fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
        if !is_test(&function.attrs) {
            visit::visit_impl_item_fn(self, function);
        }
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        if item.leading_colon.is_none() {
            self.read_use(&item.tree, &[]);
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        if let (None, Some(first)) = (path.leading_colon, path.segments.first()) {
            let segments = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
            self.name(segments, first.ident.span().start().line);
        }
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        self.visit_path(&call.path);
        self.read_tokens(call.tokens.clone());
    }

    fn visit_attribute(&mut self, _: &'ast Attribute) {}
}

/// Returns whether an item is compiled for tests only.
fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        syn::Meta::List(list) if list.path.is_ident("cfg") => {
            let mut words = list.tokens.clone().into_iter();
            match (words.next(), words.next()) {
                (Some(TokenTree::Ident(one)), None) => one == "test",
                (Some(TokenTree::Ident(all)), Some(TokenTree::Group(group))) if all == "all" => {
                    let mut inner = group.stream().into_iter();
                    inner.any(|word| matches!(word, TokenTree::Ident(one) if one == "doctest"))
                }
                _ => false,
            }
        }
        _ => false,
    })
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::ExternCrate(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Union(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

fn item_name(item: &Item) -> Option<&Ident> {
    match item {
        Item::Const(item) => Some(&item.ident),
        Item::Enum(item) => Some(&item.ident),
        Item::Fn(item) => Some(&item.sig.ident),
        Item::Macro(item) => item.ident.as_ref(),
        Item::Static(item) => Some(&item.ident),
        Item::Struct(item) => Some(&item.ident),
        Item::Trait(item) => Some(&item.ident),
        Item::Type(item) => Some(&item.ident),
        Item::Union(item) => Some(&item.ident),
        _ => None,
    }
}
