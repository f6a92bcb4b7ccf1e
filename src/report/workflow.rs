//! The runner's side: workflow commands on standard output, and the files it reads afterwards.
//!
//! Grammar and limits are those of actions/runner: 10 annotations of a kind for a step, messages
//! cut at 4096 characters, a heredoc with a random delimiter for every output.

use std::fs::OpenOptions;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{self, Write};
use std::path::Path;

use secrecy::SecretString;

use super::expose;

/// The runner keeps ten annotations of a kind; the last one says how many there would be.
const ANNOTATIONS: usize = 9;
/// Below the 4096 characters the runner keeps, escapes included.
const MESSAGE: usize = 3_500;
/// Masking shorter texts would black out half the log.
const SHORTEST_SECRET: usize = 4;

/// How serious an annotation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Error,
    Warning,
}

/// Writes lines, as workflow commands where a runner reads them.
#[derive(Debug)]
pub(super) struct Printer {
    is_on_github: bool,
    is_in_group: bool,
    secrets: Vec<SecretString>,
}

impl Printer {
    pub(super) fn new(is_on_github: bool) -> Printer {
        Printer {
            is_on_github,
            is_in_group: false,
            secrets: Vec::new(),
        }
    }

    /// From here on the secret is shown as `***`, by us and by the runner.
    pub(super) fn mask(&mut self, secret: SecretString) {
        let text = expose(&secret);
        if text.trim().len() < SHORTEST_SECRET
            || self.secrets.iter().any(|known| expose(known) == text)
        {
            return;
        }
        if self.is_on_github {
            write_line(&format!("::add-mask::{}", escape_data(text)));
        }
        self.secrets.push(secret);
        // Longer ones first: one secret may be part of another.
        self.secrets
            .sort_by_key(|secret| std::cmp::Reverse(expose(secret).len()));
    }

    /// Returns a text without any secret.
    pub(super) fn redact(&self, text: &str) -> String {
        self.redact_as(text, str::to_owned)
    }

    /// Returns a text without any secret, whose secrets would be written in a way of its own.
    pub(super) fn redact_as(&self, text: &str, written: impl Fn(&str) -> String) -> String {
        self.secrets.iter().fold(text.to_owned(), |text, secret| {
            text.replace(&written(expose(secret)), "***")
        })
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
        for line in self.redact(text).lines() {
            write_line(&format!("{indent}{}", defuse(line)));
        }
    }

    /// Writes annotations, title and message each; outside GitHub the log has said it already.
    pub(super) fn annotate(
        &self,
        kind: Kind,
        messages: impl IntoIterator<Item = (String, String)>,
    ) {
        if !self.is_on_github {
            return;
        }
        let name = match kind {
            Kind::Error => "error",
            Kind::Warning => "warning",
        };
        let messages: Vec<(String, String)> = messages.into_iter().collect();
        let (shown, more) = messages.split_at(messages.len().min(ANNOTATIONS));
        for (title, message) in shown {
            let message: String = self.redact(message).chars().take(MESSAGE).collect();
            let title = match title.as_str() {
                "" => String::new(),
                title => format!(" title={}", escape_property(title)),
            };
            write_line(&format!("::{name}{title}::{}", escape_data(&message)));
        }
        if !more.is_empty() {
            write_line(&format!(
                "::{name}::and {} more, see the job summary",
                more.len()
            ));
        }
    }

    /// Appends to a file the runner reads; says so if that fails.
    pub(super) fn append(&self, file: Option<&Path>, text: &str) -> bool {
        let Some(file) = file else { return true };
        let appended = OpenOptions::new()
            .append(true)
            .create(true)
            .open(file)
            .and_then(|mut file| file.write_all(text.as_bytes()));
        if let Err(error) = &appended {
            self.lines(&format!("cannot write `{}`: {error}", file.display()));
            self.annotate(
                Kind::Error,
                [(
                    String::new(),
                    format!("cannot write the results for the runner: {error}"),
                )],
            );
        }
        appended.is_ok()
    }
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
    let random = || RandomState::new().build_hasher().finish();
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
    use crate::report::summary::escape;

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
    fn secrets_are_replaced_the_longer_first() {
        let mut printer = Printer::new(false);
        for secret in ["abcd", "abcdef", "xy"] {
            printer.mask(SecretString::from(secret));
        }
        assert_eq!(printer.redact("abcdef abcd xy"), "*** *** xy");
        let mut printer = Printer::new(false);
        printer.mask(SecretString::from("ghp_ab|cd"));
        let summary = escape("sent ghp_ab|cd");
        assert_eq!(printer.redact_as(&summary, escape), "sent ***");
    }
}
