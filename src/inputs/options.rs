//! Words and `key=value` pairs of one input, separated by blanks: `timeout=60 null="n / a"`.

use super::parse::nearest;

/// An input split into its words and pairs. A value is taken as it stands, or between `"`.
#[derive(Debug)]
pub(super) struct Options<'a> {
    /// Bare words in their order; what begins with `/` is one, whatever it holds.
    pub(super) words: Vec<String>,
    pairs: Vec<(&'a str, String)>,
}

impl<'a> Options<'a> {
    /// Splits a text; a key that is not among `known` is an error, and so is one given twice.
    pub(super) fn parse(text: &str, known: &[&'a str]) -> Result<Options<'a>, String> {
        let mut options = Options {
            words: Vec::new(),
            pairs: Vec::new(),
        };
        let mut rest = text.trim();
        while !rest.is_empty() {
            if rest.starts_with('#') {
                rest = rest.split_once('\n').map_or("", |(_, after)| after.trim());
                continue;
            }
            let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
            let word = &rest[..end];
            let pair = word.split_once('=').filter(|_| !word.starts_with('/'));
            let Some((key, _)) = pair else {
                options.words.push(word.to_owned());
                rest = rest[end..].trim_start();
                continue;
            };
            let known_key = known.iter().find(|known| **known == key);
            let Some(key) = known_key else {
                return Err(unknown(key, known));
            };
            let (value, after) = value(key, &rest[key.len() + 1..])?;
            if options.get(key).is_some() {
                return Err(format!("`{key}` is given twice"));
            }
            options.pairs.push((key, value));
            rest = after.trim_start();
        }
        Ok(options)
    }

    /// Whether there are pairs and no other words.
    pub(super) fn has_only_pairs(&self) -> bool {
        self.words.is_empty() && !self.pairs.is_empty()
    }

    /// Returns the value given for a key.
    pub(super) fn get(&self, key: &str) -> Option<&str> {
        let pair = self.pairs.iter().find(|(given, _)| *given == key);
        pair.map(|(_, value)| value.as_str())
    }
}

/// The value at the beginning of a text, and what follows it.
fn value<'t>(key: &str, text: &'t str) -> Result<(String, &'t str), String> {
    let Some(inner) = text.strip_prefix('"').filter(|inner| !is_alone(inner)) else {
        let end = text.find(char::is_whitespace).unwrap_or(text.len());
        return Ok((text[..end].to_owned(), &text[end..]));
    };
    let mut value = String::new();
    let mut rest = inner;
    while let Some((before, after)) = rest.split_once('"') {
        value += before;
        // Doubled, it stands for itself, as in CSV.
        if let Some(after) = after.strip_prefix('"') {
            value.push('"');
            rest = after;
        } else if after.is_empty() || after.starts_with(char::is_whitespace) {
            return Ok((value, after));
        } else {
            return Err(format!(
                "after the closing `\"` of `{key}` there must be a blank"
            ));
        }
    }
    Err(format!("the value of `{key}` has no closing `\"`"))
}

/// Whether the `\"` before this text is a value of its own (`quote=" decimal=,`) and opens nothing.
fn is_alone(after: &str) -> bool {
    if !after.is_empty() && !after.starts_with(char::is_whitespace) {
        return false;
    }
    let closing = after.trim_start().strip_prefix('"');
    !closing.is_some_and(|rest| rest.is_empty() || rest.starts_with(char::is_whitespace))
}

fn unknown(key: &str, known: &[&str]) -> String {
    let likely = match nearest(key, known) {
        none if none.is_empty() => format!("; valid are {}", known.join(", ")),
        likely => likely,
    };
    format!("there is no option `{key}`{likely}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: [&str; 4] = ["delimiter", "quote", "null", "timeout"];

    fn parse(text: &str) -> Result<Options<'static>, String> {
        Options::parse(text, &KNOWN)
    }

    #[test]
    fn words_and_pairs_are_told_apart() {
        let options = parse("next /a=b\n# timeout=1\n timeout=60  last:/id null=a=b").unwrap();
        assert_eq!(options.words, ["next", "/a=b", "last:/id"]);
        assert_eq!(options.get("timeout"), Some("60"));
        assert_eq!(options.get("null"), Some("a=b"));
        assert_eq!(options.get("quote"), None);
        assert!(parse("").unwrap().words.is_empty());
    }

    #[test]
    fn a_value_in_quotes_may_hold_blanks_and_quotes() {
        let get = |text: &str, key: &str| parse(text).unwrap().get(key).unwrap().to_owned();
        assert_eq!(get(r#"null="n / a" timeout=1"#, "null"), "n / a");
        assert_eq!(get(r#"null="say ""x""" timeout=1"#, "null"), r#"say "x""#);
        assert_eq!(get(r#"null="" timeout=1"#, "null"), "");
        assert_eq!(get("null= timeout=1", "null"), "");
        assert_eq!(get(r#"delimiter=" " quote=""#, "delimiter"), " ");
        // The documented default of `csv` is written this way.
        assert_eq!(get(r#"quote=" null="x""#, "quote"), "\"");
        assert_eq!(get(r#"quote="""""#, "quote"), "\"");
        assert_eq!(get(r#"delimiter=; quote=""#, "quote"), "\"");
    }

    #[test]
    fn mistakes_are_named() {
        assert_eq!(
            parse("timout=3").unwrap_err(),
            "there is no option `timout`; did you mean `timeout`?"
        );
        assert_eq!(
            parse("xyz=3").unwrap_err(),
            "there is no option `xyz`; valid are delimiter, quote, null, timeout"
        );
        assert_eq!(parse("null=a null=b").unwrap_err(), "`null` is given twice");
        assert!(parse(r#"null="a"#).unwrap_err().contains("no closing"));
        assert!(parse(r#"null="a"b"#).unwrap_err().contains("a blank"));
    }
}
