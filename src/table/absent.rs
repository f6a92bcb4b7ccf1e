//! Declared columns that the data does not have.

use crate::data::Column;
use crate::say::{harmless, listed, nearest};

/// Declared columns for which the nearest name in the data is looked for.
const MOST_GUESSES: usize = 5;

/// What is declared and not there.
#[derive(Clone, Debug, Default)]
pub(crate) struct Absent {
    /// Names of columns that are null in every row.
    pub(crate) names: Vec<String>,
    /// Names that are columns of other tables, and none of this one.
    pub(crate) dropped: Vec<String>,
}

impl Absent {
    pub(crate) fn new(names: Vec<String>) -> Absent {
        Absent {
            names,
            dropped: Vec::new(),
        }
    }

    /// Takes note that the columns with these names are none of this table.
    pub(crate) fn drop_names(&mut self, names: Vec<String>) {
        self.names.retain(|name| !names.contains(name));
        self.dropped = names;
    }

    /// Says what is missing, and which column may have been meant.
    pub(crate) fn notice(&self, columns: &[Column]) -> Option<String> {
        if self.names.is_empty() {
            return None;
        }
        let names = listed(self.names.iter().map(String::as_str));
        let mut notice = format!("declared in `columns` but not in the data, so null: {names}");
        let meant = self.names.iter().take(MOST_GUESSES).filter_map(|name| {
            let there = columns.iter().map(|column| column.name.as_str());
            let near = nearest(
                name,
                there.filter(|other| !self.names.iter().any(|n| n == other)),
            )?;
            Some(format!("`{near}` for `{name}`"))
        });
        let meant: Vec<String> = meant.collect();
        if !meant.is_empty() {
            notice.push_str("; did you mean ");
            notice.push_str(&meant.join(", "));
            notice.push('?');
        }
        Some(harmless(notice))
    }
}
