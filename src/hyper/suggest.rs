//! Which column was meant.

use super::names::quote;

/// Columns that a message lists.
const LISTED: usize = 40;

/// Names the column of the result that `name` was meant to be, or those there are.
pub fn suggest(name: &str, names: &[&str]) -> String {
    nearest(name, names).unwrap_or_else(|| {
        let shown: Vec<String> = names
            .iter()
            .take(LISTED)
            .map(|name| format!("`{name}`"))
            .collect();
        format!("the columns of the result are {}", shown.join(", "))
    })
}

/// Unquoted names are folded to lower case, so `createdAt` must be quoted to be found.
pub(super) fn nearest(name: &str, names: &[&str]) -> Option<String> {
    let lower = name.to_lowercase();
    if let Some(same) = names.iter().find(|other| other.to_lowercase() == lower) {
        return Some(format!(
            "did you mean `{}`? In SQL, quote names with capitals, dots or blanks",
            quote(same)
        ));
    }
    let likeness = |other: &str| strsim::jaro_winkler(&other.to_lowercase(), &lower);
    let nearest = names
        .iter()
        .map(|other| (likeness(other), other))
        .max_by(|(a, _), (b, _)| a.total_cmp(b))?;
    (nearest.0 > 0.8).then(|| format!("did you mean `{}`?", quote(nearest.1)))
}
