//! Typed data: what the staged files hold, as columns with one type each.
//!
//! All rows decide the types. Of a large table the first rows only assume them; all rows then confirm that while
//! they are converted, or contradict it, and the conversion starts over with the right types.
//! Nothing here touches the network, and nothing is async.

mod absent;
mod fields;
mod pass;
mod records;
mod speculate;
#[cfg(test)]
mod tests;
mod walk;

pub use speculate::Contradicted;

use arrow_array::RecordBatch;

use crate::columnar::{self, Columnar};
use crate::data::batch::BatchBuilder;
use crate::data::{Column, DataError};
use crate::rules::Rules;
use crate::rules::csv::CsvOptions;
use crate::source::{Family, Staged};
use records::Records;

/// All rows of all staged files, united by column name; they stay in the files.
///
/// Columns come in the order in which the data first has them, declared ones that it lacks behind those, then the
/// system columns.
#[derive(Debug)]
pub enum Table {
    /// Records without types of their own; which these have is decided by their values.
    Records(Box<Records>),
    /// Files whose columns have types.
    Columnar(Columnar),
}

impl Table {
    /// Reads every row of every staged file, finds the records, decides columns and types.
    ///
    /// Memory does not grow with the number of rows. A table may have no columns, if no row and no rule has one.
    pub fn read(staged: &Staged, rules: &Rules) -> Result<Table, DataError> {
        if columnar::is_any(staged) {
            return columnar::read(staged, rules).map(Table::Columnar);
        }
        let mut records = Records::read(staged, rules)?;
        records.tell_absent();
        Ok(Table::Records(Box::new(records)))
    }

    /// Reads some of the first rows and assumes that the others are like them, which
    /// [`Table::for_each_batch`] then finds out.
    ///
    /// A small table is read completely, as is one whose first rows are not in order.
    pub fn read_first(staged: &Staged, rules: &Rules, n_rows: u64) -> Result<Table, DataError> {
        if columnar::is_any(staged) {
            return columnar::read(staged, rules).map(Table::Columnar);
        }
        let Some(mut records) = Records::assume(staged, rules, n_rows)? else {
            return Table::read(staged, rules);
        };
        records.tell_absent();
        Ok(Table::Records(Box::new(records)))
    }

    /// Reads several tables; a declared column that only some of them have is none of the others.
    ///
    /// One that none of them has is a column of the first.
    pub fn read_all(staged: &[Staged], rules: &Rules) -> Result<Vec<Table>, DataError> {
        let read = staged.iter().map(|staged| {
            Ok(if columnar::is_any(staged) {
                Table::Columnar(columnar::read(staged, rules)?)
            } else {
                Table::Records(Box::new(Records::read(staged, rules)?))
            })
        });
        let mut tables = read.collect::<Result<Vec<Table>, DataError>>()?;
        let elsewhere: Vec<Vec<String>> = (0..tables.len())
            .map(|index| declared_elsewhere(&tables, index))
            .collect();
        for (table, names) in tables.iter_mut().zip(elsewhere) {
            if let Table::Records(records) = table {
                records.drop_declared(names);
                records.tell_absent();
            }
        }
        Ok(tables)
    }

    /// Returns the table as all its rows want it, which a walk over them has found out; without one it takes one.
    pub fn confirm(self) -> Result<Table, DataError> {
        Ok(match self {
            Table::Records(records) => Table::Records(Box::new(records.confirm()?)),
            columnar @ Table::Columnar(_) => columnar,
        })
    }

    /// Returns the name by which the user's SQL calls it.
    pub fn name(&self) -> &str {
        match self {
            Table::Records(records) => records.name(),
            Table::Columnar(columnar) => columnar.name(),
        }
    }

    /// Returns the columns; values of a row come in this order.
    pub fn columns(&self) -> &[Column] {
        match self {
            Table::Records(records) => &records.projection.columns,
            Table::Columnar(columnar) => columnar.columns(),
        }
    }

    /// Returns the number of rows; unknown until all of them have been seen.
    pub fn rows(&self) -> Option<u64> {
        match self {
            Table::Records(records) => records.known().map(|records| records.rows),
            Table::Columnar(columnar) => Some(columnar.rows()),
        }
    }

    /// Returns what a careful person may want to know: decisions about rows, columns and types; unknown until
    /// all rows have been seen.
    pub fn notices(&self) -> Option<&[String]> {
        match self {
            Table::Records(records) => records.known().map(|records| records.notices.as_slice()),
            Table::Columnar(columnar) => Some(columnar.notices()),
        }
    }

    /// Returns the number of rows that have decided the columns.
    pub fn rows_read(&self) -> u64 {
        match self {
            Table::Records(records) => records.rows,
            Table::Columnar(columnar) => columnar.rows(),
        }
    }

    /// Returns the files whose columns have types, if it consists of such.
    pub fn columnar(&self) -> Option<&Columnar> {
        match self {
            Table::Records(_) => None,
            Table::Columnar(columnar) => Some(columnar),
        }
    }

    /// Converts every row, in the same order; `sink` gets batches of about `n_bytes` bytes, with the schema of
    /// [`crate::data::batch::schema`].
    ///
    /// Fails if `sink` does, if a file has changed since its columns were decided, or if these were assumed and
    /// are [`Contradicted`]: then no row that `sink` got counts.
    pub fn for_each_batch<E>(
        &self,
        n_bytes: usize,
        mut sink: impl FnMut(RecordBatch) -> Result<(), E>,
    ) -> Result<(), E>
    where
        E: From<DataError> + From<Contradicted> + From<anyhow::Error>,
    {
        let records = match self {
            Table::Records(records) => records,
            Table::Columnar(columnar) => {
                let mut parts = columnar.parts().iter();
                return parts.try_for_each(|part| {
                    part.for_each_batch(columnar.columns(), n_bytes, &mut sink)
                });
            }
        };
        let mut builder = BatchBuilder::new(self.columns());
        records.for_each_row(|row| {
            builder.push(row)?;
            if builder.n_bytes() < n_bytes {
                return Ok(());
            }
            builder.take()?.map_or(Ok(()), &mut sink)
        })?;
        builder.take()?.map_or(Ok(()), &mut sink)
    }
}

/// Returns the declared columns that a table lacks and that are those of others; which of them an empty answer
/// would have had, nobody knows.
fn declared_elsewhere(tables: &[Table], index: usize) -> Vec<String> {
    let Table::Records(records) = &tables[index] else {
        return Vec::new();
    };
    let has = |table: &Table, name: &str| {
        let mut columns = table.columns().iter();
        let is_absent = match table {
            Table::Records(records) => records.absent.names.iter().any(|n| n == name),
            Table::Columnar(_) => false,
        };
        columns.any(|column| column.name == name) && !is_absent
    };
    let absent = &records.absent.names;
    let projection = &records.projection;
    if absent.len() + projection.system.len() >= projection.columns.len() {
        return Vec::new();
    }
    let elsewhere = absent
        .iter()
        .filter(|name| index > 0 || tables.iter().any(|other| has(other, name)));
    elsewhere.cloned().collect()
}

/// Says which of the rules has no effect on these files.
pub fn notice_unused(rules: &Rules, staged: &[Staged]) -> Option<String> {
    let mut files = staged.iter().flat_map(|staged| &staged.files);
    let is_csv = files.any(|file| matches!(file.format.family(), Family::Separated(_)));
    (rules.csv != CsvOptions::default() && !is_csv)
        .then(|| String::from("`csv` has no effect: none of the files holds separated values"))
}
