//! The parts of a table that a migration retains: checks, indexes, keys and the policy that mean
//! the same before and after.

use super::super::ddl::Predicate;
use super::super::names::Ident;
use super::super::table_defs::{ForeignKeyDef, TableDef};
use super::casts::Conversion;
use super::pairing::{Pairing, Side};

/// The retained objects of a previous table: for each, its index in the next table.
#[derive(Debug)]
pub(crate) struct Retained {
    pub(crate) checks: Vec<Option<usize>>,
    pub(crate) indexes: Vec<Option<usize>>,
    pub(crate) foreign_keys: Vec<ForeignKeyFate>,
    pub(crate) key: KeyFate,
    /// Whether the policy means the same.
    pub(crate) policy: bool,
}

/// The effect of a migration on a primary key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyFate {
    /// It is kept, or dropped with its table.
    Kept,
    /// It gets more columns. The new key is built while the old one is in place.
    Extended,
    /// It is dropped in the transaction, which then adds another one.
    Replaced,
}

/// The effect of a migration on a foreign key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ForeignKeyFate {
    /// It becomes the foreign key at this index.
    Kept(usize),
    /// It is dropped when the key that it refers to is extended.
    Swapped,
    /// It is dropped in the transaction.
    Dropped,
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
            foreign_keys: vec![ForeignKeyFate::Dropped; was.foreign_keys.len()],
            key: KeyFate::Kept,
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
                now.columns == columns
                    && now.by_bytes == index.by_bytes
                    && now.method == index.method
                    && now.unique == index.unique
            };
            is.indexes.iter().position(is_same)
        });
        let foreign_keys = was
            .foreign_keys
            .iter()
            .map(|key| self.foreign_key(origin, (was, is), key).unwrap_or(ForeignKeyFate::Dropped));
        let policy =
            was.predicate.as_ref().and_then(|predicate| self.translated(origin, was, predicate));
        Retained {
            checks: checks.collect(),
            indexes: indexes.collect(),
            foreign_keys: foreign_keys.collect(),
            key: self.key(origin, was, is),
            policy: policy.is_some() && policy == is.predicate,
        }
    }

    /// Returns what happens to the primary key of a retained table.
    fn key(&self, origin: usize, was: &TableDef<'_>, is: &TableDef<'_>) -> KeyFate {
        let stays = |column: &&str| self.unchanged(origin, was, column);
        match was.key.iter().map(stays).collect::<Option<Vec<_>>>() {
            Some(columns) if columns == is.key => KeyFate::Kept,
            Some(columns) if columns.iter().all(|column| is.key.contains(column)) => {
                KeyFate::Extended
            }
            _ => KeyFate::Replaced,
        }
    }

    fn foreign_key(
        &self,
        origin: usize,
        (was, is): (&TableDef<'_>, &TableDef<'_>),
        key: &ForeignKeyDef<'_>,
    ) -> Option<ForeignKeyFate> {
        let column = self.unchanged(origin, was, key.column)?;
        let target = self.pairing.targets.get(key.target).copied().flatten()?;
        let same = |now: &ForeignKeyDef<'_>| now.column == column && now.target == target;
        let at = is.foreign_keys.iter().position(same)?;
        let (there, now) = (self.from.tables.get(key.target)?, is.foreign_keys.get(at)?);
        let unchanged = |table: usize, of: &TableDef<'_>, columns: Vec<&str>| {
            columns.iter().map(|name| self.unchanged(table, of, name)).collect::<Option<Vec<_>>>()
        };
        match self.key(key.target, there, self.to.tables.get(target)?) {
            KeyFate::Kept
                if unchanged(origin, was, key.columns()) == Some(now.columns())
                    && unchanged(key.target, there, key.target_columns())
                        == Some(now.target_columns()) =>
            {
                Some(ForeignKeyFate::Kept(at))
            }
            // Under another name, it might be in the way of a renamed constraint.
            KeyFate::Extended if was.table.name == is.table.name && key.name == now.name => {
                Some(ForeignKeyFate::Swapped)
            }
            _ => None,
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
