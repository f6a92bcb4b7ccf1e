//! XML documents and Atom feeds.

pub mod records;
pub mod shape;
pub mod tree;
