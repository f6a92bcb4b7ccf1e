//! Opens downloaded data sources: a zip file with a description and the files of data.

use std::io::Read;

use flate2::read::DeflateDecoder;

/// Returns every member whose name ends in `.hyper`.
pub(crate) fn extracts(archive: &[u8]) -> Result<Vec<Vec<u8>>, String> {
    let members = members(archive).ok_or_else(|| {
        let begin = String::from_utf8_lossy(&archive[..archive.len().min(60)]).into_owned();
        format!("the download is not a zip file that can be read here; it begins with {begin:?}")
    })?;
    let found = members.into_iter().filter(|(name, _)| {
        std::path::Path::new(name)
            .extension()
            .is_some_and(|extension| extension.eq_ignore_ascii_case("hyper"))
    });
    Ok(found.map(|(_, content)| content).collect())
}

/// Reads by the directory at the end, which knows every size; zip64 is for more than a test publishes.
fn members(archive: &[u8]) -> Option<Vec<(String, Vec<u8>)>> {
    let end = archive.windows(4).rposition(|four| four == b"PK\x05\x06")?;
    let mut at = number(archive, end + 16, 4)?;
    let mut members = Vec::new();
    for _ in 0..number(archive, end + 10, 2)? {
        let is_entry = archive.get(at..at + 4)? == b"PK\x01\x02";
        let field = |offset: usize, width: usize| number(archive, at + offset, width);
        let name = archive.get(at + 46..at + 46 + field(28, 2)?)?;
        let local = field(42, 4)?;
        let begin = local + 30 + number(archive, local + 26, 2)? + number(archive, local + 28, 2)?;
        let packed = archive.get(begin..begin + field(20, 4)?)?;
        let content = match (is_entry, field(10, 2)?) {
            (true, 0) => packed.to_vec(),
            (true, 8) => {
                let mut content = Vec::new();
                DeflateDecoder::new(packed).read_to_end(&mut content).ok()?;
                content
            }
            _ => return None,
        };
        if content.len() != field(24, 4)? {
            return None;
        }
        members.push((String::from_utf8_lossy(name).into_owned(), content));
        at += 46 + field(28, 2)? + field(30, 2)? + field(32, 2)?;
    }
    Some(members)
}

fn number(bytes: &[u8], at: usize, width: usize) -> Option<usize> {
    let field = bytes.get(at..at + width)?;
    field.iter().rev().try_fold(0_usize, |number, byte| {
        number.checked_mul(256)?.checked_add(usize::from(*byte))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As `zip` writes it: `a.tds` stored, `Data/x.HYPER` deflated.
    #[test]
    fn stored_and_deflated_members_are_read() {
        let python = "import io, sys, zipfile\n\
            out = io.BytesIO()\n\
            with zipfile.ZipFile(out, 'w') as packed:\n\
            \x20   packed.writestr('a.tds', '<x/>')\n\
            \x20   packed.writestr('Data/x.HYPER', 'ab' * 9000, zipfile.ZIP_DEFLATED)\n\
            \x20   packed.writestr('Data/y.hyper', 'stored')\n\
            sys.stdout.buffer.write(out.getvalue())";
        let output = std::process::Command::new("python3")
            .args(["-c", python])
            .output()
            .unwrap();
        let found = extracts(&output.stdout).unwrap();
        assert_eq!(found, ["ab".repeat(9000).into_bytes(), b"stored".to_vec()]);
        for broken in [&b"<?xml version='1.0'?>"[..], b"", &output.stdout[..200]] {
            assert!(extracts(broken).unwrap_err().contains("not a zip file"));
        }
    }
}
