//! Names in the engine: of the schema and the tables, and how names and texts are written in its SQL.

/// Tableau Server up to 2019.4 takes no other schema, and workbooks remember it.
pub const SCHEMA: &str = "Extract";
/// Name of the staged table in the user's SQL, unless `source` names tables.
pub const INPUT: &str = "input";
/// Alias of the file being built.
pub(super) const RESULT: &str = "result";

/// Name of the table inside the extract: not blank, no NUL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableName(String);

impl TableName {
    /// Takes any name the engine takes: at least one character, no NUL.
    pub fn parse(text: &str) -> Result<TableName, String> {
        if text.trim().is_empty() {
            return Err("the name is blank".into());
        }
        if text.chars().any(char::is_control) {
            return Err("the name contains a control character".into());
        }
        Ok(TableName(text.to_owned()))
    }

    /// Returns the name of the table in the file being built, qualified and quoted.
    pub(super) fn qualified(&self) -> String {
        format!("\"{RESULT}\".\"{SCHEMA}\".{}", quote(&self.0))
    }

    /// Returns the name unquoted.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Quotes an identifier or a path for Hyper SQL.
pub(super) fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Quotes a text for Hyper SQL.
pub(super) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
