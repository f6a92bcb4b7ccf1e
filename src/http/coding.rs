//! What compressed bytes hold: content codings of answers, and files that are compressed.
//!
//! Whole bodies go through readers here and not through the client library, whose decoder takes
//! the first member of a gzip stream for all of it: rows would be missing without a word.
//! Deflate has 40 lines of its own because the readers of `flate2` take an early end of the input for the end of the
//! data.

use std::io::{self, BufRead, Read, Write};

use flate2::bufread::MultiGzDecoder;
use flate2::{Decompress, FlushDecompress, Status};
use reqwest::header::{CONTENT_ENCODING, HeaderMap};

/// Copied at once.
const BLOCK: usize = 256 << 10;

/// How bytes are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coding {
    /// RFC 1952, any number of members.
    Gzip,
    /// RFC 1950, or RFC 1951 as some servers understand the word.
    Deflate,
    /// RFC 7932.
    Brotli,
    /// RFC 8878, any number of frames.
    Zstd,
}

/// Why compressed bytes did not become what is in them.
#[derive(Debug)]
pub enum CodingError {
    /// The content is longer than allowed.
    TooLong,
    /// The bytes are not what they should be, or end too early.
    Broken(io::Error),
    /// What was in them could not be written.
    Disk(io::Error),
}

/// What is sent as `Accept-Encoding`.
pub(super) const ACCEPTED: &str = "gzip, br, zstd, deflate";

/// Codings there are (IANA's registry and what is sent besides) and that nobody asked for.
const FOREIGN: [&str; 18] = [
    "aes128gcm",
    "bzip2",
    "compress",
    "dcb",
    "dcz",
    "exi",
    "lz4",
    "lzip",
    "lzma",
    "lzo",
    "pack200-gzip",
    "sdch",
    "snappy",
    "x-bzip2",
    "x-compress",
    "x-snappy-framed",
    "x-xz",
    "xz",
];
/// Each is undone on its own, so that their number is work.
const MOST_CODINGS: usize = 4;

impl Coding {
    /// Returns the name of HTTP and of people.
    pub fn name(self) -> &'static str {
        match self {
            Coding::Gzip => "gzip",
            Coding::Deflate => "deflate",
            Coding::Brotli => "br",
            Coding::Zstd => "zstd",
        }
    }

    /// Tells by its first bytes how a file is compressed, if it is.
    pub fn of_file(head: &[u8]) -> Option<Coding> {
        match head {
            [0x1f, 0x8b, 8, ..] => Some(Coding::Gzip),
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Some(Coding::Zstd),
            _ => None,
        }
    }

    /// Reads the `Content-Encoding` of an answer: codings in the order they were applied (RFC 9110, 8.4).
    ///
    /// Servers write character sets and other words there that are no coding; the body is as it is then, which
    /// is what browsers take it for. The error is a clause about a coding we cannot undo.
    pub(super) fn of_headers(headers: &HeaderMap) -> Result<Vec<Coding>, String> {
        let values = headers.get_all(CONTENT_ENCODING).into_iter();
        let text: Vec<&str> = values.filter_map(|value| value.to_str().ok()).collect();
        let mut codings = Vec::new();
        for name in text.join(",").split(',') {
            let name = name.trim().to_ascii_lowercase();
            match name.as_str() {
                "gzip" | "x-gzip" => codings.push(Coding::Gzip),
                "deflate" => codings.push(Coding::Deflate),
                "br" => codings.push(Coding::Brotli),
                "zstd" => codings.push(Coding::Zstd),
                unknown if FOREIGN.contains(&unknown) => {
                    return Err(format!(
                        "the answer comes in the coding `{name}`, which was not asked for"
                    ));
                }
                _ => {}
            }
        }
        if codings.len() > MOST_CODINGS {
            return Err(format!(
                "the answer comes in {} codings on top of each other, more than {MOST_CODINGS}",
                codings.len()
            ));
        }
        Ok(codings)
    }

    /// Writes what is in `packed`, at most `limit` bytes, and returns how many there were.
    pub fn unpack(
        self,
        mut packed: impl BufRead,
        into: &mut dyn Write,
        limit: u64,
    ) -> Result<u64, CodingError> {
        if packed.fill_buf().map_err(CodingError::Broken)?.is_empty() {
            // No byte is no content; servers announce a coding for it all the same.
            return Ok(0);
        }
        let mut content: Box<dyn Read + '_> = match self {
            Coding::Gzip => Box::new(MultiGzDecoder::new(packed)),
            Coding::Deflate => Box::new(Inflate::new(packed).map_err(CodingError::Broken)?),
            Coding::Brotli => Box::new(brotli::Decompressor::new(packed, BLOCK)),
            Coding::Zstd => {
                Box::new(zstd::Decoder::with_buffer(packed).map_err(CodingError::Broken)?)
            }
        };
        let mut block = vec![0; BLOCK];
        let mut length = 0;
        loop {
            let n_read = match content.read(&mut block) {
                Ok(0) => return into.flush().map(|()| length).map_err(CodingError::Disk),
                Ok(n_read) => n_read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(CodingError::Broken(error)),
            };
            length += n_read as u64;
            if length > limit {
                return Err(CodingError::TooLong);
            }
            into.write_all(&block[..n_read])
                .map_err(CodingError::Disk)?;
        }
    }
}

/// Deflate data that must have its end: the readers of flate2 take the end of the input for it.
struct Inflate<R> {
    packed: R,
    state: Decompress,
    has_ended: bool,
}

impl<R: BufRead> Inflate<R> {
    fn new(mut packed: R) -> io::Result<Inflate<R>> {
        // The header of zlib is a multiple of 31 (RFC 1950, 2.2).
        let has_header = match packed.fill_buf()? {
            [first, second, ..] => {
                first & 0x0f == 8 && u16::from_be_bytes([*first, *second]) % 31 == 0
            }
            _ => false,
        };
        Ok(Inflate {
            packed,
            state: Decompress::new(has_header),
            has_ended: false,
        })
    }
}

impl<R: BufRead> Read for Inflate<R> {
    fn read(&mut self, block: &mut [u8]) -> io::Result<usize> {
        while !self.has_ended {
            let input = self.packed.fill_buf()?;
            let is_last = input.is_empty();
            let (n_in, n_out) = (self.state.total_in(), self.state.total_out());
            let status = self.state.decompress(input, block, FlushDecompress::None)?;
            let n_used = usize::try_from(self.state.total_in() - n_in).unwrap_or(usize::MAX);
            let n_read = usize::try_from(self.state.total_out() - n_out).unwrap_or(usize::MAX);
            self.packed.consume(n_used);
            self.has_ended = status == Status::StreamEnd;
            if n_read > 0 {
                return Ok(n_read);
            }
            if is_last && !self.has_ended {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pack(coding: Coding, data: &[u8]) -> Vec<u8> {
        let mut packed = Vec::new();
        let level = flate2::Compression::default();
        match coding {
            Coding::Gzip => flate2::write::GzEncoder::new(&mut packed, level).write_all(data),
            Coding::Deflate => flate2::write::ZlibEncoder::new(&mut packed, level).write_all(data),
            Coding::Brotli => {
                brotli::CompressorWriter::new(&mut packed, 4096, 5, 20).write_all(data)
            }
            Coding::Zstd => zstd::stream::copy_encode(data, &mut packed, 3),
        }
        .unwrap();
        packed
    }

    const ALL: [Coding; 4] = [Coding::Gzip, Coding::Deflate, Coding::Brotli, Coding::Zstd];

    /// Bytes that do not compress to nothing.
    fn data() -> Vec<u8> {
        (0..20_000u64)
            .flat_map(|n| (n.wrapping_mul(n) % 1_009 * n).to_le_bytes())
            .collect()
    }

    #[test]
    fn what_was_packed_comes_out() {
        let data = data();
        for coding in ALL {
            let mut out = Vec::new();
            let length = coding
                .unpack(&pack(coding, &data)[..], &mut out, 1 << 20)
                .unwrap();
            assert_eq!(length, 160_000, "{coding:?}");
            assert!(out == data, "{coding:?}");
            assert!(matches!(coding.unpack(&b""[..], &mut out, 1), Ok(0)));
        }
        let raw = &pack(Coding::Deflate, &data)[2..];
        let mut out = Vec::new();
        Coding::Deflate.unpack(raw, &mut out, 1 << 20).unwrap();
        assert!(out == data);
    }

    #[test]
    fn words_that_are_no_coding_leave_the_body_as_it_is() {
        let codings = |values: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(CONTENT_ENCODING, value.parse().unwrap());
            }
            Coding::of_headers(&headers)
        };
        for none in [
            "",
            "identity",
            "UTF-8",
            "utf8",
            "none",
            "binary",
            "8bit",
            "latin1",
            "aws-chunked",
            "text/csv",
            "null",
            ",",
            "identity, utf-8",
        ] {
            assert_eq!(codings(&[none]), Ok(vec![]), "{none}");
        }
        assert_eq!(codings(&[]), Ok(vec![]));
        let twice = Ok(vec![Coding::Gzip, Coding::Gzip]);
        assert_eq!(codings(&["gzip, x-gzip"]), twice);
        assert_eq!(codings(&["gzip", "GZIP"]), twice);
        let mixed = Ok(vec![Coding::Brotli, Coding::Gzip]);
        assert_eq!(codings(&["identity,br , UTF-8", "gzip"]), mixed);
        for foreign in ["compress", "X-Compress", "gzip, xz", "exi"] {
            assert!(codings(&[foreign]).unwrap_err().contains("not asked for"));
        }
        assert!(codings(&["gzip,gzip,gzip,gzip"]).is_ok());
        assert!(codings(&["gzip,gzip,gzip,gzip,gzip"]).is_err());
    }

    #[test]
    fn all_members_come_out() {
        for coding in [Coding::Gzip, Coding::Zstd] {
            let two = [pack(coding, b"one"), pack(coding, b"two")].concat();
            let mut out = Vec::new();
            coding.unpack(&two[..], &mut out, 100).unwrap();
            assert_eq!(out, b"onetwo", "{coding:?}");
        }
    }

    #[test]
    fn an_early_end_is_an_error_wherever_it_is() {
        let data = data();
        for coding in ALL {
            let packed = pack(coding, &data);
            let ends = [
                1,
                2,
                5,
                17,
                packed.len() / 2,
                packed.len() - 9,
                packed.len() - 1,
            ];
            for end in ends {
                let outcome = coding.unpack(&packed[..end], &mut io::sink(), 1 << 20);
                assert!(
                    matches!(outcome, Err(CodingError::Broken(_))),
                    "{coding:?} of {end} bytes: {outcome:?}"
                );
            }
        }
    }

    #[test]
    fn the_limit_is_exact() {
        for coding in ALL {
            let packed = pack(coding, &[b'x'; 1_000]);
            assert!(coding.unpack(&packed[..], &mut io::sink(), 1_000).is_ok());
            let outcome = coding.unpack(&packed[..], &mut io::sink(), 999);
            assert!(matches!(outcome, Err(CodingError::TooLong)), "{coding:?}");
        }
    }
}
