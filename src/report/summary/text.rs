//! Text and numbers as Markdown shows them to a person: nothing from outside becomes markup.

use std::fmt::Write;

/// Shows any text as it is: one line, no markup, no table cell, no HTML.
pub(in crate::report) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\r' => {}
            '\n' => escaped.push_str("<br>"),
            c if c.is_control() => escaped.push('\u{fffd}'),
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

/// Shows the beginning of a text, escaped, with a mark where it was cut.
pub(super) fn clip(text: &str, characters: usize) -> String {
    match text.char_indices().nth(characters) {
        Some((end, _)) => escape(&text[..end]) + "…",
        None => escape(text),
    }
}

/// Shows one of our own sentences: what stands in backticks becomes code, everything is escaped.
pub(super) fn prose(text: &str) -> String {
    let parts: Vec<&str> = text.split('`').collect();
    // An odd backtick belongs to the data.
    if parts.len().is_multiple_of(2) {
        return escape(text);
    }
    let show = |(index, part): (usize, &&str)| match index % 2 {
        1 => format!("<code>{}</code>", escape(part)),
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
