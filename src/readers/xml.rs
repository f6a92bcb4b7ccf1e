//! XML documents and Atom feeds.

pub mod document;
pub mod records;
pub mod search;
pub mod shape;
pub mod tree;
