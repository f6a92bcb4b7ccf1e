//! Positions in the user's SQL: as the engine tells them, and as people are shown them.

/// Characters of a line of SQL that are shown.
const WIDTH: usize = 100;

/// A part of one line of a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    /// From 1.
    pub(super) line: usize,
    /// In characters, from 1.
    pub(super) column: usize,
    /// In characters.
    pub(super) width: usize,
}

/// A position in the user's SQL, with what stands there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SqlPosition {
    /// Line of `sql`, from 1.
    pub line: usize,
    /// Character in it, from 1.
    pub column: usize,
    /// The lines around it with their numbers, and a mark below the position; several lines for a fixed-width font.
    pub excerpt: String,
}

impl SqlPosition {
    /// Shows where a span of `text` is.
    pub(super) fn of(text: &str, span: Span) -> SqlPosition {
        let mut shown = String::new();
        let first = span.line.saturating_sub(2);
        let gutter = (span.line + 1).to_string().len();
        for (index, line) in text
            .lines()
            .enumerate()
            .skip(first)
            .take(span.line + 1 - first)
        {
            let is_it = index + 1 == span.line;
            // A long line is cut to a window that holds the span.
            let start = if is_it {
                (span.column + span.width.min(WIDTH / 2)).saturating_sub(WIDTH)
            } else {
                0
            };
            let window: String = line.chars().skip(start).take(WIDTH).collect();
            let dots = if start > 0 { "…" } else { "" };
            shown += &format!("\n  {:>gutter$} | {dots}{}", index + 1, window.trim_end());
            if is_it {
                let before = window.chars().take(span.column - 1 - start);
                // Tabs stay, so that the mark stands where it should.
                let blanks: String = before.map(|c| if c == '\t' { c } else { ' ' }).collect();
                let blanks = if start > 0 {
                    format!(" {blanks}")
                } else {
                    blanks
                };
                let marks = "~".repeat(span.width.min(WIDTH / 2) - 1);
                shown += &format!("\n  {:>gutter$} | {blanks}^{marks}", "");
            }
        }
        SqlPosition {
            line: span.line,
            column: span.column,
            excerpt: shown.trim_start_matches('\n').to_owned(),
        }
    }
}

/// Returns the byte offset of a character, counted from 0; beyond the end that of the end.
pub(super) fn offset(line: &str, characters: usize) -> usize {
    let at = line.char_indices().nth(characters);
    at.map_or(line.len(), |(at, _)| at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_shown_with_the_lines_around_it() {
        let span = Span {
            line: 2,
            column: 3,
            width: 5,
        };
        let shown = SqlPosition::of("SELECT a,\n  regon,\n  b\nFROM input", span).excerpt;
        assert_eq!(
            shown,
            "  1 | SELECT a,\n  2 |   regon,\n    |   ^~~~~\n  3 |   b"
        );
        let long = format!("SELECT {} nope FROM input", "a, ".repeat(100));
        let span = Span {
            line: 1,
            column: 309,
            width: 4,
        };
        let shown = SqlPosition::of(&long, span).excerpt;
        let lines: Vec<&str> = shown.lines().collect();
        let at = lines[1].chars().position(|c| c == '^').unwrap();
        let marked: String = lines[0].chars().skip(at).take(4).collect();
        assert_eq!(marked, "nope", "{shown}");
        // One behind the end of the text.
        let span = Span {
            line: 1,
            column: 9,
            width: 1,
        };
        assert_eq!(
            SqlPosition::of("SELECT a", span).excerpt,
            "  1 | SELECT a\n    |         ^"
        );
    }
}
