//! Finds out what stands between the fields of a file, from its first complete records.
//!
//! Only what cannot be read in two ways is decided here; a wrong guess would be a wrong table. That is why it is own
//! code: sniffers such as csv-nose always answer with the likeliest dialect.

use std::borrow::Cow;
use std::path::Path;

use encoding_rs::Encoding;

use super::dialect::Dialect;
use super::trim::Trimmer;
use crate::readers::position::DataProblem;
use crate::readers::text;
use crate::rules::csv::{Blanks, CsvOptions, Header, Quote, delimiter};

/// Bytes looked at.
const LOOKED_AT: usize = 1 << 20;
/// Records looked at.
const MOST_RECORDS: usize = 1000;
/// What stands between fields in practice.
const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];

/// Completes what the `csv` input says with what the file shows.
pub(crate) fn sniff(
    path: &Path,
    encoding: &'static Encoding,
    options: &CsvOptions,
    usual: Option<u8>,
) -> Result<Dialect, DataProblem> {
    let head = text::head(path, Some(encoding), LOOKED_AT as u64)?;
    // The user's word counts more than the file's, and that more than its name.
    let said = announced(&head);
    let n_before = options.skip.max(u64::from(said.is_some()));
    let sample = Sample::new(&head, n_before, options.blanks);
    if let Some(delimiter) = options.delimiter.or(said).or(usual) {
        let quote = options.quote.unwrap_or_else(|| sample.quote(delimiter));
        if options.header == Header::Present {
            sample.doubt(delimiter, options.quote)?;
        }
        return Ok(Dialect {
            delimiter,
            quote,
            n_before,
        });
    }
    let quote = |delimiter| options.quote.unwrap_or_else(|| sample.quote(delimiter));
    let shapes: Vec<Candidate> = DELIMITERS
        .iter()
        .map(|&delimiter| sample.shape(delimiter, quote(delimiter)))
        .collect();
    let delimiter = choose(&shapes, options.header)?;
    Ok(Dialect {
        delimiter,
        quote: quote(delimiter),
        n_before,
    })
}

/// The first bytes of a file, behind the lines to skip.
struct Sample<'h> {
    text: &'h [u8],
    /// Whether there is nothing behind them.
    is_whole: bool,
    /// Lines to skip.
    n_before: u64,
    blanks: Blanks,
}

/// What one delimiter makes of the sample.
#[derive(Debug)]
struct Candidate {
    delimiter: u8,
    /// Fields of the first record.
    first: usize,
    /// Fields of all others, if they agree.
    others: OtherCandidates,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum OtherCandidates {
    None,
    All(usize),
    Mixed,
}

impl<'h> Sample<'h> {
    fn new(head: &'h [u8], n_before: u64, blanks: Blanks) -> Sample<'h> {
        let mut text = head;
        for _ in 0..n_before {
            text = &text[text::line_length(text)..];
        }
        Sample {
            text,
            is_whole: head.len() < LOOKED_AT,
            n_before,
            blanks,
        }
    }

    /// Apostrophes are quotes only if the whole first record has them: they begin words as well.
    fn quote(&self, delimiter: u8) -> Quote {
        let double = Quote::Character(b'"');
        let trimmed = |field: &'h [u8]| match self.blanks {
            Blanks::Trimmed => field.trim_ascii(),
            Blanks::Kept => field,
        };
        if self.text.contains(&b'"') || !trimmed(self.text).starts_with(b"'") {
            return double;
        }
        let end = self
            .text
            .iter()
            .position(|byte| matches!(byte, b'\n' | b'\r'));
        let line = &self.text[..end.unwrap_or(self.text.len())];
        let is_wrapped =
            |field: &[u8]| field.len() >= 2 && field.starts_with(b"'") && field.ends_with(b"'");
        let mut fields = line.split(|byte| *byte == delimiter).map(trimmed);
        if fields.all(is_wrapped) {
            Quote::Character(b'\'')
        } else {
            double
        }
    }

    /// Fails if what is said to separate the fields leaves one column, and the file evidently has others.
    fn doubt(&self, delimiter: u8, quote: Option<Quote>) -> Result<(), DataProblem> {
        let shape = |delimiter| {
            let quote = quote.unwrap_or_else(|| self.quote(delimiter));
            self.shape(delimiter, quote)
        };
        let said = shape(delimiter);
        if said.first != 1 {
            return Ok(());
        }
        let others = DELIMITERS.iter().filter(|other| **other != delimiter);
        let others = others.map(|&other| shape(other));
        let others: Vec<Candidate> = others.filter(|other| other.first > 1).collect();
        let Some(better) = others.iter().find(|other| other.is_even()) else {
            return Ok(());
        };
        let line = &self.text[..text::line_length(self.text)];
        let count = |shape: &Candidate| {
            let signs = line.iter().filter(|byte| **byte == shape.delimiter);
            format!("{} {}", signs.count(), shape.shown())
        };
        let held: Vec<String> = others.iter().chain([&said]).map(count).collect();
        let wanted = better.name();
        Err(DataProblem::new(format!(
            "with {} between its fields the file has one column; its header line holds {}",
            said.shown(),
            held.join(", ")
        ))
        .hint(format!(
            "set `csv: delimiter={wanted}`; if this is one column, put its name in quotes, or set `csv: delimiter={} header=no skip={}`",
            said.name(),
            self.n_before + 1
        )))
    }

    fn shape(&self, delimiter: u8, quote: Quote) -> Candidate {
        let mut builder = csv::ReaderBuilder::new();
        builder
            .has_headers(false)
            .flexible(true)
            .delimiter(delimiter);
        match quote {
            Quote::Character(quote) => builder.quote(quote),
            Quote::None => builder.quoting(false),
        };
        let mut text = Cow::Borrowed(self.text);
        if self.blanks == Blanks::Trimmed {
            let mut trimmer = Trimmer::new(Dialect {
                delimiter,
                quote,
                n_before: 0,
            });
            let length = trimmer.strip(text.to_mut());
            text.to_mut().truncate(length);
        }
        let mut reader = builder.from_reader(&*text);
        let mut record = csv::ByteRecord::new();
        let mut counts = Vec::new();
        while counts.len() < MOST_RECORDS && reader.read_byte_record(&mut record).unwrap_or(false) {
            counts.push(record.len());
        }
        // The last record may be cut off.
        if !self.is_whole && counts.len() > 1 && counts.len() < MOST_RECORDS {
            counts.pop();
        }
        let first = counts.first().copied().unwrap_or(0);
        let others = match counts.get(1) {
            None => OtherCandidates::None,
            Some(&count) if counts[1..].iter().all(|other| *other == count) => {
                OtherCandidates::All(count)
            }
            Some(_) => OtherCandidates::Mixed,
        };
        Candidate {
            delimiter,
            first,
            others,
        }
    }
}

impl Candidate {
    /// Whether every record has as many fields as the first.
    fn is_even(&self) -> bool {
        match self.others {
            OtherCandidates::None => true,
            OtherCandidates::All(count) => count == self.first,
            OtherCandidates::Mixed => false,
        }
    }

    /// Returns the delimiter as it is written in `csv`.
    fn name(&self) -> String {
        match self.delimiter {
            b'\t' => String::from("tab"),
            other => char::from(other).to_string(),
        }
    }

    fn shown(&self) -> String {
        format!("`{}`", self.name())
    }
}

fn choose(shapes: &[Candidate], header: Header) -> Result<u8, DataProblem> {
    let splits: Vec<&Candidate> = shapes.iter().filter(|shape| shape.first > 1).collect();
    let even: Vec<&&Candidate> = splits.iter().filter(|shape| shape.is_even()).collect();
    match (splits.as_slice(), even.as_slice()) {
        // A row of another length is told with its line when it is read.
        ([only], _) => Ok(only.delimiter),
        (_, [only]) => Ok(only.delimiter),
        ([], _) => {
            // One column, unless what should be its values falls into the same pieces everywhere.
            let hidden = shapes
                .iter()
                .find(|shape| matches!(shape.others, OtherCandidates::All(count) if count > 1));
            match hidden {
                Some(shape) if header == Header::Present => {
                    let count = match shape.others {
                        OtherCandidates::All(count) => count,
                        OtherCandidates::None | OtherCandidates::Mixed => 0,
                    };
                    Err(DataProblem::new(format!(
                        "the header line has 1 field, but {} would separate the other lines into {count}",
                        shape.shown()
                    ))
                    .hint("say how the file is written: `csv: delimiter=` with what is between its fields, and `skip=` with the number of lines before the header"))
                }
                _ => Ok(b','),
            }
        }
        (several, _) => {
            let several = if even.is_empty() {
                several.to_vec()
            } else {
                even.iter().map(|shape| **shape).collect()
            };
            let shown: Vec<String> = several
                .iter()
                .map(|shape| format!("{} ({} columns)", shape.shown(), shape.first))
                .collect();
            let example = several[0].name();
            Err(DataProblem::new(format!(
                "the fields may be separated by {}",
                shown.join(" or ")
            ))
            .hint(format!("say which it is, as in `csv: delimiter={example}`")))
        }
    }
}

/// Returns what the first line of a file says about its delimiter: Excel's `sep=;`, which is no header.
fn announced(head: &[u8]) -> Option<u8> {
    let line = &head[..text::line_length(head)];
    let line = std::str::from_utf8(line)
        .ok()?
        .trim_end_matches(['\r', '\n']);
    let inside = line
        .strip_prefix('"')
        .and_then(|line| line.strip_suffix('"'));
    let line = inside.unwrap_or(line);
    let (key, sign) = line.split_at_checked("sep=".len())?;
    if !key.eq_ignore_ascii_case("sep=") {
        return None;
    }
    // Programs that save the file again fill the line up with the delimiter.
    let one = sign
        .get(..1)
        .filter(|one| sign.trim_end_matches(one).is_empty());
    delimiter(one.unwrap_or(sign)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sniff(text: &str) -> Result<(char, char), String> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        let options = CsvOptions::default();
        match super::sniff(file.path(), encoding_rs::UTF_8, &options, None) {
            Ok(Dialect {
                delimiter,
                quote: Quote::Character(quote),
                n_before: 0,
            }) => Ok((char::from(delimiter), char::from(quote))),
            Ok(other) => panic!("{other:?}"),
            Err(problem) => Err(format!("{} -- {}", problem.what, problem.hint.unwrap())),
        }
    }

    #[test]
    fn what_separates_is_found() {
        for (text, delimiter) in [
            ("a,b\n1,2\n", ','),
            ("a;b\n1,5;2\n3,5;4\n", ';'),
            ("a\tb\nx, y\tz\n", '\t'),
            ("a|b\r1|2\r", '|'),
            ("a\n1\n2\n", ','),
            ("a\nhello, world\nfoo\n", ','),
            ("a", ','),
            ("", ','),
            ("a,\"b;c\"\n1,2\n", ','),
            ("\"a, b\";c\n\"x, y\";1\n", ';'),
            // One delimiter in the header: a bad row is told when it is read.
            ("a;b;c\n1;2;3\n4;5\n", ';'),
            ("a;b,c\n1;2\n3;4\n", ';'),
        ] {
            assert_eq!(sniff(text), Ok((delimiter, '"')), "{text}");
        }
        assert_eq!(sniff("'a';'b'\n'1';'2;3'\n"), Ok((';', '\'')));
        assert_eq!(sniff("'tis;b\n1;2\n"), Ok((';', '"')));
    }

    #[test]
    fn what_can_be_read_in_two_ways_is_not_guessed() {
        let error = sniff("a;b,c\n1;2,5\n").unwrap_err();
        assert!(
            error.contains("`,` (2 columns) or `;` (2 columns)"),
            "{error}"
        );
        assert!(error.contains("csv: delimiter=,"), "{error}");
        let error = sniff("Report of May\na;b;c\n1;2;3\n").unwrap_err();
        assert!(
            error.contains("`;` would separate the other lines into 3"),
            "{error}"
        );
        assert!(error.contains("skip="), "{error}");
    }

    #[test]
    fn what_is_said_and_leaves_one_column_is_doubted() {
        let read = |text: &str, options: &[(&str, &str)], usual| {
            let file = tempfile::NamedTempFile::new().unwrap();
            std::fs::write(file.path(), text).unwrap();
            let get = |key: &str| options.iter().find(|option| option.0 == key);
            let options = CsvOptions::read(|key| get(key).map(|option| option.1)).unwrap();
            match super::sniff(file.path(), encoding_rs::UTF_8, &options, usual) {
                Ok(dialect) => Ok(char::from(dialect.delimiter)),
                Err(problem) => Err(format!("{} -- {}", problem.what, problem.hint.unwrap())),
            }
        };
        let comma = [("delimiter", ",")];
        for (text, options, usual, told) in [
            (
                "a;b;c\n1;2;3\n",
                &comma[..],
                None,
                "2 `;`, 0 `,` -- set `csv: delimiter=;`",
            ),
            ("a\tb\n1\t2\n", &comma, None, "delimiter=tab`"),
            (
                "x\na|b\n1|2,5\n",
                &[("delimiter", ","), ("skip", "1")],
                None,
                "header=no skip=2",
            ),
            ("a,b\n1,2\n", &[("delimiter", "^")], None, "1 `,`, 0 `^`"),
            ("a,b\n1,2\n", &[], Some(b'\t'), "1 `,`, 0 `tab`"),
            ("sep=,\na;b\n1;2\n", &[], None, "header=no skip=2"),
        ] {
            let error = read(text, options, usual).unwrap_err();
            assert!(error.contains(told), "{error}");
        }
        for (text, options) in [
            ("a\n1\n", &comma[..]),
            ("a\n1;2\n3;4\n", &comma),
            ("\"a;b\"\n1;2\n", &comma),
            ("name; title\nx\ny;z\n", &comma),
            ("a;b\n1;2\n", &[("delimiter", ","), ("header", "no")]),
            ("a;b,c\n1;2,5\n", &comma),
        ] {
            assert_eq!(read(text, options, None), Ok(','), "{text}");
        }
    }

    #[test]
    fn a_record_that_is_cut_off_does_not_count() {
        let text = "a;b\n1,5;2\n".repeat(LOOKED_AT / 10 + 10);
        assert_eq!(sniff(&text), Ok((';', '"')));
    }

    #[test]
    fn a_first_line_may_say_the_delimiter() {
        for (head, said) in [
            ("sep=;\na;b\n", Some(b';')),
            ("SEP=,\r\na,b", Some(b',')),
            ("\"sep=|\"\r", Some(b'|')),
            ("sep=\t\n", Some(b'\t')),
            ("sep=\\t\n", Some(b'\t')),
            ("sep=tab\n", Some(b'\t')),
            ("sep=;;;;\n", Some(b';')),
            ("sep=^", Some(b'^')),
            ("sep=\n", None),
            ("sep=x\n", None),
            ("sep=a;b\n", None),
            ("sep;b\n", None),
            ("a;sep=;\n", None),
            ("", None),
            ("séé", None),
        ] {
            assert_eq!(announced(head.as_bytes()), said, "{head}");
        }
    }
}
