//! The user's SQL as text: where it ends, what in it is code, and which names it says.

/// One `SELECT` (or `WITH … SELECT`) in Hyper SQL; without a final semicolon.
///
/// Lines are those the user wrote, so that the engine's places can be shown in them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sql(String);

/// What a token of SQL is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum TokenKind {
    /// Words, numbers, signs and blanks.
    Code,
    /// A text or a quoted name, quotes included.
    Quoted,
    /// `-- …` or `/* … */`.
    Comment,
}

impl Sql {
    /// Takes one `SELECT` or `WITH … SELECT`; semicolons and comments behind it are dropped.
    pub fn parse(text: &str) -> Result<Sql, String> {
        if text.contains('\0') {
            return Err("it contains a NUL character".into());
        }
        let statement = one_statement(text)?;
        let first = first_word(statement);
        match first.to_ascii_lowercase().as_str() {
            "select" | "with" | "(" => Ok(Sql(statement.to_owned())),
            "" => Err("it holds no statement: write one SELECT over the table `input`".into()),
            _ => Err(format!(
                "it begins with `{first}`: write one SELECT (or WITH … SELECT) over the table `input`"
            )),
        }
    }

    /// Returns the statement.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the text names an identifier, in any case, comments and strings included.
    pub fn names(&self, identifier: &str) -> bool {
        has_word(&self.0, identifier)
    }
}

/// Whether a text has a word, in any case, that is no part of a longer one.
pub(super) fn has_word(text: &str, word: &str) -> bool {
    let text = text.to_lowercase();
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(&word.to_lowercase())
        .any(|(start, found)| {
            let before = text[..start].chars().next_back();
            let after = text[start + found.len()..].chars().next();
            !before.is_some_and(is_part) && !after.is_some_and(is_part)
        })
}

/// Returns a text up to the end of its only statement: without the semicolons and comments behind it.
///
/// Errors are a second statement and a quote or comment that is not closed, with their lines.
pub fn one_statement(text: &str) -> Result<&str, String> {
    // Where the last of the code ends, and the semicolon behind it.
    let (mut end, mut semicolon) = (0, None);
    let mut at = 0;
    while at < text.len() {
        let (kind, length) = token(&text[at..]).ok_or_else(|| {
            let what = match &text[at..] {
                rest if rest.starts_with("/*") => "comment `/*`",
                rest if rest.starts_with('"') => "double quote",
                _ => "single quote",
            };
            format!("line {}: a {what} is not closed", line_of(text, at))
        })?;
        let part = &text[at..at + length];
        let is_code = kind != TokenKind::Comment && !part.trim().is_empty() && part != ";";
        match semicolon {
            Some(_) if is_code => {
                let blank = part.len() - part.trim_start().len();
                return Err(format!(
                    "line {}: a second statement begins behind `;`: write one, and put what it needs into `WITH name AS (…)`",
                    line_of(text, at + blank)
                ));
            }
            _ if is_code => end = at + part.trim_end().len(),
            // One that stands before everything is nothing to end.
            None if part == ";" && end > 0 => semicolon = Some(at),
            _ => {}
        }
        at += length;
    }
    let statement = &text[..end];
    let begins = statement.trim_start_matches(|c: char| c == ';' || c.is_whitespace());
    Ok(if begins.len() < statement.trim_start().len() {
        begins
    } else {
        statement
    })
}

/// Returns the text with blanks in place of everything quoted and every comment, of the same length in characters.
pub fn code_of(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((kind, length)) = token(rest) {
        let part = &rest[..length];
        match kind {
            TokenKind::Code => code += part,
            _ => code.extend(part.chars().map(|c| if c == '\n' { c } else { ' ' })),
        }
        rest = &rest[length..];
    }
    code
}

fn line_of(text: &str, at: usize) -> usize {
    text[..at].matches('\n').count() + 1
}

/// Returns the kind and the length of what a text begins with; `None` if it is not closed, or nothing is left.
fn token(text: &str) -> Option<(TokenKind, usize)> {
    if text.is_empty() {
        return None;
    }
    let to = |end: Option<usize>, closing: usize| end.map(|end| end + closing);
    if text.starts_with("--") {
        return Some((TokenKind::Comment, text.find('\n').unwrap_or(text.len())));
    }
    if let Some(inner) = text.strip_prefix("/*") {
        // The engine's comments do not nest.
        return to(inner.find("*/"), 4).map(|length| (TokenKind::Comment, length));
    }
    if text.starts_with(';') {
        return Some((TokenKind::Code, 1));
    }
    for quote in ['\'', '"'] {
        if text.starts_with(quote) {
            return closing(&text[1..], quote, false).map(|length| (TokenKind::Quoted, 1 + length));
        }
    }
    if text.starts_with(['e', 'E']) && text[1..].starts_with('\'') {
        return closing(&text[2..], '\'', true).map(|length| (TokenKind::Quoted, 2 + length));
    }
    if let Some(tag) = dollar_tag(text) {
        let end = text[tag.len()..].find(tag);
        return to(end, 2 * tag.len()).map(|length| (TokenKind::Quoted, length));
    }
    Some((TokenKind::Code, code_length(text)))
}

/// Length up to the closing quote and with it; doubled it stands for itself.
fn closing(text: &str, quote: char, has_escapes: bool) -> Option<usize> {
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        if has_escapes && c == '\\' {
            chars.next();
        } else if c == quote {
            match chars.peek() {
                Some((_, next)) if *next == quote => chars.next(),
                _ => return Some(at + 1),
            };
        }
    }
    None
}

/// `$$` or `$tag$` at the beginning.
fn dollar_tag(text: &str) -> Option<&str> {
    let inner = text.strip_prefix('$')?;
    let end = inner.find('$')?;
    let tag = &inner[..end];
    let is_tag = !tag.starts_with(|c: char| c.is_ascii_digit())
        && tag.chars().all(|c| c.is_alphanumeric() || c == '_');
    is_tag.then(|| &text[..end + 2])
}

/// Length of code: a word, or signs and blanks up to what may be something else.
fn code_length(text: &str) -> usize {
    let is_word = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
    let first = text.chars().next().unwrap_or(' ');
    if first.is_alphanumeric() || first == '_' {
        return text.find(|c| !is_word(c)).unwrap_or(text.len());
    }
    let rest = &text[first.len_utf8()..];
    let stops = |c: char| is_word(c) || "'\"-/;".contains(c);
    first.len_utf8() + rest.find(stops).unwrap_or(rest.len())
}

/// The first word after blanks and comments, or `(`.
pub(super) fn first_word(statement: &str) -> String {
    let mut rest = statement;
    while let Some((kind, length)) = token(rest) {
        let part = rest[..length].trim_start();
        if kind != TokenKind::Comment && !part.is_empty() {
            break;
        }
        rest = &rest[length..];
    }
    let rest = rest.trim_start();
    if rest.starts_with('(') {
        return "(".into();
    }
    rest.chars()
        .take_while(|c| !c.is_whitespace() && !matches!(c, '(' | '*' | '"' | '\''))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_ends_before_semicolons_and_comments() {
        for (text, statement) in [
            ("SELECT 1", "SELECT 1"),
            ("SELECT 1;", "SELECT 1"),
            ("SELECT 1 ; ; \n", "SELECT 1"),
            ("SELECT 1; -- done", "SELECT 1"),
            ("SELECT 1 -- done;", "SELECT 1"),
            ("SELECT 1 -- done; SELECT 2\n;", "SELECT 1"),
            ("SELECT 1 /* ; */ ; /* ; x */", "SELECT 1"),
            ("\n\nSELECT 1;\n-- a\n-- b", "\n\nSELECT 1"),
            ("SELECT ';' AS a;", "SELECT ';' AS a"),
            ("SELECT 'it''s; --' AS a", "SELECT 'it''s; --' AS a"),
            ("SELECT \"a;--\" FROM x;", "SELECT \"a;--\" FROM x"),
            ("SELECT E'\\';' AS a;", "SELECT E'\\';' AS a"),
            ("SELECT 'a\\' AS a;", "SELECT 'a\\' AS a"),
            ("SELECT $$;$$ AS a;", "SELECT $$;$$ AS a"),
            ("SELECT $x$ ; $$ $x$ AS a;", "SELECT $x$ ; $$ $x$ AS a"),
            ("SELECT a-1, b/2 FROM x;", "SELECT a-1, b/2 FROM x"),
            ("SELECT a - -1;", "SELECT a - -1"),
            ("SELECT name'x;' AS a;", "SELECT name'x;' AS a"),
            ("; SELECT 1", "SELECT 1"),
            ("größe > 0; -- ä", "größe > 0"),
            ("-- only this", ""),
            (";", ""),
            ("", ""),
        ] {
            assert_eq!(one_statement(text), Ok(statement), "{text}");
        }
        for (text, told) in [
            ("SELECT 1;\n\nSELECT 2", "line 3: a second statement"),
            (
                "SELECT 1; -- a\nDROP TABLE x;",
                "line 2: a second statement",
            ),
            ("SELECT /* a /* b */ 1; */ 2", "line 1: a second statement"),
            ("SELECT 'a", "line 1: a single quote is not closed"),
            ("SELECT\n\"a", "line 2: a double quote is not closed"),
            ("SELECT 1 /* a", "line 1: a comment `/*` is not closed"),
        ] {
            let error = one_statement(text).unwrap_err();
            assert!(error.starts_with(told), "{text}: {error}");
        }
    }

    #[test]
    fn a_statement_is_a_select() {
        for text in [
            "select 1",
            "/* ; */ SELECT 1;",
            "-- a\nwith a as (select 1) select 1",
            "(select 1)",
            "SELECT\"a\" FROM x",
        ] {
            assert!(Sql::parse(text).is_ok(), "{text}");
        }
        for (text, told) in [
            ("DELETE FROM x", "begins with `DELETE`"),
            ("-- nothing", "no statement"),
            ("", "no statement"),
            ("é", "begins with `é`"),
            ("a\0b", "NUL"),
        ] {
            assert!(Sql::parse(text).unwrap_err().contains(told), "{text}");
        }
    }

    #[test]
    fn quoted_text_and_comments_are_no_code() {
        assert_eq!(
            code_of("a 'top 5' \"b\" -- c\nd /* e */ f"),
            "a                 \nd         f"
        );
    }
}
