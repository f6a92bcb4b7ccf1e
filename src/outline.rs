//! Documents seen from afar: where their rows may be, and what they say of further pages.

pub mod feed;
pub mod lists;
pub mod markup;
pub mod member;
pub mod page;
pub mod page_signs;
pub mod rows;
pub mod xml_rows;
