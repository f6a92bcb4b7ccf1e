//! Tables that share their declarations: which of them a declared column belongs to.

use std::sync::OnceLock;

use super::{Basis, Table};
use crate::data::DataError;
use crate::rules::Rules;
use crate::rules::csv::CsvOptions;
use crate::say::nearest;
use crate::source::{Format, Staged};

/// Declared columns for which the nearest name in the data is looked for.
const MOST_GUESSES: usize = 5;

impl Rules {
    /// Says what has no effect on these files.
    pub fn notice_unused(&self, staged: &[Staged]) -> Option<String> {
        let mut files = staged.iter().flat_map(|staged| &staged.files);
        let is_csv = files.any(|file| matches!(file.format, Format::Csv | Format::Tsv));
        (self.csv != CsvOptions::default() && !is_csv)
            .then(|| String::from("`csv` has no effect: none of the files holds separated values"))
    }
}

impl Table {
    /// Reads every row of every staged file, finds the records, decides columns and types.
    ///
    /// Memory does not grow with the number of rows. A table may have no columns, if no row and no rule has one.
    pub fn read(staged: &Staged, rules: &Rules) -> Result<Table, DataError> {
        let mut table = Table::surveyed(staged, rules)?;
        table.tell_absent();
        Ok(table)
    }

    /// Reads some of the first rows and assumes that the others are like them, which
    /// [`Table::for_each_row`] then finds out.
    ///
    /// A small table is read completely, as is one whose first rows are not in order.
    pub fn read_first(staged: &Staged, rules: &Rules, n_rows: u64) -> Result<Table, DataError> {
        let assumed = Table::assumed(staged, rules, n_rows)?;
        let Some(mut table) = assumed else {
            return Table::read(staged, rules);
        };
        table.tell_absent();
        Ok(table)
    }

    /// Returns the table as all its rows want it, which a walk over them has found out; without one it takes one.
    pub fn settle(self) -> Result<Table, DataError> {
        match (self.basis, self.settled.into_inner()) {
            (Basis::FirstRows, Some(settled)) => settled.map(|table| *table),
            (Basis::FirstRows, None) => Table::read(&self.staged, &self.rules),
            (Basis::AllRows, _) => Ok(Table {
                settled: OnceLock::new(),
                ..self
            }),
        }
    }

    /// Reads several tables; a declared column that only some of them have is none of the others.
    ///
    /// One that none of them has is a column of the first.
    pub fn read_all(staged: &[Staged], rules: &Rules) -> Result<Vec<Table>, DataError> {
        let read = staged.iter().map(|staged| Table::surveyed(staged, rules));
        let mut tables = read.collect::<Result<Vec<Table>, DataError>>()?;
        let has = |table: &Table, name: &str| {
            let mut columns = table.columns.iter();
            columns.any(|column| column.name == name) && !table.absent.iter().any(|n| n == name)
        };
        let elsewhere: Vec<Vec<String>> = tables
            .iter()
            .enumerate()
            .map(|(index, table)| {
                let absent = table
                    .absent
                    .iter()
                    .filter(|name| index > 0 || tables.iter().any(|other| has(other, name)));
                // Which of them an empty answer would have had, nobody knows.
                let is_known = table.absent.len() + table.system.len() < table.columns.len();
                absent.filter(|_| is_known).cloned().collect()
            })
            .collect();
        for (table, names) in tables.iter_mut().zip(elsewhere) {
            table.forget(names);
            table.tell_absent();
        }
        Ok(tables)
    }

    /// Leaves out columns that are only declared.
    pub(crate) fn forget(&mut self, names: Vec<String>) {
        for name in &names {
            let Some(at) = self.columns.iter().position(|column| column.name == *name) else {
                continue;
            };
            self.columns.remove(at);
            for target in &mut self.targets {
                *target = match *target {
                    Some(index) if index == at => None,
                    Some(index) if index > at => Some(index - 1),
                    same => same,
                };
            }
        }
        self.absent.retain(|name| !names.contains(name));
        self.forgotten = names;
    }

    pub(crate) fn tell_absent(&mut self) {
        if self.absent.is_empty() {
            return;
        }
        let names = crate::say::listed(self.absent.iter().map(String::as_str));
        let mut notice = format!("declared in `columns` but not in the data, so null: {names}");
        let meant = self.absent.iter().take(MOST_GUESSES).filter_map(|name| {
            let there = self.columns.iter().map(|column| column.name.as_str());
            let near = nearest(
                name,
                there.filter(|other| !self.absent.iter().any(|n| n == other)),
            )?;
            Some(format!("`{near}` for `{name}`"))
        });
        let meant: Vec<String> = meant.collect();
        if !meant.is_empty() {
            notice.push_str("; did you mean ");
            notice.push_str(&meant.join(", "));
            notice.push('?');
        }
        self.notices.push(crate::say::harmless(notice));
    }
}
