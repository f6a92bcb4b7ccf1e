//! Tables that share their declarations: which of them a declared column belongs to.

use super::{CsvOptions, DataError, Rules, Table, place};
use crate::source::{Format, Staged};

impl Table {
    /// Pass 1: reads every row of every staged file, finds the records, decides columns and types.
    ///
    /// Memory does not grow with the number of rows. A table may have no columns, if no row and no rule has one.
    pub fn read(staged: &Staged, rules: &Rules) -> Result<Table, DataError> {
        let mut table = Table::surveyed(staged, rules)?;
        table.tell_absent();
        Ok(table)
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
        let mut files = staged.iter().flat_map(|staged| &staged.files);
        let is_csv = files.any(|file| matches!(file.format, Format::Csv | Format::Tsv));
        if let Some(first) = tables.first_mut()
            && rules.csv != CsvOptions::default()
            && !is_csv
        {
            let notice = "`csv` has no effect: none of the files holds separated values";
            first.notices.push(String::from(notice));
        }
        for (table, names) in tables.iter_mut().zip(elsewhere) {
            table.forget(&names);
            table.tell_absent();
        }
        Ok(tables)
    }

    /// Leaves out columns that are only declared.
    fn forget(&mut self, names: &[String]) {
        for name in names {
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
    }

    fn tell_absent(&mut self) {
        if !self.absent.is_empty() {
            let names = place::listed(self.absent.iter().map(String::as_str));
            self.notices.push(place::harmless(format!(
                "declared in `columns` but not in the data, so null: {names}"
            )));
        }
    }
}
