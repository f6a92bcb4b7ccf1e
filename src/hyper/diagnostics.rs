//! Asks the engine once more about a statement it has refused: where in it, and what it suggests.
//!
//! hyperdb-api hands on code and message of an answer and drops the fields with place and suggestion. So this speaks the
//! engine's own protocol (that of `PostgreSQL` 3.0) for one `EXPLAIN`, over empty tables like those the statement saw.
//! Nothing is executed, and whatever goes wrong only leaves an error without its place.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use super::position::Span;
use super::sql::first_word;

/// An engine that has just answered does so again; nobody waits longer for a nicer message.
const PATIENCE: Duration = Duration::from_secs(3);
/// Protocol 3.0.
const VERSION: u32 = 196_608;
/// Bytes of an answer that are read.
const LONGEST: u32 = 1 << 20;

/// What the engine says about a statement.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Diagnostic {
    /// SQLSTATE.
    pub(super) code: String,
    /// What is wrong.
    pub(super) message: String,
    /// What to write instead, for some mistakes.
    pub(super) suggestion: Option<String>,
    /// Where in the statement.
    pub(super) span: Option<Span>,
}

/// Returns what the engine has against a statement; `None` if it has nothing or does not say.
///
/// `endpoint` is `host:port`, `tables` are the statements that make the tables it reads.
pub(super) fn diagnose(endpoint: &str, tables: &[String], statement: &str) -> Option<Diagnostic> {
    let mut client = WireClient::connect(endpoint).ok()?;
    for table in tables {
        client.query(table).ok()?;
    }
    let fields = client.query(&question(statement)).ok()?;
    (!fields.is_empty()).then(|| diagnostic(&fields, statement))
}

/// Has the statement planned and not carried out; its lines are one further down.
///
/// Behind `EXPLAIN` a bracket would be options, such as to carry it out.
fn question(statement: &str) -> String {
    match first_word(statement).to_ascii_lowercase().as_str() {
        "select" | "with" => format!("EXPLAIN\n{statement}"),
        _ => format!("EXPLAIN SELECT * FROM (\n{statement}\n) AS shaped"),
    }
}

fn diagnostic(fields: &[(u8, String)], statement: &str) -> Diagnostic {
    let get = |wanted: u8| {
        let field = fields.iter().find(|(name, _)| *name == wanted);
        field.map(|(_, value)| value.as_str())
    };
    Diagnostic {
        code: get(b'C').unwrap_or_default().to_owned(),
        message: get(b'M').unwrap_or_default().to_owned(),
        suggestion: get(b'H').map(str::to_owned),
        span: get(b'D').and_then(|detail| span(detail, statement)),
    }
}

/// Reads `line 2, column 5: FRM input` and the `^~~~~` below it.
fn span(detail: &str, statement: &str) -> Option<Span> {
    let (_, rest) = detail.split_once("line ")?;
    let (line, rest) = rest.split_once(", column ")?;
    let (column, rest) = rest.split_once(": ")?;
    let (shown, marks) = rest.split_once('\n')?;
    // The first line is ours. Places in a value have the same form, and are not meant here.
    let line = line.parse::<usize>().ok()?.checked_sub(1)?;
    let text = statement.lines().nth(line.checked_sub(1)?)?;
    let shown = shown.trim_start_matches("...").trim_end_matches("...");
    let width = marks.trim().chars().count().max(1);
    text.contains(shown).then_some(Span {
        line,
        column: column.parse().ok()?,
        width,
    })
}

/// A connection to the engine.
struct WireClient(TcpStream);

impl WireClient {
    fn connect(endpoint: &str) -> std::io::Result<WireClient> {
        let stream = TcpStream::connect(endpoint)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let mut client = WireClient(stream);
        let mut body = VERSION.to_be_bytes().to_vec();
        body.extend(b"user\0tableau_internal_user\0\0");
        client.send(&[], &body)?;
        client.answer()?;
        Ok(client)
    }

    /// Returns the fields of the error, none if all went well.
    fn query(&mut self, statement: &str) -> std::io::Result<Vec<(u8, String)>> {
        let body = [statement.as_bytes(), &[0]].concat();
        self.send(b"Q", &body)?;
        self.answer()
    }

    fn send(&mut self, kind: &[u8], body: &[u8]) -> std::io::Result<()> {
        let length = u32::try_from(body.len() + 4).map_err(std::io::Error::other)?;
        let message = [kind, &length.to_be_bytes(), body].concat();
        self.0.write_all(&message)
    }

    /// Reads up to `ReadyForQuery`.
    fn answer(&mut self) -> std::io::Result<Vec<(u8, String)>> {
        let mut fields = Vec::new();
        loop {
            let mut head = [0; 5];
            self.0.read_exact(&mut head)?;
            let [kind, length @ ..] = head;
            let length = u32::from_be_bytes(length).saturating_sub(4);
            if length > LONGEST {
                return Err(std::io::Error::other("the answer is too long"));
            }
            let mut body = vec![0; usize::try_from(length).unwrap_or_default()];
            self.0.read_exact(&mut body)?;
            match kind {
                b'E' => fields = fields_of(&body),
                b'Z' => return Ok(fields),
                _ => {}
            }
        }
    }
}

/// A letter and a text with a final NUL, as often as there are fields.
fn fields_of(body: &[u8]) -> Vec<(u8, String)> {
    let fields = body.split(|byte| *byte == 0);
    let fields = fields.filter_map(|field| {
        let (name, value) = field.split_first()?;
        Some((*name, String::from_utf8_lossy(value).into_owned()))
    });
    fields.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_counts_in_the_users_lines() {
        let detail = "\nline 3, column 5: FRM input\n                      ^~~~~";
        let span = |detail, statement| super::span(detail, statement);
        let found = span(detail, "SELECT amount\nFRM input");
        let expected = Span {
            line: 2,
            column: 5,
            width: 5,
        };
        assert_eq!(found, Some(expected));
        // A place in a value, and one in the line that is ours.
        assert_eq!(span("\nline 2, column 2: EMEA\n ^", "SELECT x"), None);
        assert_eq!(span("\nline 1, column 2: EXPLAIN\n ^", "SELECT x"), None);
        assert_eq!(span("'EMEA'", "SELECT x"), None);
        let long = "\nline 2, column 39: ...T a IN (SELECT...\n   ^~";
        assert!(span(long, "SELECT aaaaaaaaaaaaaaaaaaaaaaaaT a IN (SELECT 1)").is_some());
    }

    #[test]
    fn a_statement_is_never_taken_for_options_of_the_question() {
        for statement in [
            "(ANALYZE) DELETE FROM input",
            "ANALYZE SELECT 1",
            "/* a */ (SELECT 1)",
        ] {
            assert!(
                question(statement).starts_with("EXPLAIN SELECT * FROM ("),
                "{statement}"
            );
        }
        assert_eq!(question("-- a\nSELECT 1"), "EXPLAIN\n-- a\nSELECT 1");
    }

    #[test]
    fn fields_are_letters_and_texts() {
        let body = b"SERROR\0C42601\0M\xffx\0\0";
        let fields = fields_of(body);
        assert_eq!(fields.len(), 3);
        assert_eq!(fields[1], (b'C', "42601".to_owned()));
        assert_eq!(fields[2].1, "\u{fffd}x");
    }
}
