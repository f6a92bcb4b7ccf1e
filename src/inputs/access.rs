//! `headers` and `auth`: for all sources, or in blocks by source where those lie on several servers.
//!
//! What is meant for one server must never reach another, so nothing is handed to several by itself.

use std::collections::BTreeSet;

use super::auth::credentials;
use super::lines::entries;
use super::problems::InputProblems;
use super::raw::Raw;
use super::words::{Entry, did_you_mean, pairs};
use crate::http::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use crate::hyper::INPUT;
use crate::secrets;
use crate::source::{Access, Location, TableSource};

/// The line between two blocks.
const RULE: &str = "---";
/// The only line in the block of a source that gets nothing.
const NONE: &str = "none";

/// The lines for one source.
struct Block<'a> {
    name: &'a str,
    /// Line of the name.
    number: usize,
    entries: &'a [Entry<'a>],
}

/// Reads both inputs; what is written in blocks goes to the tables, the rest is returned and goes to all.
pub(super) fn access(
    raw: &Raw,
    tables: &mut [TableSource],
    problems: &mut InputProblems,
) -> Access {
    let mut common = Access::default();
    let mut own: Vec<Access> = tables.iter().map(|_| Access::default()).collect();
    let mut has_blocks = false;
    for input in ["headers", "auth"] {
        let entries = entries(raw, input, problems);
        if is_in_blocks(&entries, tables) {
            has_blocks = true;
            for (index, block) in assign(input, &entries, tables, problems) {
                read(input, block.entries, &mut own[index], problems);
            }
        } else if let Some(problem) = for_several(input, &entries, tables) {
            problems.add(input, problem);
        } else {
            let mut given = Access::default();
            read(input, &entries, &mut given, problems);
            for access in own.iter_mut().chain([&mut common]) {
                access.headers.extend(given.headers.clone());
                access.auth = access.auth.take().or(given.auth.clone());
            }
        }
    }
    if has_blocks {
        for (table, access) in tables.iter_mut().zip(own) {
            check(&access, problems);
            table.access = Some(access);
        }
        return Access::default();
    }
    check(&common, problems);
    common
}

/// Whether something is carried that others must not read on the way.
pub(super) fn carries_secret(access: &Access) -> bool {
    access.auth.is_some()
        || access
            .headers
            .keys()
            .any(|name| secrets::is_secret_name(name.as_str()))
}

/// The servers of some sources: scheme, host and port.
pub(super) fn origins<'a>(tables: impl IntoIterator<Item = &'a TableSource>) -> BTreeSet<String> {
    let locations = tables.into_iter().flat_map(|table| &table.locations);
    let origins = locations.filter_map(|location| match location {
        Location::Http(url) => Some(url.origin().ascii_serialization()),
        Location::File(_) => None,
    });
    origins.collect()
}

/// Says which parameter is a credential by its name, if all servers of several would get it.
pub(super) fn shared_secret(params: &[(String, String)], tables: &[TableSource]) -> Option<String> {
    let n_origins = origins(tables).len();
    let (name, _) = params.iter().find(|(name, _)| is_credential(name))?;
    (n_origins > 1).then(|| {
        format!(
            "`{name}` would go to all {n_origins} servers of `source`, and its name is that of a credential: put it into the address it is for, as in `https://…?{name}=…`"
        )
    })
}

/// Whether a parameter is a credential, going by the words of its name; `page_token` and `sort_key` are none.
fn is_credential(name: &str) -> bool {
    let mut words: Vec<String> = vec![String::new()];
    let mut was_lower = false;
    for c in name.chars() {
        if !c.is_alphanumeric() || (was_lower && c.is_uppercase()) {
            words.push(String::new());
        }
        was_lower = c.is_lowercase();
        if c.is_alphanumeric() {
            words
                .last_mut()
                .expect("there is one")
                .extend(c.to_lowercase());
        }
    }
    words.retain(|word| !word.is_empty());
    let has = |list: &[&str]| words.iter().any(|word| list.contains(&word.as_str()));
    if has(&["page", "next", "continuation", "sync", "skip", "cursor"]) {
        return false;
    }
    let is_key = words.last().is_some_and(|word| word == "key")
        && (words.len() == 1
            || has(&[
                "api",
                "access",
                "app",
                "auth",
                "client",
                "subscription",
                "secret",
                "private",
            ]));
    is_key
        || has(&[
            "secret",
            "token",
            "password",
            "passwd",
            "pwd",
            "auth",
            "authorization",
            "credential",
            "credentials",
            "signature",
            "sig",
            "apikey",
            "appkey",
            "accesstoken",
            "apitoken",
        ])
}

/// Whether the lines are blocks: one rules them off, or the first is the name of a source.
fn is_in_blocks(entries: &[Entry], tables: &[TableSource]) -> bool {
    let first = entries
        .first()
        .and_then(|entry| entry.text.strip_suffix(':'));
    entries.iter().any(|entry| entry.text == RULE)
        || first.is_some_and(|name| tables.iter().any(|table| table.name == name.trim_end()))
}

/// Says why lines without blocks cannot be for all of the sources.
fn for_several(input: &str, entries: &[Entry], tables: &[TableSource]) -> Option<String> {
    let origins = origins(tables);
    if entries.is_empty() || origins.len() < 2 {
        return None;
    }
    let servers: Vec<&str> = origins.iter().map(String::as_str).collect();
    let names: Vec<&str> = match tables {
        [_] => vec!["orders", "customers"],
        tables => tables
            .iter()
            .filter(|table| !self::origins([*table]).is_empty())
            .map(|table| table.name.as_str())
            .collect(),
    };
    let line = match input {
        "auth" => "bearer …",
        _ => "X-Api-Key: …",
    };
    let blocks = names.iter().enumerate().map(|(index, name)| match index {
        0 => format!("{name}:\n{line}"),
        _ => format!("{name}:\n{NONE}"),
    });
    let blocks: Vec<String> = blocks.collect();
    let begin = match tables {
        [_] => {
            "give each line of `source` a name (`orders: https://…`) and write a block for each name"
        }
        _ => "write a block for each source, `none` for one that gets nothing",
    };
    Some(format!(
        "the sources lie on {} servers ({}), and what is for one must not reach another: {begin}:\n{}",
        servers.len(),
        servers.join(", "),
        blocks.join(&format!("\n{RULE}\n"))
    ))
}

/// Finds the table of each block; what fits none, or is missing, is told.
fn assign<'a>(
    input: &'static str,
    entries: &'a [Entry<'a>],
    tables: &[TableSource],
    problems: &mut InputProblems,
) -> Vec<(usize, Block<'a>)> {
    let mut assigned: Vec<(usize, Block)> = Vec::new();
    let mut is_readable = true;
    for lines in entries.split(|entry| entry.text == RULE) {
        let Some(block) = block(lines) else {
            is_readable = false;
            let number = lines
                .first()
                .or(entries.last())
                .map_or(1, |entry| entry.number);
            problems.add(
                input,
                format!(
                    "line {number}: a block begins with the name of its source, as in `orders:`"
                ),
            );
            continue;
        };
        match find_table(input, &block, tables, &assigned) {
            Ok(index) => assigned.push((index, block)),
            Err(problem) => problems.add(input, format!("line {}: {problem}", block.number)),
        }
    }
    // A name that could not be read may be the one that is missing.
    for (index, table) in tables.iter().enumerate().filter(|_| is_readable) {
        let is_http = !origins([table]).is_empty();
        if is_http && !assigned.iter().any(|(given, _)| *given == index) {
            let name = &table.name;
            problems.add(
                input,
                format!(
                    "there is no block for the source `{name}`: write one, with `{NONE}` if it gets nothing:\n{RULE}\n{name}:\n{NONE}"
                ),
            );
        }
    }
    assigned.retain(|(_, block)| !is_none(block.entries));
    assigned
}

fn block<'a>(lines: &'a [Entry<'a>]) -> Option<Block<'a>> {
    let (first, entries) = lines.split_first()?;
    let name = first.text.strip_suffix(':')?.trim_end();
    Some(Block {
        name,
        number: first.number,
        entries,
    })
}

fn is_none(entries: &[Entry]) -> bool {
    matches!(entries, [one] if one.text == NONE)
}

/// Returns the index of the table a block is for.
fn find_table(
    input: &str,
    block: &Block,
    tables: &[TableSource],
    assigned: &[(usize, Block)],
) -> Result<usize, String> {
    let name = block.name;
    if let [table] = tables
        && table.name == INPUT
        && name != INPUT
    {
        return Err(format!(
            "the source has no name: write it as `{name}: https://…`, or `{input}` without blocks"
        ));
    }
    let names: Vec<&str> = tables.iter().map(|table| table.name.as_str()).collect();
    let index = names
        .iter()
        .position(|other| *other == name)
        .ok_or_else(|| {
            format!(
                "`{name}` is no source: their names are {}{}",
                names.join(", "),
                did_you_mean(name, &names)
            )
        })?;
    if assigned.iter().any(|(given, _)| *given == index) {
        return Err(format!("`{name}` has two blocks"));
    }
    if block.entries.is_empty() {
        return Err(format!(
            "the block of `{name}` is empty: write `{NONE}` if it gets nothing"
        ));
    }
    let n_origins = origins([&tables[index]]).len();
    if is_none(block.entries) {
        return Ok(index);
    }
    match n_origins {
        0 => Err(format!(
            "the source `{name}` is a file, which takes no `{input}`: leave its block out"
        )),
        1 => Ok(index),
        _ => Err(format!(
            "the addresses of `{name}` lie on {n_origins} servers: give each a name of its own and unite them in `sql` with `UNION ALL`"
        )),
    }
}

fn read(input: &'static str, entries: &[Entry], access: &mut Access, problems: &mut InputProblems) {
    if input == "headers" {
        access.headers = headers(entries, problems);
    } else if !entries.is_empty() {
        access.auth = problems.take("auth", Some(credentials(entries)));
    }
}

fn check(access: &Access, problems: &mut InputProblems) {
    if access.auth.is_some() && access.headers.contains_key(AUTHORIZATION) {
        problems.add(
            "headers",
            "`Authorization` is given here and by `auth`: keep one of them",
        );
    }
}

fn headers(entries: &[Entry], problems: &mut InputProblems) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (entry, name, value) in pairs(entries, "headers", problems) {
        let Ok(header) = name.parse::<HeaderName>() else {
            let problem = entry.says(format!("`{name}` is not a valid header name"));
            problems.add("headers", problem);
            continue;
        };
        match HeaderValue::from_str(value) {
            Ok(mut value) => {
                value.set_sensitive(true);
                headers.insert(header, value);
            }
            Err(_) => problems.add(
                "headers",
                entry.says(format!(
                    "the value of `{name}` holds a character no header can carry"
                )),
            ),
        }
    }
    headers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credential_among_parameters_is_known_by_its_name() {
        for name in [
            "api_key",
            "apiKey",
            "apikey",
            "key",
            "access_token",
            "token",
            "X-Api-Key",
            "password",
            "subscription-key",
            "client_secret",
            "sig",
            "accessKey",
        ] {
            assert!(is_credential(name), "{name}");
        }
        for name in [
            "status",
            "sort_key",
            "page_token",
            "pageToken",
            "nextToken",
            "keyword",
            "keys",
            "monkey",
            "author",
            "$skiptoken",
            "design",
            "primaryKey",
            "",
        ] {
            assert!(!is_credential(name), "{name}");
        }
    }
}
