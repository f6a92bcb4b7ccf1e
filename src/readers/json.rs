//! JSON documents, and files with one document a line.

pub mod notation;
pub mod object;
pub mod records;
pub mod scan;
