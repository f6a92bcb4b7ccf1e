//! `source` and all inputs that say how to ask for it.

use super::access::{self, carries_secret};
use super::lines::entries;
use super::machine::Workspace;
use super::problems::InputProblems;
use super::raw::Raw;
use super::words::{Entry, did_you_mean, is_loopback, not_one_of, pairs};
use super::{http, paginate};
use crate::http::Url;
use crate::hyper::INPUT;
use crate::source::{Charset, Format, Location, Spec, TableSource};

/// `source` and all that says how to ask for it.
pub(super) fn source(raw: &Raw, workspace: &Workspace, problems: &mut InputProblems) -> Spec {
    let lines = entries(raw, "params", problems);
    let params = pairs(&lines, "params", problems);
    let params: Vec<(String, String)> = params
        .into_iter()
        .map(|(_, name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let format = problems
        .take("format", raw.get("format").map(format))
        .flatten();
    let body = raw.get("body").map(str::to_owned);
    let mut tables = tables(raw, workspace, &params, problems);
    let common = access::access(raw, &mut tables, problems);
    if tables.iter().any(|table| {
        let access = table.access.as_ref().unwrap_or(&common);
        carries_secret(access) && is_readable_on_the_way(table)
    }) {
        problems.add(
            "source",
            "credentials would travel unencrypted: use `https://`",
        );
    }
    if let Some(problem) = access::shared_secret(&params, &tables) {
        problems.add("params", problem);
    }
    let mut locations = tables.iter().flat_map(|table| &table.locations);
    let is_http = locations.any(|location| matches!(location, Location::Http(_)));
    if !is_http && !tables.is_empty() {
        for name in ["params", "headers", "auth", "query", "body"] {
            if raw.get(name).is_some() {
                problems.add(
                    name,
                    "goes with an `https://` source only; this source is a file",
                );
            }
        }
    }
    let query = paginate::query(raw, &params, problems);
    let paging = paginate::paging(raw, query.as_ref(), &tables, problems);
    Spec {
        tables,
        format,
        charset: Charset::default(),
        headers: common.headers,
        auth: common.auth,
        body,
        http: http::http_options(raw, problems),
        query,
        paging,
    }
}

/// The lines of `source`, by the names of their tables.
fn tables(
    raw: &Raw,
    workspace: &Workspace,
    params: &[(String, String)],
    problems: &mut InputProblems,
) -> Vec<TableSource> {
    let lines = entries(raw, "source", problems);
    let mut tables: Vec<TableSource> = Vec::new();
    // With GraphQL they are variables of the query.
    let params = match raw.get("query") {
        Some(_) => &[][..],
        None => params,
    };
    for entry in &lines {
        let (name, text) = split_name(entry.text);
        let location = location(text, workspace, params).map_err(|problem| entry.says(problem));
        let Some(location) = problems.take("source", Some(location)) else {
            continue;
        };
        let name = name.unwrap_or(INPUT);
        match tables.iter_mut().find(|table| table.name == name) {
            Some(table) => table.locations.push(location),
            None => tables.push(TableSource {
                name: name.to_owned(),
                locations: vec![location],
                access: None,
            }),
        }
    }
    let is_bare = |entry: &&Entry| split_name(entry.text).0.is_none();
    let bare: Vec<&Entry> = lines.iter().filter(is_bare).collect();
    if let Some(entry) = bare
        .first()
        .filter(|_| tables.len() > 1 && bare.len() < lines.len())
    {
        problems.add(
            "source",
            entry.says(
                "it has no name, and other lines have one (`name: location`): name all or none",
            ),
        );
    }
    if tables.len() > 1 && raw.get("sql").is_none() {
        problems.add("sql", "is required with several named sources: join them");
    }
    if lines.is_empty() && !problems.has("source") {
        problems.add("source", "is required: the address or workspace file to read, such as `https://example.com/data.json`");
    }
    tables
}

fn is_readable_on_the_way(table: &TableSource) -> bool {
    table.locations.iter().any(|location| match location {
        Location::Http(url) => url.scheme() == "http" && !is_loopback(url),
        Location::File(_) => false,
    })
}

fn location(
    line: &str,
    workspace: &Workspace,
    params: &[(String, String)],
) -> Result<Location, String> {
    let Some((scheme, _)) = line.split_once("://") else {
        return workspace.parse(line).map(Location::File);
    };
    if scheme == "file" {
        return Err("a file is named by its path in the workspace, without `file://`, such as `data/orders.csv`".into());
    }
    if !matches!(scheme, "http" | "https") {
        let likely = did_you_mean(scheme, &["https"]);
        return Err(format!(
            "`{scheme}://` is not supported: give an `https://` address or a file of the workspace{likely}"
        ));
    }
    let mut url = Url::parse(line).map_err(|error| format!("it is no valid address: {error}"))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(
            "the address holds a user or password: give them as `auth: basic USER:PASSWORD`".into(),
        );
    }
    for (name, value) in params {
        if url.query_pairs().any(|(given, _)| given == name.as_str()) {
            return Err(format!(
                "the parameter `{name}` is in the address and in `params`: keep one of them"
            ));
        }
        url.query_pairs_mut().append_pair(name, value);
    }
    Ok(Location::Http(url))
}

/// `orders: https://…` is a table of its own; a name is a word, and a blank follows its colon.
fn split_name(line: &str) -> (Option<&str>, &str) {
    let Some((name, rest)) = line.split_once(':') else {
        return (None, line);
    };
    let is_start = |c: char| c.is_ascii_alphabetic() || c == '_';
    let is_word =
        name.starts_with(is_start) && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if is_word && rest.starts_with(char::is_whitespace) {
        (Some(name), rest.trim_start())
    } else {
        (None, line)
    }
}

fn format(text: &str) -> Result<Option<Format>, String> {
    if text == "auto" {
        return Ok(None);
    }
    let lower = text.to_ascii_lowercase();
    if ["xls", "xlsx", "xlsm", "xlsb", "excel", "ods"].contains(&lower.as_str()) {
        return Err(format!(
            "`{text}` is not read: save the sheet as CSV, or let the source deliver CSV or JSON"
        ));
    }
    let found = Format::ALL.into_iter().find(|format| format.name() == text);
    found.map(Some).ok_or_else(|| {
        let names: Vec<&str> = ["auto"].into_iter().chain(Format::names()).collect();
        not_one_of(text, &names)
    })
}
