//! Paths into documents: JSON Pointer (RFC 6901) plus `*`.

use std::fmt;

/// Where the rows are inside a document: a JSON Pointer whose `*` stands for every element or value.
///
/// `/` is the whole document; a key that is really named `*` or the empty key at the root cannot be reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordsPath {
    pub(crate) steps: Vec<Step>,
}

/// A JSON Pointer (RFC 6901) to one value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pointer {
    /// Unescaped keys and indices; never empty.
    pub keys: Vec<String>,
}

/// One segment of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// A key of an object or an index of an array.
    Key(String),
    /// Every element of an array or every value of an object.
    Each,
}

impl RecordsPath {
    /// Reads a path; the error says what was probably meant.
    pub fn parse(text: &str) -> Result<RecordsPath, String> {
        if text == "/" {
            return Ok(RecordsPath { steps: Vec::new() });
        }
        let steps = keys(text)?
            .into_iter()
            .map(|key| {
                if key == "*" {
                    Step::Each
                } else {
                    Step::Key(key)
                }
            })
            .collect();
        Ok(RecordsPath { steps })
    }
}

impl fmt::Display for RecordsPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&pointer(&self.steps))
    }
}

impl Pointer {
    /// Reads a path to one value; the error says what was probably meant.
    pub fn parse(text: &str) -> Result<Pointer, String> {
        Ok(Pointer { keys: keys(text)? })
    }
}

impl fmt::Display for Pointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for key in &self.keys {
            write!(f, "/{}", escaped(key))?;
        }
        Ok(())
    }
}

/// Writes a key as a segment of a path.
fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

/// Writes steps as a path.
pub(crate) fn pointer(steps: &[Step]) -> String {
    if steps.is_empty() {
        return String::from("/");
    }
    let mut text = String::new();
    for step in steps {
        text.push('/');
        match step {
            Step::Key(key) => text.push_str(&escaped(key)),
            Step::Each => text.push('*'),
        }
    }
    text
}

/// Reads a JSON Pointer into its unescaped keys.
pub(crate) fn keys(text: &str) -> Result<Vec<String>, String> {
    let Some(rest) = text.strip_prefix('/') else {
        return Err(match suggestion(text) {
            Some(path) => format!("a path starts with `/`, did you mean `{path}`? `{text}`"),
            None => format!("a path starts with `/`, as in `/data/items`: `{text}`"),
        });
    };
    rest.split('/').map(|key| unescaped(key, text)).collect()
}

fn unescaped(key: &str, path: &str) -> Result<String, String> {
    let mut text = String::with_capacity(key.len());
    let mut characters = key.chars();
    while let Some(character) = characters.next() {
        text.push(match (character, character == '~') {
            (_, true) => match characters.next() {
                Some('0') => '~',
                Some('1') => '/',
                _ => {
                    return Err(format!(
                        "`~` is written `~0` and `/` inside a key `~1`: `{path}`"
                    ));
                }
            },
            (other, _) => other,
        });
    }
    Ok(text)
}

/// Rewrites dotted paths, `JSONPath` and URI fragments.
fn suggestion(text: &str) -> Option<String> {
    let text = text.trim().trim_start_matches(['$', '#', '.']);
    let mut path = String::new();
    for part in text.split(['.', '/', '[', ']']) {
        let key = part.trim_matches(['\'', '"']);
        if !key.is_empty() {
            path.push('/');
            path.push_str(key);
        }
    }
    // A path to an array means its elements already.
    let path = if text.ends_with("[*]") {
        path.strip_suffix("/*").map(String::from)?
    } else {
        path
    };
    (!path.is_empty()).then_some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_pointers() {
        for text in [
            "/data/items",
            "/rates/*",
            "/a~1b/~0c/0",
            "/",
            "/d/",
            "/@odata.nextLink",
        ] {
            assert_eq!(RecordsPath::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(keys("/a~1b/~01").unwrap(), ["a/b", "~1"]);
    }

    #[test]
    fn says_what_was_meant() {
        let meant = [
            ("data.items", "/data/items"),
            ("$.data.items", "/data/items"),
            ("$.data[*]", "/data"),
            ("$['data']['items']", "/data/items"),
            ("$.data[0].rows", "/data/0/rows"),
            (".data.items", "/data/items"),
            ("#/data", "/data"),
            ("data/items", "/data/items"),
            ("items", "/items"),
        ];
        for (text, path) in meant {
            let error = RecordsPath::parse(text).unwrap_err();
            assert!(
                error.contains(&format!("did you mean `{path}`?")),
                "{error}"
            );
        }
        assert!(
            RecordsPath::parse("$")
                .unwrap_err()
                .contains("starts with `/`")
        );
        assert!(RecordsPath::parse("/a~2").unwrap_err().contains("`~0`"));
    }
}
