//! Inputs that say what must hold: `min-rows`, `key`, `checks`.

use super::lines;
use super::problems::InputProblems;
use super::raw::Raw;
use super::words::count;
use crate::guards::{Check, Guards, Key};

/// Reads what must hold.
pub(super) fn guards(raw: &Raw, problems: &mut InputProblems) -> Guards {
    let checks = lines::entries(raw, "checks", problems)
        .into_iter()
        .filter_map(|entry| {
            let check = Check::parse(entry.text);
            problems.take("checks", Some(check.map_err(|problem| entry.says(problem))))
        })
        .collect();
    let names = lines::entries(raw, "key", problems);
    let names = names.iter().map(|entry| (entry.number, entry.text));
    let key = raw.get("key").filter(|_| !problems.has("key"));
    let key = key.map(|_| Key::parse(names));
    Guards {
        min_rows: problems
            .take("min-rows", raw.get("min-rows").map(count))
            .unwrap_or(1),
        key: problems.take("key", key),
        checks,
    }
}
