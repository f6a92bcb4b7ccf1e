//! Assuming the types of a large table by its first rows, until all rows have confirmed or contradicted them.
//!
//! Nearly all tables are as their first rows are, so most files are taken apart only once: while they are converted,
//! every value is noted as well, and at the end the columns that all rows want are compared with the assumed ones.

use std::fmt;
use std::sync::OnceLock;

use crate::data::DataError;

/// Which rows have decided the columns of a table.
#[derive(Debug)]
pub(crate) enum Basis<T> {
    /// All of them.
    AllRows,
    /// Only the first: the columns are assumed. A walk over all rows leaves here what they came to.
    FirstRows(OnceLock<Result<Box<T>, DataError>>),
}

/// A later row does not agree with the columns that the first rows gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Contradicted;

impl fmt::Display for Contradicted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a later row has other types than the first rows")
    }
}

impl std::error::Error for Contradicted {}

/// What all rows say of columns that were assumed.
pub(crate) enum Confirmation<T> {
    /// The rows are as they were converted.
    Confirmed(T),
    /// They are as this table has them.
    Contradicted(T),
}

impl<T> Basis<T> {
    /// Assumed columns of which nobody knows yet whether they are right.
    pub(crate) fn first_rows() -> Basis<T> {
        Basis::FirstRows(OnceLock::new())
    }

    /// Returns the table that all rows want, once it is known.
    pub(crate) fn known<'t>(&'t self, own: &'t T) -> Option<&'t T> {
        match self {
            Basis::AllRows => Some(own),
            Basis::FirstRows(found) => found.get()?.as_deref().ok(),
        }
    }

    /// Remembers what all rows came to; fails if the rows that were converted do not count.
    pub(crate) fn conclude(
        &self,
        found: Result<Confirmation<T>, DataError>,
    ) -> Result<(), Contradicted> {
        let Basis::FirstRows(place) = self else {
            return Ok(());
        };
        let (found, outcome) = match found {
            Ok(Confirmation::Confirmed(table)) => (Ok(Box::new(table)), Ok(())),
            Ok(Confirmation::Contradicted(table)) => (Ok(Box::new(table)), Err(Contradicted)),
            // Its place is known best by whom nothing but the types concerns.
            Err(error) => (Err(error), Err(Contradicted)),
        };
        // The first walk over all rows has said it already.
        drop(place.set(found));
        outcome
    }
}
