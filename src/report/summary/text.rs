//! Text and numbers as Markdown shows them to a person: nothing from outside becomes markup.

use std::fmt::Write;

use super::super::workflow::{is_hidden, printable};
use crate::secrets;

/// Shows any text as it is: one line, no markup, no table cell, no HTML.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\r' => {}
            '\n' => escaped.push_str("<br>"),
            c if is_hidden(c) => escaped.push('\u{fffd}'),
            // Entities stay text where a backslash would not (in tables, in HTML blocks).
            '&' | '<' | '>' | '|' | '`' | '*' | '_' | '~' | '[' | ']' | '\\' | '#' | '@' | '!'
            | '$' | '"' => {
                let _ = write!(escaped, "&#{};", u32::from(c));
            }
            c => escaped.push(c),
        }
    }
    // An address alone would become a link, and entities in it stay as they are written.
    escaped
        .replace("://", "&#58;//")
        .replace("www.", "www&#46;")
}

/// Where a text stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Within {
    /// In a paragraph, a list or a quotation.
    Paragraph,
    /// In a cell of a table.
    Cell,
}

/// Shows any text in a code span, letter by letter.
///
/// What the user wrote must stand like this: the runner masks the secrets of a workflow by their letters, and a
/// secret may be part of an address or a check. A table takes one sign in two letters.
pub(super) fn code(text: &str, within: Within) -> String {
    let text: String = text
        .chars()
        .filter(|c| *c != '\r')
        .map(|c| match c {
            '\n' => ' ',
            c if is_hidden(c) => '\u{fffd}',
            c => c,
        })
        .collect();
    if text.is_empty() {
        return String::new();
    }
    let fence = "`".repeat(1 + longest_run(&text));
    let is_edge = |c: char| c == '`' || c == ' ';
    // One blank at either end is taken off when Markdown is read.
    let blank = if text.starts_with(is_edge) || text.ends_with(is_edge) {
        " "
    } else {
        ""
    };
    let text = match within {
        Within::Paragraph => text,
        Within::Cell => text.replace('|', "\\|"),
    };
    format!("{fence}{blank}{text}{blank}{fence}")
}

/// Shows lines letter by letter, each behind `lead`.
pub(super) fn code_block(text: &str, lead: &str) -> String {
    let fence = "`".repeat(3.max(1 + longest_run(text)));
    let mut block = format!("{lead}{fence}text\n");
    for line in text.lines() {
        let _ = writeln!(block, "{lead}{}", printable(line));
    }
    block + lead + &fence + "\n"
}

/// The most backticks in a row.
fn longest_run(text: &str) -> usize {
    let runs = text.split(|c| c != '`').map(str::len);
    runs.max().unwrap_or_default()
}

/// Shows the beginning of a value of the data, escaped, with a mark where it was cut.
pub(super) fn clip_value(value: &str, characters: usize) -> String {
    escape(&secrets::quote(value, characters))
}

/// Shows the beginning of a text, escaped, with a mark where it was cut.
pub(super) fn clip(text: &str, characters: usize) -> String {
    escape(&secrets::cut(text, characters))
}

/// Shows one of our own sentences: what stands in backticks becomes code, everything else is escaped.
pub(super) fn prose(text: &str, within: Within) -> String {
    let parts: Vec<&str> = text.split('`').collect();
    // An odd backtick belongs to the data or to the user; nobody knows where code begins.
    if parts.len().is_multiple_of(2) {
        return code(text, within);
    }
    let show = |(index, part): (usize, &&str)| match index % 2 {
        1 => code(part, within),
        _ => escape(part),
    };
    parts.iter().enumerate().map(show).collect()
}

/// Only an address that cannot end the link it is put into.
pub(super) fn is_link(url: &str) -> bool {
    (url.starts_with("https://") || url.starts_with("http://"))
        && !url.chars().any(|c| {
            c.is_whitespace() || c.is_control() || matches!(c, '(' | ')' | '<' | '>' | '"')
        })
}

/// Returns `12.5 %`; what is neither none nor all never looks like it.
pub(super) fn percent(part: u64, whole: u64) -> String {
    match u128::from(part) * 1_000 / u128::from(whole.max(1)) {
        0 if part > 0 => "< 0.1 %".to_owned(),
        tenths if tenths.is_multiple_of(10) => format!("{} %", tenths / 10),
        tenths => format!("{}.{} %", tenths / 10, tenths % 10),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_never_becomes_markup() {
        assert_eq!(escape("a|b"), "a&#124;b");
        assert_eq!(
            escape("<img src=x>\n`x`"),
            "&#60;img src=x&#62;<br>&#96;x&#96;"
        );
        assert_eq!(escape("![x](http://y)"), "&#33;&#91;x&#93;(http&#58;//y)");
    }

    #[test]
    fn code_keeps_every_letter() {
        let code = |text| code(text, Within::Paragraph);
        assert_eq!(code("bot91_abc:X*Y&Z/rows"), "`bot91_abc:X*Y&Z/rows`");
        assert_eq!(code("a `b` ``c"), "```a `b` ``c```");
        assert_eq!(code("`"), "`` ` ``");
        assert_eq!(code(" a"), "`  a `");
        assert_eq!(code("a\u{202e}b\nc"), "`a\u{fffd}b c`");
        assert_eq!(super::code("a || b", Within::Cell), "`a \\|\\| b`");
        assert_eq!(
            code_block("a\n```", "> "),
            "> ````text\n> a\n> ```\n> ````\n"
        );
        assert_eq!(
            prose("no `a_b`, but _c", Within::Paragraph),
            "no `a_b`, but &#95;c"
        );
        assert_eq!(prose("odd ` and _c", Within::Paragraph), "``odd ` and _c``");
    }

    #[test]
    fn a_link_cannot_break_out() {
        assert!(is_link("https://host/#/site/acme/datasources/1"));
        assert!(!is_link("https://host/) [x](javascript:y"));
        assert!(!is_link("javascript:alert(1)"));
    }

    #[test]
    fn a_cut_falls_between_characters_and_shows() {
        assert_eq!(clip("größer", 3), "grö…");
        assert_eq!(clip("a|bc", 2), "a&#124;…");
        assert_eq!(clip("abc", 3), "abc");
    }

    #[test]
    fn numbers_read_easily() {
        let said = [(0, 7), (7, 7), (1, 8), (1, 100_000), (99_999, 100_000)];
        let said = said.map(|(part, whole)| percent(part, whole));
        assert_eq!(said, ["0 %", "100 %", "12.5 %", "< 0.1 %", "99.9 %"]);
    }
}
