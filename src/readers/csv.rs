//! Files of separated values.

pub mod dialect;
pub mod quotes;
pub mod records;
pub mod trim;
