//! Looks over a batch before it is unpacked: the library reserves what its buffers say they have, and with LZ4 unpacks
//! more than they say.

use arrow_ipc::{CompressionType, RecordBatch, root_as_message};

use super::broken::broken;
use super::messages::{MOST_BATCH, too_large};
use crate::readers::position::DataProblem;

/// Elements that need no bytes, such as nulls by type: lists of them may be longer than their batch.
const FREE_ELEMENTS: u64 = 1 << 20;
/// What one byte of LZ4 stands for at most.
const LZ4_RATIO: u64 = 255;
/// What one byte of Zstandard stands for at most: a block of four bytes repeats one 128 KiB long.
const ZSTD_RATIO: u64 = 1 << 15;

/// What a batch takes in memory.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Claim {
    pub(crate) of: Claimant,
    /// Once unpacked.
    pub(crate) n_bytes: u64,
}

/// What a batch is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Claimant {
    Rows,
    /// All values of the dictionary with this number.
    Dictionary(i64),
    /// Further values of it.
    MoreOf(i64),
}

/// Refuses a batch that claims what cannot be; `message` is all of it, `head` where its body begins.
pub(crate) fn check(message: &[u8], head: usize) -> Result<Claim, DataProblem> {
    let damaged = || broken("a header in it is damaged");
    let (header, body) = message.split_at_checked(head).ok_or_else(damaged)?;
    let before = if header.starts_with(&[0xFF; 4]) { 8 } else { 4 };
    let header = header.get(before..).ok_or_else(damaged)?;
    let header = root_as_message(header).map_err(|_| damaged())?;
    let dictionary = header.header_as_dictionary_batch();
    let batch = dictionary.and_then(|dictionary| dictionary.data());
    let batch = batch.or_else(|| header.header_as_record_batch());
    let batch = batch.ok_or_else(damaged)?;
    let n_bytes = unpacked(batch, body)?;
    let rows = u64::try_from(batch.length()).unwrap_or_default();
    let most = rows + n_bytes.saturating_mul(8) + FREE_ELEMENTS;
    let mut nodes = batch.nodes().into_iter().flatten();
    if nodes.any(|node| !u64::try_from(node.length()).is_ok_and(|length| length <= most)) {
        return Err(broken(
            "a batch of it claims more elements than it has bytes for",
        ));
    }
    let of = match dictionary {
        None => Claimant::Rows,
        Some(dictionary) if dictionary.isDelta() => Claimant::MoreOf(dictionary.id()),
        Some(dictionary) => Claimant::Dictionary(dictionary.id()),
    };
    Ok(Claim { of, n_bytes })
}

/// Returns the bytes of all buffers together.
fn unpacked(batch: RecordBatch<'_>, body: &[u8]) -> Result<u64, DataProblem> {
    let codec = batch.compression().map(|compression| compression.codec());
    let mut n_bytes = 0_u64;
    for buffer in batch.buffers().into_iter().flatten() {
        let start = usize::try_from(buffer.offset()).ok();
        let length = usize::try_from(buffer.length()).ok();
        let packed = start.zip(length).and_then(|(start, length)| {
            let end = start.checked_add(length)?;
            body.get(start..end)
        });
        let packed =
            packed.ok_or_else(|| broken("a batch of it names bytes that are not there"))?;
        let claimed = match codec {
            Some(codec) if !packed.is_empty() => of_packed(packed, codec)
                .ok_or_else(|| broken("what a packed batch says of its size cannot be"))?,
            _ => packed.len() as u64,
        };
        n_bytes = n_bytes.saturating_add(claimed);
    }
    if n_bytes > MOST_BATCH {
        return Err(too_large("a batch", n_bytes));
    }
    Ok(n_bytes)
}

/// Returns what a packed buffer may need: what it says, or what it unpacks to if that may be more.
fn of_packed(packed: &[u8], codec: CompressionType) -> Option<u64> {
    let (said, packed) = packed.split_first_chunk::<8>()?;
    let length = packed.len() as u64;
    let said = match i64::from_le_bytes(*said) {
        -1 => return Some(length),
        0 => return Some(0),
        said => u64::try_from(said).ok()?,
    };
    let (ratio, found) = match codec {
        CompressionType::LZ4_FRAME => (LZ4_RATIO, of_lz4(packed)?),
        _ => (ZSTD_RATIO, said),
    };
    (said <= length.saturating_mul(ratio)).then_some(said.max(found))
}

/// Returns what frames of LZ4 unpack to at most, by the sizes of their blocks; nothing if they are none.
fn of_lz4(mut rest: &[u8]) -> Option<u64> {
    const MAGIC: u32 = 0x184D_2204;
    const STORED: u32 = 1 << 31;
    let mut most = 0_u64;
    while !rest.is_empty() {
        if word(&mut rest)? != MAGIC {
            return None;
        }
        let (&[flags, sizes], after) = rest.split_first_chunk::<2>()?;
        let has = |flag: u8| usize::from(flags & flag != 0);
        let n_more = 8 * has(8) + 4 * has(1) + 1;
        rest = after.get(n_more..)?;
        let block = match sizes >> 4 & 7 {
            4 => 1 << 16,
            5 => 1 << 18,
            6 => 1 << 20,
            7 => 1 << 22,
            _ => return None,
        };
        loop {
            let size = word(&mut rest)?;
            if size == 0 {
                break;
            }
            let length = size & !STORED;
            most += match size & STORED {
                0 => (u64::from(length) * LZ4_RATIO).min(block),
                _ => length.into(),
            };
            let length = usize::try_from(length).ok()?.checked_add(4 * has(16))?;
            rest = rest.get(length..)?;
        }
        rest = rest.get(4 * has(4)..)?;
    }
    Some(most)
}

fn word(rest: &mut &[u8]) -> Option<u32> {
    let (word, after) = rest.split_first_chunk::<4>()?;
    *rest = after;
    Some(u32::from_le_bytes(*word))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A frame of blocks of these lengths, of up to 64 KiB each.
    fn frame(lengths: &[u32]) -> Vec<u8> {
        let mut frame = vec![4, 0x22, 0x4D, 0x18, 0x60, 0x40, 0];
        for length in lengths {
            frame.extend(length.to_le_bytes());
            frame.resize(
                frame.len() + usize::try_from(length & 0xFF_FFFF).unwrap(),
                0,
            );
        }
        frame.extend([0; 4]);
        frame
    }

    #[test]
    fn frames_are_measured_by_their_blocks() {
        assert_eq!(of_lz4(&frame(&[])), Some(0));
        assert_eq!(of_lz4(&frame(&[10, 300])), Some(2_550 + 65_536));
        assert_eq!(of_lz4(&frame(&[10, 1 << 31 | 7])), Some(2_557));
        let two = [frame(&[300]), frame(&[300])].concat();
        assert_eq!(of_lz4(&two), Some(2 * 65_536));
        let whole = frame(&[10]);
        for length in 1..whole.len() {
            assert_eq!(of_lz4(&whole[..length]), None, "{length}");
        }
        // A little that becomes much whatever it says of itself.
        let bomb = [&100_i64.to_le_bytes()[..], &frame(&vec![300; 80_000])].concat();
        let found = of_packed(&bomb, CompressionType::LZ4_FRAME).unwrap();
        assert!(found > MOST_BATCH, "{found}");
    }
}
