//! The parts of a table that a migration retains: checks, indexes, keys and the policy that mean
//! the same before and after.

use super::super::ddl::Predicate;
use super::super::names::Ident;
use super::super::table_defs::TableDef;
use super::casts::Conversion;
use super::pairing::{Pairing, Side};

/// The retained objects of a previous table: for each, its index in the next table.
#[derive(Debug)]
pub(crate) struct Retained {
    pub(crate) checks: Vec<Option<usize>>,
    pub(crate) indexes: Vec<Option<usize>>,
    pub(crate) foreign_keys: Vec<Option<usize>>,
    /// Whether the policy means the same.
    pub(crate) policy: bool,
}

impl Retained {
    /// Compares all previous tables with their successors.
    pub(crate) fn all(from: &Side<'_>, to: &Side<'_>, pairing: &Pairing) -> Vec<Self> {
        let comparison = Comparison { from, to, pairing };
        from.tables
            .iter()
            .enumerate()
            .map(|(origin, was)| comparison.retained(origin, was))
            .collect()
    }
}

struct Comparison<'l, 'a> {
    from: &'l Side<'a>,
    to: &'l Side<'a>,
    pairing: &'l Pairing,
}

impl<'l> Comparison<'l, '_> {
    fn retained(&self, origin: usize, was: &TableDef<'_>) -> Retained {
        let none = || Retained {
            checks: vec![None; was.checks.len()],
            indexes: vec![None; was.indexes.len()],
            foreign_keys: vec![None; was.foreign_keys.len()],
            policy: false,
        };
        let Some(at) = self.pairing.targets.get(origin).copied().flatten() else { return none() };
        let Some(is) = self.to.tables.get(at) else { return none() };
        let checks = was.checks.iter().map(|check| {
            let column = self.unchanged(origin, was, check.column)?;
            is.checks.iter().position(|now| now.column == column && now.rule == check.rule)
        });
        let indexes = was.indexes.iter().map(|index| {
            let columns: Vec<&str> = index
                .columns
                .iter()
                .map(|column| self.renamed(origin, was, column))
                .collect::<Option<_>>()?;
            let is_same = |now: &super::super::table_defs::IndexDef<'_>| {
                now.columns == columns && now.method == index.method && now.unique == index.unique
            };
            is.indexes.iter().position(is_same)
        });
        let foreign_keys = was.foreign_keys.iter().map(|key| {
            let column = self.unchanged(origin, was, key.column)?;
            let target = self.pairing.targets.get(key.target).copied().flatten()?;
            is.foreign_keys.iter().position(|now| now.column == column && now.target == target)
        });
        let policy =
            was.predicate.as_ref().and_then(|predicate| self.translated(origin, was, predicate));
        Retained {
            checks: checks.collect(),
            indexes: indexes.collect(),
            foreign_keys: foreign_keys.collect(),
            policy: policy.is_some() && policy == is.predicate,
        }
    }

    /// Returns the new name of a column that is retained.
    fn renamed(&self, table: usize, was: &TableDef<'_>, column: &str) -> Option<&'l str> {
        let at = was.columns.iter().position(|known| known.name == column)?;
        self.pairing.column(self.to, table, at)
    }

    /// Returns the new name of a column that is retained with its type.
    fn unchanged(&self, table: usize, was: &TableDef<'_>, column: &str) -> Option<&'l str> {
        let at = was.columns.iter().position(|known| known.name == column)?;
        let target = self.pairing.targets.get(table).copied().flatten()?;
        let columns = self.pairing.columns.get(target)?;
        let now = columns.targets.get(at).copied().flatten()?;
        let is_kept = matches!(columns.origins.get(now)?, Some((_, Conversion::Unchanged)));
        is_kept.then(|| self.pairing.column(self.to, table, at)).flatten()
    }

    /// Returns a policy with the new names, or `None` if it cannot be retained.
    fn translated(
        &self,
        table: usize,
        was: &TableDef<'_>,
        predicate: &Predicate<'_>,
    ) -> Option<Predicate<'l>> {
        let own = |column: &Ident<'_>| self.unchanged(table, was, column.as_str()).map(Ident::new);
        match predicate {
            Predicate::Column(column) => Some(Predicate::Column(own(column)?)),
            Predicate::Parent { local_key, parent, key, owner } => {
                let local_key = own(local_key)?;
                let Some(origin) = self.from.position(parent.as_str()) else {
                    // A table that the schema does not have keeps its name.
                    let unchanged_name = |name: &Ident<'_>| Ident::new(name.as_str().to_owned());
                    let (key, owner) = (unchanged_name(key), owner.as_ref().map(unchanged_name));
                    return Some(Predicate::Parent {
                        local_key,
                        parent: unchanged_name(parent),
                        key,
                        owner,
                    });
                };
                let known = self.from.tables.get(origin)?;
                let target = self.pairing.targets.get(origin).copied().flatten()?;
                let parent = self.to.tables.get(target)?;
                let has = |table: &TableDef<'_>, name: &str| {
                    table.columns.iter().any(|column| column.name == name)
                };
                let theirs = |column: &Ident<'_>| match column.as_str() {
                    // A column that neither schema has keeps its name.
                    name if !has(known, name) && !has(parent, name) => {
                        Some(Ident::new(name.to_owned()))
                    }
                    name => self.unchanged(origin, known, name).map(Ident::new),
                };
                let parent = Ident::new(parent.table.name.as_str());
                let owner = match owner {
                    Some(owner) => Some(theirs(owner)?),
                    None => None,
                };
                Some(Predicate::Parent { local_key, parent, key: theirs(key)?, owner })
            }
        }
    }
}
