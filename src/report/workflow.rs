//! The runner's side: workflow commands on standard output, and the files it reads afterwards.
//!
//! Grammar and limits are those of actions/runner: 10 annotations of a kind for a step, messages
//! cut at 4096 characters, a heredoc with a random delimiter for every output.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::Path;

use secrecy::ExposeSecret;

use crate::random::random;
use crate::secrets;

/// The runner keeps ten annotations of a kind; the last one says how many there would be.
const ANNOTATIONS: usize = 9;
/// Below the 4096 characters the runner keeps, escapes included.
const MESSAGE: usize = 3_500;
/// How serious an annotation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AnnotationLevel {
    Error,
    Warning,
}

/// Writes lines, as workflow commands where a runner reads them.
#[derive(Debug)]
pub(super) struct Printer {
    is_on_github: bool,
    is_in_group: bool,
}

impl Printer {
    pub(super) fn new(is_on_github: bool) -> Printer {
        Printer {
            is_on_github,
            is_in_group: false,
        }
    }

    /// Tells the runner what it must not show, either; what later steps print is out of our hands.
    pub(super) fn mask(&self) {
        for secret in secrets::take_masks() {
            if self.is_on_github {
                write_line(&format!(
                    "::add-mask::{}",
                    escape_data(secret.expose_secret())
                ));
            }
        }
    }

    pub(super) fn group(&mut self, title: &str) {
        self.end_group();
        if self.is_on_github {
            write_line(&format!("::group::{title}"));
        } else {
            write_line(title);
        }
        self.is_in_group = true;
    }

    pub(super) fn end_group(&mut self) {
        if self.is_in_group && self.is_on_github {
            write_line("::endgroup::");
        }
        self.is_in_group = false;
    }

    /// Writes text that may come from anywhere; none of it is taken for a command.
    pub(super) fn lines(&self, text: &str) {
        let indent = if self.is_in_group && !self.is_on_github {
            "  "
        } else {
            ""
        };
        for line in secrets::replace(text).trim_end_matches('\n').split('\n') {
            write_line(&format!("{indent}{}", defuse(&printable(line))));
        }
    }

    /// Writes annotations, title and message each; outside GitHub the log has said it already.
    pub(super) fn annotate(
        &self,
        kind: AnnotationLevel,
        messages: impl IntoIterator<Item = (String, String)>,
    ) {
        if !self.is_on_github {
            return;
        }
        let name = match kind {
            AnnotationLevel::Error => "error",
            AnnotationLevel::Warning => "warning",
        };
        let messages: Vec<(String, String)> = messages.into_iter().collect();
        let (shown, more) = messages.split_at(messages.len().min(ANNOTATIONS));
        for (title, message) in shown {
            let message = secrets::cut(message, MESSAGE);
            let lines: Vec<String> = message.lines().map(printable).collect();
            let message = lines.join("\n");
            let title = match title.as_str() {
                "" => String::new(),
                title => format!(" title={}", escape_property(&printable(title))),
            };
            write_line(&format!(
                "::{name}{title}::{}",
                escape_data(&defuse(&message))
            ));
        }
        if !more.is_empty() {
            write_line(&format!(
                "::{name}::and {} more, see the job summary",
                more.len()
            ));
        }
    }
}

/// Appends to a file the runner reads.
pub(super) fn append(file: &Path, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().append(true).create(true).open(file)?;
    file.write_all(text.as_bytes())
}

/// Returns the lines that set an output; the delimiter cannot occur in the value by chance.
pub(super) fn output(name: &str, value: &str) -> String {
    let mut delimiter = random_delimiter();
    while value.contains(&delimiter) {
        delimiter = random_delimiter();
    }
    format!("{name}<<{delimiter}\n{value}\n{delimiter}\n")
}

fn random_delimiter() -> String {
    format!("ghadelimiter_{:016x}{:016x}", random(), random())
}

/// The runner takes `::name…::` at the start of a line and `##[name]` anywhere for a command.
fn defuse(line: &str) -> String {
    let line = line.replace("##[", "#\u{200b}#[");
    if line.trim_start().starts_with("::") {
        line.replacen("::", ":\u{200b}:", 1)
    } else {
        line
    }
}

/// Shows characters that would end or turn a line, or do something to a terminal, as text.
///
/// The runner ends a line also at a lone carriage return, and what follows may then be a command.
pub(super) fn printable(line: &str) -> String {
    let mut shown = String::with_capacity(line.len());
    for c in line.strip_suffix('\r').unwrap_or(line).chars() {
        match c {
            // Below a statement of several lines stands a mark at the right column.
            '\t' => shown.push(' '),
            c if is_hidden(c) => shown.extend(c.escape_unicode()),
            c => shown.push(c),
        }
    }
    shown
}

/// Whether a character is not seen but does something: control characters, line and paragraph separators, and those
/// that change the direction of writing (Unicode's `Bidi_Control`).
pub(super) fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{2028}' | '\u{2029}' | '\u{61c}' | '\u{200e}' | '\u{200f}'
        )
        || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn escape_data(text: &str) -> String {
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

fn escape_property(text: &str) -> String {
    escape_data(text).replace(':', "%3A").replace(',', "%2C")
}

fn write_line(line: &str) {
    // A reader that is gone does not change what the run does.
    let _ = writeln!(io::stdout().lock(), "{line}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_data_is_no_command() {
        assert_eq!(
            defuse("::set-output name=a::b"),
            ":\u{200b}:set-output name=a::b"
        );
        assert_eq!(
            defuse("  ::stop-commands::x"),
            "  :\u{200b}:stop-commands::x"
        );
        assert_eq!(defuse("a ##[error]b"), "a #\u{200b}#[error]b");
        assert_eq!(defuse("a::b"), "a::b");
    }

    #[test]
    fn commands_escape_what_ends_them() {
        assert_eq!(escape_data("50%\r\nmore"), "50%25%0D%0Amore");
        assert_eq!(escape_property("a:b,c"), "a%3Ab%2Cc");
    }

    #[test]
    fn an_output_of_several_lines_keeps_them() {
        let text = output("schema", "a\nb=c<<d");
        let (head, rest) = text.split_once('\n').unwrap();
        let delimiter = head.strip_prefix("schema<<").unwrap();
        assert_eq!(rest, format!("a\nb=c<<d\n{delimiter}\n"));
        assert_ne!(output("a", ""), output("a", ""));
    }

    #[test]
    fn nothing_that_is_not_seen_is_printed() {
        assert_eq!(
            printable("a\r::set-output name=x::y"),
            "a\\u{d}::set-output name=x::y"
        );
        for c in [
            "\u{85}",
            "\u{2028}",
            "\u{2029}",
            "\u{1b}[31m",
            "\u{202e}",
            "\u{2066}",
            "\u{200f}",
            "\0",
            "\u{7f}",
        ] {
            let shown = printable(c);
            assert!(
                shown.starts_with("\\u{") && !shown.chars().any(is_hidden),
                "{shown}"
            );
        }
        assert_eq!(printable("größer\tals 🐕\r"), "größer als 🐕");
    }
}
