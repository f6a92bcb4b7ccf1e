//! From what values look like to the one type of their column, and the values in it.

pub mod cast;
pub mod edm;
pub mod fast_path;
pub mod flatten;
pub mod infer;
pub mod key_plan;
pub mod layout;
pub mod odata;
pub mod profile;
pub mod projection;
pub mod remedy;
pub mod row;
