//! How a file of separated values is written, once that is known.

use crate::rules::csv::Quote;

/// What the fields of a file are separated by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Dialect {
    pub(crate) delimiter: u8,
    pub(crate) quote: Quote,
    /// Lines before the header.
    pub(crate) n_before: u64,
}
