//! How a file of separated values is written, as far as the `csv` input says.

use encoding_rs::Encoding;

use crate::data::local_number::Numbers;
use crate::say::nearest;

/// What is said about CSV files; the rest is found out or usual.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CsvOptions {
    /// Between fields; found out if absent.
    pub(crate) delimiter: Option<u8>,
    /// Around fields; found out if absent.
    pub(crate) quote: Option<Quote>,
    pub(crate) numbers: Numbers,
    /// UTF-8 if absent, unless a byte order mark says otherwise.
    pub(crate) encoding: Option<&'static Encoding>,
    pub(crate) header: Header,
    /// Lines before the header.
    pub(crate) skip: u64,
    /// Fields that stand for no value.
    pub(crate) nulls: Vec<String>,
    pub(crate) blanks: Blanks,
}

/// What is around a field that holds delimiters or line breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Quote {
    Character(u8),
    /// No character has that meaning.
    None,
}

/// Whether the first line names the columns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Header {
    #[default]
    Present,
    /// The columns are `c1` to `cn`.
    Absent,
}

/// What becomes of blanks around a field.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Blanks {
    #[default]
    Kept,
    Trimmed,
}

impl CsvOptions {
    /// Whether the encoding is said.
    pub fn says_encoding(&self) -> bool {
        self.encoding.is_some()
    }

    /// Keys of the `csv` input.
    pub const KEYS: [&'static str; 9] = [
        "delimiter",
        "quote",
        "decimal",
        "thousands",
        "encoding",
        "header",
        "skip",
        "null",
        "trim",
    ];

    /// Reads the options from what was given for each of the keys.
    pub fn read<'v>(get: impl Fn(&str) -> Option<&'v str>) -> Result<CsvOptions, String> {
        let mut options = CsvOptions {
            delimiter: get("delimiter").map(delimiter).transpose()?,
            quote: get("quote").map(quote).transpose()?,
            numbers: numbers(get("decimal"), get("thousands"))?,
            encoding: get("encoding").map(encoding).transpose()?,
            nulls: nulls(get("null").unwrap_or_default()),
            ..CsvOptions::default()
        };
        if let Some(text) = get("header")
            && !is_yes("header", text)?
        {
            options.header = Header::Absent;
        }
        if let Some(text) = get("skip") {
            options.skip = text
                .parse()
                .map_err(|_| format!("`skip` is a number of lines before the header: `{text}`"))?;
        }
        if let Some(text) = get("trim")
            && is_yes("trim", text)?
        {
            options.blanks = Blanks::Trimmed;
        }
        if let (Some(delimiter), Some(Quote::Character(quote))) = (options.delimiter, options.quote)
            && delimiter == quote
        {
            return Err("`delimiter` and `quote` are the same character".into());
        }
        Ok(options)
    }
}

/// Reads what stands between fields.
pub(crate) fn delimiter(text: &str) -> Result<u8, String> {
    match text {
        "tab" | "\\t" | "\t" => Ok(b'\t'),
        _ => separator(text).ok_or_else(|| {
            format!("`delimiter` is one sign such as `;` or `|`, or `tab`: `{text}`")
        }),
    }
}

fn quote(text: &str) -> Result<Quote, String> {
    match text {
        "none" | "" => Ok(Quote::None),
        _ => separator(text)
            .map(Quote::Character)
            .ok_or_else(|| format!("`quote` is one sign such as `\"` or `'`, or `none`: `{text}`")),
    }
}

/// A sign of one byte that is no part of a word, a number or a line end.
fn separator(text: &str) -> Option<u8> {
    match text.as_bytes() {
        &[byte] if byte == b' ' || byte.is_ascii_punctuation() && !matches!(byte, b'-' | b'.') => {
            Some(byte)
        }
        _ => None,
    }
}

fn numbers(decimal: Option<&str>, thousands: Option<&str>) -> Result<Numbers, String> {
    let decimal = match decimal {
        None | Some(".") => '.',
        Some(",") => ',',
        Some(text) => return Err(format!("`decimal` is `.` or `,`: `{text}`")),
    };
    let thousands = match thousands {
        None | Some("" | "none") => None,
        Some("." | "," | "'" | "’" | " " | "_" | "\u{a0}" | "\u{202f}") => {
            thousands.and_then(|text| text.chars().next())
        }
        Some("space") => Some(' '),
        Some(text) => {
            return Err(format!(
                "`thousands` is one of `.` `,` `'` `_` or `space`: `{text}`"
            ));
        }
    };
    if thousands == Some(decimal) {
        return Err(format!(
            "`decimal` and `thousands` are both `{decimal}`: numbers written with a point for thousands have `decimal=,`"
        ));
    }
    Ok(Numbers { decimal, thousands })
}

/// Returns the encoding of a name as browsers know them.
pub(crate) fn by_label(label: &str) -> Option<&'static Encoding> {
    Encoding::for_label_no_replacement(label.as_bytes())
}

fn encoding(label: &str) -> Result<&'static Encoding, String> {
    by_label(label).ok_or_else(|| {
        let known = [
            "utf-8",
            "windows-1252",
            "iso-8859-1",
            "iso-8859-15",
            "latin1",
            "utf-16le",
            "utf-16be",
            "windows-1250",
            "windows-1251",
            "shift_jis",
            "gb18030",
            "big5",
            "euc-kr",
            "macintosh",
        ];
        match nearest(label, known) {
            Some(near) => format!("unknown encoding `{label}`, did you mean `{near}`?"),
            None => format!(
                "unknown encoding `{label}`: it is named as browsers do, such as `windows-1252`, `iso-8859-15` or `shift_jis`"
            ),
        }
    })
}

fn nulls(text: &str) -> Vec<String> {
    text.split(',')
        .filter(|token| !token.is_empty())
        .map(str::to_owned)
        .collect()
}

fn is_yes(key: &str, text: &str) -> Result<bool, String> {
    match text {
        "yes" | "true" => Ok(true),
        "no" | "false" => Ok(false),
        _ => Err(format!("`{key}` is `yes` or `no`: `{text}`")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &'static str)]) -> Result<CsvOptions, String> {
        CsvOptions::read(|key| {
            assert!(CsvOptions::KEYS.contains(&key), "{key}");
            let pair = pairs.iter().find(|(given, _)| *given == key);
            pair.map(|(_, value)| *value)
        })
    }

    #[test]
    fn every_option_is_read() {
        let options = read(&[
            ("delimiter", "\\t"),
            ("quote", "'"),
            ("decimal", ","),
            ("thousands", "."),
            ("encoding", "latin1"),
            ("header", "no"),
            ("skip", "3"),
            ("null", "NA,-"),
            ("trim", "yes"),
        ])
        .unwrap();
        assert_eq!(options.delimiter, Some(b'\t'));
        assert_eq!(options.quote, Some(Quote::Character(b'\'')));
        assert_eq!(
            (options.numbers.decimal, options.numbers.thousands),
            (',', Some('.'))
        );
        assert_eq!(options.encoding.unwrap().name(), "windows-1252");
        assert_eq!((options.header, options.skip), (Header::Absent, 3));
        assert_eq!(options.nulls, ["NA", "-"]);
        assert_eq!(options.blanks, Blanks::Trimmed);
        assert_eq!(read(&[]).unwrap(), CsvOptions::default());
        assert_eq!(
            read(&[("delimiter", "tab")]).unwrap().delimiter,
            Some(b'\t')
        );
        assert_eq!(read(&[("quote", "none")]).unwrap().quote, Some(Quote::None));
    }

    #[test]
    fn mistakes_name_what_is_possible() {
        for (key, value, told) in [
            ("delimiter", "ab", "one sign"),
            ("delimiter", "x", "one sign"),
            ("delimiter", "", "one sign"),
            ("quote", "ä", "one sign"),
            ("decimal", ";", "`.` or `,`"),
            ("thousands", "x", "one of"),
            ("thousands", ".", "are both `.`"),
            ("encoding", "utf8x", "did you mean `utf-8`"),
            ("encoding", "???", "as browsers do"),
            ("header", "maybe", "`yes` or `no`"),
            ("skip", "-1", "number of lines"),
            ("trim", "1", "`yes` or `no`"),
        ] {
            let error = read(&[(key, value)]).unwrap_err();
            assert!(error.contains(told), "{error}");
        }
        let same = read(&[("delimiter", "'"), ("quote", "'")]).unwrap_err();
        assert!(same.contains("the same character"), "{same}");
    }
}
