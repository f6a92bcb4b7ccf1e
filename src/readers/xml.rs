//! XML documents and Atom feeds.

pub mod atom;
pub mod document;
pub mod json;
pub mod records;
pub mod search;
pub mod shape;
pub mod tree;
