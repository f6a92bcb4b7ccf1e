//! Files of separated values.

pub mod dialect;
pub mod quotes;
pub mod records;
pub mod sniff;
pub mod trim;
