//! Reads `multipart/mixed` bodies piece by piece, so that no file is ever in memory.

use memchr::memmem;

/// More header lines than any client sends.
const LONGEST_HEADERS: usize = 16 * 1024;

/// What the parser found in the bytes pushed so far.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    /// A part begins.
    Part(PartHead),
    /// Bytes of the current part.
    Data(Vec<u8>),
    /// The current part is complete.
    PartEnd,
}

/// The headers of a part that matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct PartHead {
    pub(crate) name: String,
    pub(crate) filename: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Preamble,
    Delimiter,
    Headers,
    Data,
    Done,
}

/// An incremental parser; it keeps no more than one boundary's length of data.
pub(crate) struct Parser {
    delimiter: Vec<u8>,
    buffer: Vec<u8>,
    state: State,
}

impl Parser {
    pub(crate) fn new(boundary: &str) -> Self {
        let delimiter = format!("\r\n--{boundary}").into_bytes();
        // The first delimiter may stand at the very start, without a line break of its own.
        Self {
            delimiter,
            buffer: b"\r\n".to_vec(),
            state: State::Preamble,
        }
    }

    /// Takes the next bytes of the body.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Result<Vec<Piece>, String> {
        self.buffer.extend_from_slice(bytes);
        let mut pieces = Vec::new();
        while self.step(&mut pieces)? {}
        Ok(pieces)
    }

    /// Must be called after the last byte.
    pub(crate) fn finish(&self) -> Result<(), String> {
        match self.state {
            State::Done => Ok(()),
            State::Preamble => Err("the boundary never occurs".to_owned()),
            State::Delimiter | State::Headers | State::Data => {
                Err("the closing boundary is missing".to_owned())
            }
        }
    }

    fn step(&mut self, pieces: &mut Vec<Piece>) -> Result<bool, String> {
        match self.state {
            State::Done => {
                self.buffer.clear();
                Ok(false)
            }
            State::Preamble | State::Data => {
                let found = memmem::find(&self.buffer, &self.delimiter);
                let end =
                    found.unwrap_or(self.buffer.len().saturating_sub(self.delimiter.len() - 1));
                let data: Vec<u8> = self.buffer.drain(..end).collect();
                if self.state == State::Data && !data.is_empty() {
                    pieces.push(Piece::Data(data));
                }
                if found.is_none() {
                    return Ok(false);
                }
                self.buffer.drain(..self.delimiter.len());
                if self.state == State::Data {
                    pieces.push(Piece::PartEnd);
                }
                self.state = State::Delimiter;
                Ok(true)
            }
            State::Delimiter => {
                let Some(next) = self.buffer.get(..2) else {
                    return Ok(false);
                };
                self.state = match next {
                    b"--" => State::Done,
                    // The line break stays: it may already be the empty line that ends the headers.
                    b"\r\n" => State::Headers,
                    _ => return Err("a boundary is not followed by a line break".to_owned()),
                };
                Ok(true)
            }
            State::Headers => {
                let Some(end) = memmem::find(&self.buffer, b"\r\n\r\n") else {
                    return if self.buffer.len() > LONGEST_HEADERS {
                        Err("the headers of a part never end".to_owned())
                    } else {
                        Ok(false)
                    };
                };
                let lines: Vec<u8> = self.buffer.drain(..end + 4).collect();
                pieces.push(Piece::Part(read_head(&String::from_utf8_lossy(&lines))?));
                self.state = State::Data;
                Ok(true)
            }
        }
    }
}

/// Returns the boundary of a `multipart/mixed` content type.
pub(crate) fn boundary(content_type: &str) -> Option<Result<&str, String>> {
    let (kind, parameters) = content_type.split_once(';').unwrap_or((content_type, ""));
    if !kind.trim().eq_ignore_ascii_case("multipart/mixed") {
        return None;
    }
    let boundary = parameters.split(';').find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim()
            .eq_ignore_ascii_case("boundary")
            .then(|| value.trim())
    });
    Some(match boundary {
        Some(value) if value.starts_with('"') => Err("the boundary parameter is quoted".to_owned()),
        Some(value) if (1..=70).contains(&value.len()) => Ok(value),
        _ => Err("the boundary parameter is missing or too long".to_owned()),
    })
}

fn read_head(lines: &str) -> Result<PartHead, String> {
    let mut head = PartHead::default();
    for line in lines.split("\r\n").filter(|line| !line.is_empty()) {
        let (name, value) = line
            .split_once(':')
            .ok_or_else(|| format!("`{line}` is not a header of a part"))?;
        if name.trim().eq_ignore_ascii_case("content-disposition") {
            // The samples of Tableau leave out `form-data` and the quotes; servers do not mind.
            for parameter in value.split(';') {
                let Some((key, text)) = parameter.split_once('=') else {
                    continue;
                };
                let text = text.trim().trim_matches('"').to_owned();
                match key.trim().to_ascii_lowercase().as_str() {
                    "name" => head.name = text,
                    "filename" => head.filename = Some(text),
                    _ => {}
                }
            }
        }
    }
    if head.name.is_empty() {
        Err("a part has no name".to_owned())
    } else {
        Ok(head)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &[u8] = b"--b1\r\nContent-Disposition: form-data; name=\"request_payload\"; filename=\"\"\r\nContent-Type: text/xml\r\n\r\n\r\n--b1\r\nContent-Disposition: name=tableau_file; filename=\"file\"\r\n\r\nab\r\n--b\r\n-\r\nc\r\n--b1--\r\n";

    fn read(body: &[u8], size: usize) -> Result<Vec<(String, Vec<u8>)>, String> {
        let mut parser = Parser::new("b1");
        let mut parts: Vec<(String, Vec<u8>)> = Vec::new();
        for bytes in body.chunks(size) {
            for piece in parser.push(bytes)? {
                match piece {
                    Piece::Part(head) => parts.push((head.name, Vec::new())),
                    Piece::Data(data) => parts.last_mut().unwrap().1.extend(data),
                    Piece::PartEnd => {}
                }
            }
        }
        parser.finish().map(|()| parts)
    }

    #[test]
    fn the_size_of_the_pieces_does_not_matter() {
        for size in 1..=BODY.len() {
            let parts = read(BODY, size).unwrap();
            assert_eq!(parts[0], ("request_payload".to_owned(), vec![]), "{size}");
            assert_eq!(
                parts[1],
                ("tableau_file".to_owned(), b"ab\r\n--b\r\n-\r\nc".to_vec()),
                "{size}"
            );
        }
    }

    #[test]
    fn malformed_bodies_are_noticed() {
        for body in [
            &b""[..],
            b"nothing",
            b"--b1\r\nContent-Disposition: name=a\r\n\r\nabc",
            b"--b1\nContent-Disposition: name=a\n\nabc\n--b1--",
            b"--b1\r\nno header\r\n\r\nabc\r\n--b1--",
            b"--b1\r\nContent-Type: text/xml\r\n\r\nabc\r\n--b1--",
            b"--b1\r\nContent-Disposition: name=a\r\n\r\nabc\r\n--b1",
        ] {
            assert!(read(body, 7).is_err(), "{}", String::from_utf8_lossy(body));
        }
    }

    #[test]
    fn boundaries_are_read() {
        assert_eq!(boundary("multipart/mixed; boundary=abc"), Some(Ok("abc")));
        assert_eq!(boundary("multipart/form-data; boundary=abc"), None);
        assert!(
            boundary("multipart/mixed; boundary=\"abc\"")
                .unwrap()
                .is_err()
        );
        assert!(boundary("multipart/mixed").unwrap().is_err());
    }
}
