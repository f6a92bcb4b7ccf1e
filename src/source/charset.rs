//! Refuses separated values in an announced encoding that writes other characters with the bytes of ASCII.
//!
//! Such text would be read as UTF-8 without any error. An encoding that keeps ASCII as it is needs no word of the
//! server: servers often announce a wrong one, and bytes that are not UTF-8 are refused where they are read.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use anyhow::{Context, Result};
use encoding_rs::{Encoding, UTF_8};

use crate::problem::Problem;

/// Bytes looked at together.
const BLOCK: usize = 1 << 16;

/// What the server's word about the encoding counts for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Charset {
    /// Text in an announced encoding that would be misread is refused.
    #[default]
    Heeded,
    /// Nothing: the user says which encoding it is.
    Overruled,
}

/// Fails if the file is announced in an encoding whose text would be taken for other text of UTF-8.
pub(super) fn check(path: &Path, content_type: &str, origin: &str) -> Result<()> {
    let Some(name) = announced(content_type) else {
        return Ok(());
    };
    let Some(foreign) = AsciiIncompatible::of(&name) else {
        return Ok(());
    };
    if !foreign
        .is_in(path)
        .with_context(|| format!("cannot read `{origin}`"))?
    {
        return Ok(());
    }
    let known = Encoding::for_label_no_replacement(name.as_bytes());
    let hint = match known {
        Some(encoding) => {
            let known = encoding.name().to_ascii_lowercase();
            format!("set `csv: encoding={known}`, or `csv: encoding=utf-8` if the announcement is wrong")
        }
        None => "this encoding cannot be read: let the source deliver UTF-8; if the announcement is wrong, set `csv: encoding=` to the encoding the text really has, such as `utf-8`".into(),
    };
    Err(Problem::new(format!(
        "`{origin}` is announced with `charset={name}`, and its bytes are not UTF-8"
    ))
    .hint(hint)
    .into())
}

/// Returns the name of the encoding in lower case, if one of usual signs is announced.
fn announced(content_type: &str) -> Option<String> {
    let name = content_type.split(';').skip(1).find_map(|parameter| {
        let (key, value) = parameter.split_once('=')?;
        (key.trim().eq_ignore_ascii_case("charset")).then_some(value)
    })?;
    let name = name.trim().trim_matches(['"', '\'']).to_ascii_lowercase();
    let is_usual = |byte: u8| byte.is_ascii_alphanumeric() || b"-_:.+".contains(&byte);
    ((1..=40).contains(&name.len()) && name.bytes().all(is_usual)).then_some(name)
}

/// How text of an encoding that is not an extension of ASCII shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum AsciiIncompatible {
    /// By one of these bytes; without them it is ASCII.
    Marked(&'static [u8]),
    /// By anything that is not UTF-8.
    Unknown,
}

impl AsciiIncompatible {
    /// Returns `None` for the encodings that have ASCII in them unchanged.
    fn of(name: &str) -> Option<AsciiIncompatible> {
        let known = Encoding::for_label(name.as_bytes());
        if known == Some(UTF_8) {
            return None;
        }
        let begins = |parts: &[&str]| parts.iter().any(|part| name.starts_with(part));
        if begins(&["iso-2022", "csiso2022", "jis"]) {
            // Escape, shift out.
            return Some(AsciiIncompatible::Marked(b"\x1B\x0E"));
        }
        if begins(&["utf-7", "utf7", "unicode-1-1-utf-7", "csutf7", "x-utf-7"]) {
            return Some(AsciiIncompatible::Marked(b"+"));
        }
        if begins(&["hz"]) {
            return Some(AsciiIncompatible::Marked(b"~"));
        }
        if begins(&[
            "utf-16",
            "utf16",
            "utf-32",
            "utf32",
            "ucs-",
            "iso-10646-ucs",
            "csunicode",
            "unicode",
        ]) {
            return Some(AsciiIncompatible::Marked(b"\0"));
        }
        match known {
            Some(encoding) if encoding.is_ascii_compatible() => None,
            _ => Some(AsciiIncompatible::Unknown),
        }
    }

    /// Whether it shows in a file; what begins with a byte order mark tells its encoding itself.
    fn is_in(self, path: &Path) -> std::io::Result<bool> {
        let mut file = File::open(path)?;
        let mut bytes = Vec::new();
        let mut is_first = true;
        loop {
            let n_read = (&mut file).take(BLOCK as u64).read_to_end(&mut bytes)?;
            if is_first && Encoding::for_bom(&bytes).is_some() {
                return Ok(false);
            }
            is_first = false;
            match self {
                AsciiIncompatible::Marked(marks)
                    if bytes.iter().any(|byte| marks.contains(byte)) =>
                {
                    return Ok(true);
                }
                AsciiIncompatible::Marked(_) => bytes.clear(),
                AsciiIncompatible::Unknown => match std::str::from_utf8(&bytes) {
                    Ok(_) => bytes.clear(),
                    // The end of the block may cut a character.
                    Err(error) if error.error_len().is_none() && n_read > 0 => {
                        bytes.drain(..error.valid_up_to());
                    }
                    Err(_) => return Ok(true),
                },
            }
            if n_read == 0 {
                return Ok(false);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(content_type: &str, bytes: &[u8]) -> Option<String> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), bytes).unwrap();
        let error = check(file.path(), content_type, "x").err()?;
        let error = error.downcast::<Problem>().unwrap();
        Some(format!("{} -- {}", error.what, error.hint.unwrap()))
    }

    #[test]
    fn what_would_be_misread_is_refused() {
        for (charset, bytes, expected) in [
            (
                "iso-2022-jp",
                &b"a,b\n1,\x1b(I1\x1b(B\n"[..],
                "set `csv: encoding=iso-2022-jp`",
            ),
            (
                "\"ISO-2022-JP\"",
                b"a\n\x1b$B%F\x1b(B\n",
                "`charset=iso-2022-jp`",
            ),
            ("iso-2022-kr", b"\x1b$)Ca\n\x0e0!\x0f\n", "cannot be read"),
            ("iso-2022-cn", b"a\n\x1b$)A\x0e=;\x0f\n", "cannot be read"),
            ("utf-7", b"a\nM+APw-nchen\n", "let the source deliver UTF-8"),
            ("hz-gb-2312", b"a\n~{<:Ky2;~}\n", "cannot be read"),
            ("utf-16", b"a\0\n\0", "set `csv: encoding=utf-16le`"),
            ("utf-16be", b"\0a\0\n", "set `csv: encoding=utf-16be`"),
            ("ibm1047", b"\x81\x6b\x82\x25\xf1", "`charset=ibm1047`"),
            ("no-such", b"a\n\xE4\n", "`charset=no-such`"),
        ] {
            let told = told(
                &format!("text/csv; header=present; Charset={charset}"),
                bytes,
            );
            let told = told.unwrap_or_else(|| panic!("{charset}"));
            assert!(told.contains(expected), "{told}");
        }
    }

    #[test]
    fn a_wrong_announcement_of_utf_8_does_no_harm() {
        for charset in [
            "ISO-8859-1",
            "windows-1252",
            "us-ascii",
            "utf-8",
            "utf8",
            "unicode20utf8",
            "shift_jis",
            "gb18030",
            "iso-2022-jp",
            "utf-7",
            "hz-gb-2312",
            "utf-16",
            "ibm1047",
            "utf8mb4",
            "",
            "a b",
        ] {
            for text in ["a,b\n1,2\n", "a,b\n1,ä漢\n"] {
                let content_type = format!("text/csv;charset={charset}");
                assert_eq!(told(&content_type, text.as_bytes()), None, "{charset}");
            }
        }
        assert_eq!(told("text/csv", b"a\n\x1b$B%F\x1b(B\n"), None);
        assert_eq!(told("text/csv;charset=utf-16", b"\xFF\xFEa\0\n\0"), None);
        // A character on the border of two blocks.
        let text = format!("{}ä{}", "a".repeat(BLOCK - 1), "b".repeat(BLOCK));
        assert_eq!(told("text/csv;charset=no-such", text.as_bytes()), None);
        let cut = &text.as_bytes()[..BLOCK];
        assert!(told("text/csv;charset=no-such", cut).is_some());
    }
}
