//! Run lengths, as DICOM packs a frame: PS3.5, annex G. Each byte of each sample has a segment of its own.

use crate::data::decode::{Decoded, damaged};

/// Words of the header: how many segments there are, and where each of up to 15 begins.
const HEADER_WORDS: usize = 16;

/// The bytes of a frame of so many pixels with so many samples of so many bytes, pixel by pixel, the lowest byte first. It
/// takes no more memory than they do, whatever the fragment says.
pub(super) fn unpacked(fragment: &[u8], pixels: usize, samples: usize, bytes: usize) -> Decoded<Vec<u8>> {
    let header = fragment
        .first_chunk::<{ 4 * HEADER_WORDS }>()
        .ok_or_else(|| damaged("its run lengths have no header"))?;
    let words: Vec<usize> = header
        .chunks_exact(4)
        .map(|word| {
            word.iter()
                .rev()
                .fold(0, |value, &byte| value << 8 | usize::from(byte))
        })
        .collect();
    let segments = samples * bytes;
    if words[0] != segments || segments >= HEADER_WORDS {
        return Err(damaged(format!(
            "its run lengths have {} segments, and {segments} are wanted",
            words[0]
        )));
    }
    let mut frame = vec![0; pixels * segments];
    for segment in 0..segments {
        let end = match segment + 1 < segments {
            true => words[segment + 2],
            false => fragment.len(),
        };
        let packed = fragment
            .get(words[segment + 1]..end)
            .filter(|_| words[segment + 1] >= header.len())
            .ok_or_else(|| damaged(format!("segment {} of its run lengths lies outside", segment + 1)))?;
        // The highest byte of a sample comes first.
        let (sample, byte) = (segment / bytes, bytes - 1 - segment % bytes);
        let mut places = (0..pixels).map(|pixel| (pixel * samples + sample) * bytes + byte);
        let count = unpack(packed, |value| match places.next() {
            Some(place) => {
                frame[place] = value;
                true
            }
            None => false,
        });
        if count < pixels {
            return Err(damaged(format!(
                "segment {} of its run lengths has {count} bytes unpacked, and {pixels} are wanted",
                segment + 1
            )));
        }
    }
    Ok(frame)
}

/// Hands out byte after byte until no more are taken, and returns how many were; padding may follow.
fn unpack(packed: &[u8], mut take: impl FnMut(u8) -> bool) -> usize {
    let (mut rest, mut count) = (packed, 0);
    while let [control, values @ ..] = rest {
        let (run, length) = match i8::from_le_bytes([*control]) {
            literal @ 0.. => (false, literal as usize + 1),
            i8::MIN => {
                rest = values;
                continue;
            }
            repeated => (true, 1 + usize::from(repeated.unsigned_abs())),
        };
        let wanted = if run { 1 } else { length };
        let Some((own, behind)) = values.split_at_checked(wanted) else {
            return count;
        };
        for index in 0..length {
            if !take(own[if run { 0 } else { index }]) {
                return count;
            }
            count += 1;
        }
        rest = behind;
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A header, and the segments behind it.
    fn fragment(segments: &[&[u8]]) -> Vec<u8> {
        let mut words = vec![segments.len() as u32];
        let mut place = 4 * HEADER_WORDS;
        for segment in segments {
            words.push(place as u32);
            place += segment.len();
        }
        words.resize(HEADER_WORDS, 0);
        let mut bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        bytes.extend(segments.concat());
        bytes
    }

    #[test]
    fn runs_and_literals_are_laid_pixel_by_pixel() {
        // Four pixels of two bytes: the higher ones 1, 1, 1, 2, the lower ones 9, 8, 7, 6, and padding.
        let packed = fragment(&[&[0xfe, 1, 0x80, 0, 2], &[3, 9, 8, 7, 6, 0]]);
        assert_eq!(unpacked(&packed, 4, 1, 2).unwrap(), [9, 1, 8, 1, 7, 1, 6, 2]);
        // Two pixels of three colours.
        let packed = fragment(&[&[1, 1, 2], &[0xff, 5], &[1, 3, 4]]);
        assert_eq!(unpacked(&packed, 2, 3, 1).unwrap(), [1, 5, 3, 2, 5, 4]);
    }

    #[test]
    fn what_does_not_fit_is_refused_and_takes_no_memory() {
        let good = fragment(&[&[0xfe, 1, 0, 2]]);
        assert!(unpacked(&good, 4, 1, 1).is_ok());
        for (length, what) in [
            (0, "no header"),
            (63, "no header"),
            (64, "0 bytes"),
            (66, "3 bytes"),
        ] {
            let refusal = unpacked(&good[..length], 4, 1, 1).unwrap_err();
            assert!(refusal.contains(what), "{length}: {refusal}");
        }
        let mut lying = good.clone();
        lying[..4].copy_from_slice(&0xffff_fffe_u32.to_le_bytes());
        assert!(
            unpacked(&lying, 4, 1, 1)
                .unwrap_err()
                .contains("4294967294 segments")
        );
        let mut outside = good.clone();
        outside[4..8].copy_from_slice(&1_000_u32.to_le_bytes());
        assert!(unpacked(&outside, 4, 1, 1).unwrap_err().contains("lies outside"));
        // Runs far beyond the frame end with it.
        let bomb = fragment(&[&[0x81, 7].repeat(100_000)]);
        assert_eq!(unpacked(&bomb, 4, 1, 1).unwrap(), [7; 4]);
    }
}
