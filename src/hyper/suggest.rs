//! Which column was meant.

use super::names::quote;
use crate::say;

/// Names the column of the result that `name` was meant to be, or those there are.
pub fn suggest_column(name: &str, names: &[&str]) -> String {
    nearest(name, names).unwrap_or_else(|| {
        let listed = say::listed(names.iter().copied());
        format!("the columns of the result are {listed}")
    })
}

/// Asks whether the most similar column was meant, if one is similar, in the spelling that SQL needs.
///
/// Unquoted names are folded to lower case, so `createdAt` must be quoted to be found.
pub(super) fn nearest(name: &str, names: &[&str]) -> Option<String> {
    let lower = name.to_lowercase();
    if let Some(same) = names.iter().find(|other| other.to_lowercase() == lower) {
        return Some(format!(
            "did you mean `{}`? In SQL, quote names with capitals, dots or blanks",
            quote(same)
        ));
    }
    let nearest = say::nearest(name, names.iter().copied())?;
    Some(format!("did you mean `{}`?", quote(nearest)))
}
