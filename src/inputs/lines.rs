//! Inputs of several lines: their entries with the numbers of their lines, and what is not meant to be one.
//!
//! GitHub takes text only, so people write a list below `|` and keep its dashes, or indent the next input too far.
//! Both would be taken for entries and do something else than what was meant.

use super::declared::DECLARED;
use super::problems::InputProblems;
use super::raw::Raw;
use super::words::{Entry, boolean, count, csv_options, mode, split};
use super::{auth, http, paginate};
use crate::data::path::RecordsPath;
use crate::hyper::{INPUT, Sql, code_of};
use crate::rules::columns::ColumnRule;

/// Inputs of one entry a line, with an entry as an example.
const EXAMPLES: [(&str, &str); 8] = [
    ("tags", "shop"),
    ("source", "data/orders.csv"),
    ("params", "status: paid"),
    ("headers", "X-Api-Key: …"),
    ("auth", "bearer …"),
    ("columns", "amount: double"),
    ("key", "order_id"),
    ("checks", "amount >= 0"),
];
/// How many lines a message names at most.
const NAMED: usize = 5;

/// Returns the entries of an input; lines that cannot be meant as one are told and left out.
pub(super) fn entries<'a>(
    raw: &'a Raw,
    input: &'static str,
    problems: &mut InputProblems,
) -> Vec<Entry<'a>> {
    let example = EXAMPLES.iter().find(|(name, _)| *name == input);
    let example = example.map_or("", |(_, example)| example);
    let mut entries = Vec::new();
    let mut dashes = Vec::new();
    for entry in split(raw.as_written(input).unwrap_or_default()) {
        if has_dash(entry.text) {
            dashes.push(entry.number);
        } else if is_flow_list(input, entry.text) {
            problems.add(
                input,
                entry.says(format!(
                    "it is a list in brackets: write each entry on a line of its own, as in `{example}`"
                )),
            );
        } else if let Some(name) = input_at(entry.text) {
            problems.add(input, entry.says(misplaced(name, input)));
            if is_block(entry.text) {
                // What follows is the text of that other input.
                break;
            }
        } else {
            entries.push(entry);
        }
    }
    if !dashes.is_empty() {
        problems.add(
            input,
            format!(
                "{} with `- `: write the entries without it, one a line, as in `{example}`",
                say_lines(&dashes)
            ),
        );
    }
    entries
}

fn has_dash(text: &str) -> bool {
    let rest = text.strip_prefix('-');
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(char::is_whitespace))
}

/// `[a.csv, b.csv]`, `{a: text}`: in YAML a list or mapping, here part of a text.
fn is_flow_list(input: &str, text: &str) -> bool {
    let is_in = |open, close| text.len() > 1 && text.starts_with(open) && text.ends_with(close);
    let is_pairs = matches!(input, "params" | "headers" | "auth" | "columns");
    if is_pairs && is_in('{', '}') {
        return true;
    }
    is_in('[', ']')
        && match input {
            // A pattern of one character: nobody lists these.
            "source" => text.contains(|c: char| c.is_whitespace() || ",\"'./".contains(c)),
            // A tag may stand in brackets.
            "tags" => text.contains(','),
            _ => true,
        }
}

/// `line 2 begins`, `lines 1, 2 and 3 begin`.
fn say_lines(numbers: &[usize]) -> String {
    let (shown, more) = numbers.split_at(numbers.len().min(NAMED));
    let texts: Vec<String> = shown.iter().map(usize::to_string).collect();
    match (texts.as_slice(), more.len()) {
        ([one], 0) => format!("line {one} begins"),
        (several, 0) => {
            let (last, before) = several.split_last().expect("there is a line");
            format!("lines {} and {last} begin", before.join(", "))
        }
        (several, more) => format!("lines {} and {more} more begin", several.join(", ")),
    }
}

/// Returns the input that a line sets by its name and a value only that input takes.
///
/// Words such as `format`, `key` or `source` are names of parameters, too, and what they hold there is as short: of
/// these only a value counts that is unmistakable.
fn input_at(line: &str) -> Option<&'static str> {
    // As YAML has it: a blank follows the colon. `http://…` is none.
    let (name, value) = line.split_once(':')?;
    let value = value.strip_prefix(char::is_whitespace)?.trim();
    let name = DECLARED
        .iter()
        .find(|input| input.name == name.trim())?
        .name;
    let is_meant = match name {
        _ if is_block(line) => true,
        "records" => RecordsPath::parse(value).is_ok(),
        "paginate" => paginate::parse(value).is_ok(),
        "columns" => ColumnRule::parse(value).is_ok(),
        "csv" => value.contains('=') && csv_options(value).is_ok(),
        "http" => http::parse(value).is_ok_and(|options| options.has_only_pairs()),
        "auth" => auth::auth(value).is_ok(),
        "mode" => mode(value).is_ok(),
        // `true` changes nothing, and what is lost then is not missed.
        "publish" => boolean(value) == Ok(false),
        "min-rows" => count(value).is_ok(),
        "sql" => Sql::parse(value).is_ok_and(|sql| sql.names(INPUT)),
        "checks" => value.contains([' ', '(']) && value.contains(['<', '>', '=']),
        "server-url" | "pat-name" | "pat-secret" | "ca-certificate" => !value.is_empty(),
        "hyper" => value.to_ascii_lowercase().ends_with(".hyper"),
        _ => false,
    };
    is_meant.then_some(name)
}

/// Says which line of SQL is another input: outside of quotes no SQL has `key: `.
pub(super) fn input_in_sql(text: &str) -> Option<String> {
    let code = code_of(text);
    let mut found = split(&code).filter_map(|entry| {
        let (name, value) = entry.text.split_once(':')?;
        let is_key = value.is_empty() || value.starts_with(char::is_whitespace);
        let input = DECLARED.iter().find(|input| is_key && input.name == name)?;
        Some(entry.says(misplaced(input.name, "sql")))
    });
    found.next()
}

/// Whether a line begins a block of YAML: `sql: |`.
fn is_block(line: &str) -> bool {
    let value = line.split_once(':').map_or("", |(_, value)| value.trim());
    let Some(rest) = value.strip_prefix(['|', '>']) else {
        return false;
    };
    rest.len() <= 2 && rest.chars().all(|c| c.is_ascii_digit() || "+-".contains(c))
}

/// Says that a line belongs to another input; its value is not shown, for it may be a secret.
fn misplaced(name: &str, input: &str) -> String {
    let really = match input {
        "params" => {
            format!("; a parameter that has this name stands in the address, as in `?{name}=…`")
        }
        _ => String::new(),
    };
    format!(
        "`{name}` is the name of an input: indent it like `{input}` and not further, or it belongs to that{really}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dashes_and_brackets_are_no_entries() {
        for text in ["- a", "-\ta", "-"] {
            assert!(has_dash(text), "{text}");
        }
        for text in ["-a > 0", "--a", "a - b", "–"] {
            assert!(!has_dash(text), "{text}");
        }
        for (input, text) in [
            ("source", "[a.csv, b.csv]"),
            ("source", "[\"a\"]"),
            ("source", "[data/a]"),
            ("columns", "[a: text, b: double]"),
            ("columns", "{a: text}"),
            ("headers", "{\"X-Key\": \"1\"}"),
            ("key", "[id, line]"),
            ("tags", "[shop, daily]"),
            ("checks", "[a > 0]"),
        ] {
            assert!(is_flow_list(input, text), "{input}: {text}");
        }
        for (input, text) in [
            ("source", "[ab]"),
            ("source", "[ab]*.csv"),
            ("source", "data/[ab].csv"),
            ("tags", "[prod]"),
            ("params", "filter[status]: [a]"),
            ("columns", "[a]: text"),
            ("checks", "(a > 0)"),
        ] {
            assert!(!is_flow_list(input, text), "{input}: {text}");
        }
    }

    #[test]
    fn lines_with_dashes_are_named_once() {
        assert_eq!(say_lines(&[4]), "line 4 begins");
        assert_eq!(say_lines(&[1, 2, 5]), "lines 1, 2 and 5 begin");
        assert_eq!(
            say_lines(&[1, 2, 3, 4, 5, 6, 7]),
            "lines 1, 2, 3, 4, 5 and 2 more begin"
        );
    }

    #[test]
    fn an_input_below_sql_is_found_and_a_comment_is_none() {
        let found = input_in_sql("SELECT a\nFROM input\n\nkey: id").unwrap();
        assert!(found.starts_with("line 4: `key` is the name"), "{found}");
        assert!(input_in_sql("SELECT a FROM input\nchecks:\n").is_some());
        for text in [
            "SELECT 1 AS a\n/*\nsource: theirs\n*/",
            "-- key: id\nSELECT 1 AS a",
            "SELECT 'x\nkey: id'",
            "SELECT\nkey::text FROM input",
            "SELECT\nkey FROM input",
        ] {
            assert_eq!(input_in_sql(text), None, "{text}");
        }
    }

    #[test]
    fn an_input_indented_too_far_is_found_and_a_parameter_of_that_name_is_none() {
        for (line, name) in [
            ("records: /data/items", "records"),
            ("paginate: page page=1", "paginate"),
            ("columns: amount: double", "columns"),
            ("columns: |", "columns"),
            ("sql: >-", "sql"),
            ("csv: delimiter=;", "csv"),
            ("http: timeout=5", "http"),
            ("auth: bearer abc", "auth"),
            ("mode: append", "mode"),
            ("publish: false", "publish"),
            ("min-rows: 5", "min-rows"),
            ("sql: SELECT a FROM input", "sql"),
            ("checks: count(*) > 5", "checks"),
            ("pat-secret: x", "pat-secret"),
            ("hyper: out/a.hyper", "hyper"),
        ] {
            assert_eq!(input_at(line), Some(name), "{line}");
        }
        for line in [
            "records: 100",
            "records: json",
            "paginate: true",
            "columns: id,name",
            "columns: text",
            "csv: true",
            "csv: text",
            "http: yes",
            "auth: abc",
            "mode: full",
            "publish: true",
            "publish: boolean",
            "sql: SELECT * FROM \"4b1f\"",
            "checks: all",
            "format: json",
            "key: abc",
            "source: https://example.com",
            "site: acme",
            "query: shoes",
            "wait: 30s",
            "table: orders",
            "body: text",
            "description: x",
            "hyper: text",
            "http://example.com/?a=b",
            "http: //example.com/?a=b",
            "Records: /data",
        ] {
            assert_eq!(input_at(line), None, "{line}");
        }
    }
}
