//! Records of every notation, taken apart: each value goes to the column of its name.

pub mod json;
pub mod xml;
