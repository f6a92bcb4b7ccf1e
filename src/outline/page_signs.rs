//! What in a JSON document says that it is one page of several.

use std::io::Read;

use super::member::OutlineMember;
use crate::data::path::{RecordsPath, Step, pointer};
use crate::readers::json::scan::Scanner;
use crate::readers::position::DataProblem;
use crate::say::quoted;
use crate::source::StagedFile;

/// Keys whose value, if there is one, leads to another page.
const NEXT_KEYS: [&str; 11] = [
    "next",
    "nextpage",
    "nexturl",
    "nextpageurl",
    "nextlink",
    "nexthref",
    "nextcursor",
    "nextpagetoken",
    "nexttoken",
    "endcursor",
    "continuationtoken",
];

/// Keys whose `true` says that there is another page.
const MORE_KEYS: [&str; 5] = ["hasmore", "hasnext", "hasnextpage", "more", "morepages"];

/// Keys whose value is the number of all rows.
const TOTAL_KEYS: [&str; 7] = [
    "total",
    "totalcount",
    "totalresults",
    "totalitems",
    "totalrecords",
    "totalrows",
    "count",
];

/// Objects that hold such keys.
const ABOUT_PAGES: [&str; 12] = [
    "meta",
    "metadata",
    "page",
    "paging",
    "pagination",
    "pageinfo",
    "links",
    "_links",
    "cursor",
    "cursors",
    "responsemetadata",
    "info",
];

/// Finds out why a document looks like one page of several.
///
/// What tells it stands in the root object, or beside the rows on the way to `path`, or in an object there that is
/// about pages. Without the number of `rows` no total is compared.
pub(crate) fn find(
    page: &StagedFile,
    marks: &[OutlineMember],
    path: &RecordsPath,
    rows: Option<u64>,
) -> Result<Option<String>, DataProblem> {
    let mut sign = None;
    for mark in marks {
        let Some((_, parent)) = mark.path.split_last() else {
            continue;
        };
        let is_object = mark.first == b'{' && is_of_pages(mark.path.last());
        if is_object && path.steps.starts_with(outside(parent)) {
            let mut scanner = mark.open(page)?;
            scanner.begin()?;
            scanner.object(|scanner, inner| {
                let mut steps = mark.path.clone();
                steps.push(Step::Key(inner));
                judge(scanner, &steps, rows, &mut sign)
            })?;
        } else if mark.first != b'[' && !is_object && path.steps.starts_with(parent) {
            judge(&mut mark.open(page)?, &mark.path, rows, &mut sign)?;
        }
    }
    Ok(sign)
}

fn is_of_pages(step: Option<&Step>) -> bool {
    matches!(step, Some(Step::Key(key)) if ABOUT_PAGES.contains(&simple(key).as_str()))
}

/// The part of a path that is in no object about pages.
fn outside(path: &[Step]) -> &[Step] {
    let inside = path.iter().rev().take_while(|step| is_of_pages(Some(step)));
    &path[..path.len() - inside.count()]
}

/// Whether what a key leads to may tell of other pages.
pub(crate) fn is_about_pages(key: &str) -> bool {
    let name = simple(key);
    let name = name.as_str();
    name == "next"
        || ABOUT_PAGES.contains(&name)
        || NEXT_KEYS.contains(&name)
        || MORE_KEYS.contains(&name)
        || TOTAL_KEYS.contains(&name)
}

fn judge<R: Read>(
    scanner: &mut Scanner<R>,
    steps: &[Step],
    rows: Option<u64>,
    sign: &mut Option<String>,
) -> Result<(), DataProblem> {
    let Some(Step::Key(key)) = steps.last() else {
        return scanner.pass();
    };
    let name = simple(key);
    let first = scanner.begin()?;
    let is_scalar = !matches!(first, b'[' | b'{');
    // JSON:API and HAL links are objects.
    if first == b'{' && name == "next" {
        sign.get_or_insert_with(|| format!("{} is set", quoted(&pointer(steps))));
    }
    if !is_scalar {
        return scanner.pass();
    }
    let range = scanner.value()?;
    let (text, _) = scanner.text(&range)?;
    let number: Option<u64> = text.trim_matches('"').parse().ok();
    let is_set = !matches!(text, "null" | "false" | "\"\"" | "0" | "\"0\"");
    let place = quoted(&pointer(steps));
    if NEXT_KEYS.contains(&name.as_str()) && is_set {
        sign.get_or_insert_with(|| format!("{place} is set"));
    } else if MORE_KEYS.contains(&name.as_str()) && text == "true" {
        sign.get_or_insert_with(|| format!("{place} is true"));
    } else if let (true, Some(total), Some(rows)) =
        (TOTAL_KEYS.contains(&name.as_str()), number, rows)
        && total > rows
    {
        let came = if rows == 1 { "row came" } else { "rows came" };
        sign.get_or_insert_with(|| format!("{place} says {total} where {rows} {came}"));
    }
    Ok(())
}

/// `has_more`, `hasMore` and `HAS-MORE` are one word; a leading `_` stays for `_links`.
fn simple(key: &str) -> String {
    let start = usize::from(key.starts_with('_'));
    let letters = key[start..].chars().filter(char::is_ascii_alphanumeric);
    let letters: String = letters.map(|c| c.to_ascii_lowercase()).collect();
    format!("{}{letters}", &key[..start])
}
