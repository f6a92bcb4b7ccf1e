//! Data sources as they are downloaded: a description in XML, packed with the files of data.
//!
//! Files that were appended lie beside the published one and nothing names them, because putting rows together takes an engine. Real
//! servers give one file with all rows.

use std::fs;
use std::io;
use std::path::PathBuf;

/// How a packed file begins.
const MAGIC: &[u8] = b"PK\x03\x04";

/// Whether these are the bytes of a `.tdsx`.
pub(crate) fn is_packed(bytes: &[u8]) -> bool {
    bytes.starts_with(MAGIC)
}

/// Writes a `.tdsx` of a description, the stored files, the first of them as the member that is named, and others.
pub(crate) fn pack(
    tds: &str,
    slug: &str,
    rows: Option<(String, &[PathBuf])>,
    others: &[(String, Vec<u8>)],
) -> io::Result<Vec<u8>> {
    let mut archive = Archive::default();
    archive.add(&format!("{slug}.tds"), tds.as_bytes())?;
    if let Some((member, parts)) = rows {
        let (stem, suffix) = member.rsplit_once('.').unwrap_or((&member, "hyper"));
        for (n, part) in (1..).zip(parts) {
            let name = match n {
                1 => member.clone(),
                n => format!("{stem}_{n}.{suffix}"),
            };
            archive.add(&name, &fs::read(part)?)?;
        }
    }
    for (name, content) in others {
        archive.add(name, content)?;
    }
    archive.finish()
}

/// A zip file whose members are stored as they are.
#[derive(Default)]
struct Archive {
    bytes: Vec<u8>,
    directory: Vec<u8>,
    members: u16,
}

impl Archive {
    fn add(&mut self, name: &str, content: &[u8]) -> io::Result<()> {
        let offset = length(&self.bytes)?;
        let size = length(content)?;
        let name_length = u16::try_from(name.len()).map_err(io::Error::other)?;
        // Version 2.0, names in UTF-8, stored, midnight of the first day there is.
        let mut common = Vec::new();
        for field in [20, 0x0800, 0, 0, 0x21_u16] {
            common.extend(field.to_le_bytes());
        }
        for field in [crc32fast::hash(content), size, size] {
            common.extend(field.to_le_bytes());
        }
        common.extend(name_length.to_le_bytes());
        self.bytes.extend(MAGIC);
        self.bytes.extend(&common);
        self.bytes.extend([0; 2]);
        self.bytes.extend(name.as_bytes());
        self.bytes.extend(content);
        self.directory.extend(b"PK\x01\x02\x14\x00");
        self.directory.extend(&common);
        // No extra field, no comment, the first disk, no attributes.
        self.directory.extend([0; 12]);
        self.directory.extend(offset.to_le_bytes());
        self.directory.extend(name.as_bytes());
        self.members += 1;
        Ok(())
    }

    fn finish(mut self) -> io::Result<Vec<u8>> {
        let (offset, size) = (length(&self.bytes)?, length(&self.directory)?);
        self.bytes.extend(&self.directory);
        self.bytes.extend(b"PK\x05\x06\x00\x00\x00\x00");
        for _ in 0..2 {
            self.bytes.extend(self.members.to_le_bytes());
        }
        self.bytes.extend(size.to_le_bytes());
        self.bytes.extend(offset.to_le_bytes());
        self.bytes.extend([0; 2]);
        Ok(self.bytes)
    }
}

/// More than 4 GB would be zip64, which no test needs.
fn length(bytes: &[u8]) -> io::Result<u32> {
    u32::try_from(bytes.len()).map_err(io::Error::other)
}
