//! Packages somebody published: what is in a `.tdsx`, and whether it can be used at all.
//!
//! Members are read from disk one block at a time. Packages of more than 4 GB, zip64, are not understood.

use std::fs::File;
use std::io::{self, Read, Seek as _, SeekFrom};
use std::path::Path;

use flate2::read::DeflateDecoder;

use super::connections::HYPER;
use super::tds;

/// The end of a zip file with the longest comment there is.
const LONGEST_END: u64 = 22 + 65_535;

/// A description is a few hundred kilobytes, hardly ever more.
const LONGEST_DESCRIPTION: u64 = 64 * 1024 * 1024;

/// A `.tdsx` that can be used.
#[derive(Debug)]
pub(super) struct Package {
    file: File,
    entries: Vec<Entry>,
    /// The description, as it is written.
    pub(super) tds: String,
    /// The member with the rows; nothing if they are elsewhere.
    pub(super) carrier: Option<String>,
}

#[derive(Debug)]
struct Entry {
    name: String,
    is_deflated: bool,
    packed: u64,
    size: u64,
    checksum: u32,
    offset: u64,
}

impl Package {
    /// Opens a package; nothing if it is not one or names a file of data that is not in it.
    pub(super) fn open(path: &Path) -> Option<Self> {
        let file = File::open(path).ok()?;
        let entries = directory(&file)?;
        let mut package = Self {
            file,
            entries,
            tds: String::new(),
            carrier: None,
        };
        for entry in &package.entries {
            package.copy(entry, |_| Ok(())).ok()?;
        }
        let descriptions = package
            .entries
            .iter()
            .filter(|entry| entry.is_description());
        let [description] = descriptions.collect::<Vec<_>>()[..] else {
            return None;
        };
        if description.size > LONGEST_DESCRIPTION {
            return None;
        }
        let text = String::from_utf8(package.content(description).ok()?).ok()?;
        let root = tds::read(&text)?;
        let named: Vec<String> = match root.carrier() {
            Some(carrier) => vec![carrier.attribute("dbname").replace('\\', "/")],
            // Several files, or none.
            None => root
                .origins()
                .iter()
                .filter(|origin| origin.attribute("class") == HYPER)
                .map(|origin| origin.attribute("dbname").replace('\\', "/"))
                .collect(),
        };
        if !named.iter().all(|name| package.has_rows(name)) {
            return None;
        }
        package.carrier = root.carrier().and(named.into_iter().next());
        package.tds = text;
        Some(package)
    }

    /// Copies the rows.
    pub(super) fn copy_rows(&self, write: impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
        let carrier = self.entries.iter();
        let carrier = carrier
            .into_iter()
            .find(|entry| Some(&entry.name) == self.carrier.as_ref());
        self.copy(carrier.ok_or(io::ErrorKind::NotFound)?, write)
    }

    /// Returns the members that are neither description nor rows.
    pub(super) fn others(&self) -> io::Result<Vec<(String, Vec<u8>)>> {
        let others = self
            .entries
            .iter()
            .filter(|entry| !entry.is_description() && Some(&entry.name) != self.carrier.as_ref());
        others
            .map(|entry| Ok((entry.name.clone(), self.content(entry)?)))
            .collect()
    }

    fn has_rows(&self, name: &str) -> bool {
        let Some(entry) = self.entries.iter().find(|entry| entry.name == name) else {
            return false;
        };
        let mut head = Vec::new();
        let copied = self.copy(entry, |bytes| {
            head.extend(bytes.iter().take(5_usize.saturating_sub(head.len())));
            Ok(())
        });
        copied.is_ok() && head.eq_ignore_ascii_case(b"hyper")
    }

    fn content(&self, entry: &Entry) -> io::Result<Vec<u8>> {
        let mut content = Vec::new();
        self.copy(entry, |bytes| {
            content.extend(bytes);
            Ok(())
        })?;
        Ok(content)
    }

    /// Copies a member; an error if it is not what the directory says.
    fn copy(
        &self,
        entry: &Entry,
        mut write: impl FnMut(&[u8]) -> io::Result<()>,
    ) -> io::Result<()> {
        let damaged = || io::Error::from(io::ErrorKind::InvalidData);
        let head = read_at(&self.file, entry.offset, 30)?;
        let name_length = number(&head, 26, 2).ok_or_else(damaged)?;
        let extra = number(&head, 28, 2).ok_or_else(damaged)?;
        let name = read_at(&self.file, entry.offset + 30, name_length)?;
        if !head.starts_with(b"PK\x03\x04") || name != entry.name.as_bytes() {
            return Err(damaged());
        }
        let mut file = &self.file;
        file.seek(SeekFrom::Start(entry.offset + 30 + name_length + extra))?;
        let packed = file.take(entry.packed);
        let mut content: Box<dyn Read> = if entry.is_deflated {
            Box::new(DeflateDecoder::new(packed))
        } else {
            Box::new(packed)
        };
        let (mut size, mut checksum) = (0, crc32fast::Hasher::new());
        let mut block = vec![0; 64 * 1024];
        loop {
            let n = content.read(&mut block)?;
            if n == 0 {
                break;
            }
            size += u64::try_from(n).unwrap_or(u64::MAX);
            // Whoever says less than there is wants to fill the disk.
            if size > entry.size {
                return Err(damaged());
            }
            checksum.update(&block[..n]);
            write(&block[..n])?;
        }
        if size == entry.size && checksum.finalize() == entry.checksum {
            Ok(())
        } else {
            Err(damaged())
        }
    }
}

impl Entry {
    fn is_description(&self) -> bool {
        let suffix = self.name.rsplit_once('.').map(|(_, suffix)| suffix);
        !self.name.contains('/') && suffix.is_some_and(|suffix| suffix.eq_ignore_ascii_case("tds"))
    }

    /// Encrypted members, other methods than deflate, and names that lead out of the package are refused.
    fn read(directory: &[u8], at: usize) -> Option<(Self, usize)> {
        let field = |offset: usize, width: usize| number(directory, at + offset, width);
        if directory.get(at..at + 4)? != b"PK\x01\x02" || field(8, 2)? & 1 == 1 {
            return None;
        }
        let length = |offset: usize| field(offset, 2).and_then(|n| usize::try_from(n).ok());
        let end = at + 46 + length(28)?;
        let name = String::from_utf8(directory.get(at + 46..end)?.to_vec()).ok()?;
        let path = name.strip_suffix('/').unwrap_or(&name);
        let leads_out = |step: &str| matches!(step, "" | "." | "..");
        if name.contains('\\') || path.split('/').any(leads_out) {
            return None;
        }
        let entry = Self {
            name,
            is_deflated: match field(10, 2)? {
                0 => false,
                8 => true,
                _ => return None,
            },
            checksum: u32::try_from(field(16, 4)?).ok()?,
            packed: field(20, 4)?,
            size: field(24, 4)?,
            offset: field(42, 4)?,
        };
        Some((entry, end + length(30)? + length(32)?))
    }
}

/// Reads by the directory at the end, which knows every size.
fn directory(file: &File) -> Option<Vec<Entry>> {
    let size = file.metadata().ok()?.len();
    let begin = size.saturating_sub(LONGEST_END);
    let end = read_at(file, begin, size - begin).ok()?;
    let at = end.windows(4).rposition(|four| four == b"PK\x05\x06")?;
    let directory = read_at(file, number(&end, at + 16, 4)?, number(&end, at + 12, 4)?).ok()?;
    let (mut entries, mut next) = (Vec::<Entry>::new(), 0);
    for _ in 0..number(&end, at + 10, 2)? {
        let (entry, behind) = Entry::read(&directory, next)?;
        if entries.iter().any(|known| known.name == entry.name) {
            return None;
        }
        entries.push(entry);
        next = behind;
    }
    Some(entries)
}

fn read_at(mut file: &File, offset: u64, length: u64) -> io::Result<Vec<u8>> {
    file.seek(SeekFrom::Start(offset))?;
    let mut bytes = Vec::new();
    file.take(length).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn number(bytes: &[u8], at: usize, width: usize) -> Option<u64> {
    let field = bytes.get(at..at + width)?;
    let digits = field.iter().rev();
    Some(digits.fold(0, |number, byte| number * 256 + u64::from(*byte)))
}
