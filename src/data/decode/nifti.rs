//! NIfTI-1: one slice of a volume along its third axis, with the axes as they lie in the file; and the same volume with
//! another slice. The first axis is a row of pixels, the second goes from row to row, as ITK has it; with nibabel a slice is
//! `image.dataobj[:, :, N - 1].T`.

use std::io::{self, Read, Write};

use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use image::metadata::Orientation;
use nifti::{Endianness, NiftiHeader, NiftiType};

use super::{Change, Decoded, LARGEST_FILE, check_size, chosen, damaged};
use crate::data::picture::{Channels, Page, Picture, Samples, Scan};
use crate::data::window::Window;

/// Bytes of a header, the mark at its end among them.
const HEADER: usize = 348;

/// What a header ends with where voxels stand in the same file.
const MARK: &[u8] = b"n+1\0";

/// Whether a file is a NIfTI volume that a gzip archive holds.
pub(super) fn is_within_gzip(file: &[u8]) -> bool {
    let mut header = [0; HEADER];
    MultiGzDecoder::new(file).read_exact(&mut header).is_ok() && header.ends_with(MARK)
}

pub(super) fn decode(file: &[u8], wanted_page: Option<usize>) -> Decoded<Picture> {
    let mut reader = reader(file);
    let volume = Volume::read(&mut reader)?;
    let (slice, page) = chosen(wanted_page, volume.slices, "slices along its third axis", "")?;
    let before = volume.start(slice) - HEADER as u64;
    let passed = io::copy(&mut reader.by_ref().take(before), &mut io::sink()).map_err(damaged)?;
    let mut bytes = vec![0; volume.slice_bytes()];
    if passed < before || reader.read_exact(&mut bytes).is_err() {
        return Err(damaged(format!("it ends before the end of slice {}", slice + 1)));
    }
    let behind = volume
        .start(volume.slices)
        .saturating_sub(volume.start(slice + 1));
    check_rest(&mut reader, behind)?;
    let size = volume.kind.size_of();
    let stored = bytes
        .chunks_exact(size)
        .map(|bytes| number(volume.kind, bytes, volume.endianness));
    Ok(Picture {
        format: "NIfTI",
        width: volume.columns,
        height: volume.rows,
        channels: Channels::Grey,
        samples: Samples::Scan(stored.collect()),
        bits: (8 * size) as u8,
        palette: None,
        orientation: Orientation::NoTransforms,
        page,
        scan: Some(volume.scan(page)),
        lossy: false,
    })
}

/// The file with these numbers of one slice changed.
pub(in crate::data) fn derived(
    file: &[u8],
    wanted_page: Option<usize>,
    changes: &[Change],
) -> Decoded<Vec<u8>> {
    let volume = Volume::read(&mut reader(file))?;
    let (slice, _) = chosen(wanted_page, volume.slices, "slices along its third axis", "")?;
    let mut bytes = Vec::new();
    reader(file)
        .take(LARGEST_FILE + 1)
        .read_to_end(&mut bytes)
        .map_err(damaged)?;
    if bytes.len() as u64 > LARGEST_FILE {
        return Err(too_large(bytes.len() as u64));
    }
    let (start, size) = (volume.start(slice) as usize, volume.kind.size_of());
    let slice = bytes
        .get_mut(start..start + volume.slice_bytes())
        .ok_or_else(|| damaged("it ends before the end of the slice"))?;
    for change in changes {
        if let Some(place) = slice.get_mut(change.index * size..(change.index + 1) * size) {
            place.copy_from_slice(&bytes_of(volume.kind, change.number, volume.endianness));
        }
    }
    match is_gzip(file) {
        false => Ok(bytes),
        true => {
            let mut packed = GzEncoder::new(Vec::new(), Compression::default());
            packed
                .write_all(&bytes)
                .and_then(|()| packed.finish())
                .map_err(|cause| format!("cannot be packed anew: {cause}"))
        }
    }
}

/// Reads what is behind a slice to the end, which a cut file does not have and a damaged archive gives away by its checksum.
fn check_rest(reader: &mut dyn Read, slices_behind: u64) -> Decoded<()> {
    let rest = io::copy(&mut reader.take(LARGEST_FILE), &mut io::sink()).map_err(damaged)?;
    match rest < slices_behind {
        true => Err(damaged(format!(
            "{} bytes of its voxels are missing",
            slices_behind - rest
        ))),
        false => Ok(()),
    }
}

fn is_gzip(file: &[u8]) -> bool {
    file.starts_with(b"\x1f\x8b")
}

fn reader(file: &[u8]) -> Box<dyn Read + '_> {
    match is_gzip(file) {
        true => Box::new(MultiGzDecoder::new(file)),
        false => Box::new(file),
    }
}

fn too_large(bytes: u64) -> String {
    format!(
        "has {} MiB unpacked, and files up to {} MiB are read; cut or scale the volume down first",
        bytes >> 20,
        LARGEST_FILE >> 20
    )
}

/// What a header says.
struct Volume {
    header: NiftiHeader,
    kind: NiftiType,
    endianness: Endianness,
    columns: usize,
    rows: usize,
    /// Of all volumes, if there are several.
    slices: usize,
    /// Slices of one volume.
    in_volume: usize,
}

impl Volume {
    fn read(reader: &mut dyn Read) -> Decoded<Volume> {
        let mut bytes = [0; HEADER];
        reader.read_exact(&mut bytes).map_err(damaged)?;
        let header = NiftiHeader::from_reader(&bytes[..]).map_err(damaged)?;
        let dimensions = header.dim().map_err(damaged)?.to_vec();
        let [columns, rows, others @ ..] = &dimensions[..] else {
            return Err("is a NIfTI file of one row of numbers, no image".into());
        };
        check_size((*columns).into(), (*rows).into())?;
        // The standard's type has a sign.
        if dimensions.iter().any(|&size| size > i16::MAX as u16) {
            return Err(damaged(format!("its sizes are {dimensions:?}")));
        }
        let kind = header.data_type().map_err(damaged)?;
        if !matches!(
            kind,
            NiftiType::Uint8
                | NiftiType::Int8
                | NiftiType::Uint16
                | NiftiType::Int16
                | NiftiType::Uint32
                | NiftiType::Int32
                | NiftiType::Uint64
                | NiftiType::Int64
                | NiftiType::Float32
                | NiftiType::Float64
        ) {
            return Err(format!(
                "is a NIfTI file of {kind:?} voxels, which are not read; save it as float32 or int16"
            ));
        }
        if !(HEADER as f32..LARGEST_FILE as f32).contains(&header.vox_offset) {
            return Err(damaged(format!(
                "its voxels are said to begin at byte {}",
                header.vox_offset
            )));
        }
        let [slope, intercept] = [header.scl_slope, header.scl_inter];
        if slope.is_finite() && slope != 0.0 && !intercept.is_finite() {
            return Err(damaged(format!(
                "its values are said to be {slope} times the stored ones and {intercept} more"
            )));
        }
        let slices = others
            .iter()
            .try_fold(1u64, |product, &size| product.checked_mul(size.into()))
            .unwrap_or(u64::MAX);
        let volume = Volume {
            kind,
            endianness: header.endianness,
            columns: usize::from(*columns),
            rows: usize::from(*rows),
            slices: usize::try_from(slices).unwrap_or(usize::MAX),
            in_volume: others.first().map_or(1, |&size| usize::from(size)),
            header,
        };
        let bytes = (volume.slice_bytes() as u64).saturating_mul(slices);
        match bytes > LARGEST_FILE {
            true => Err(too_large(bytes)),
            false => Ok(volume),
        }
    }

    fn slice_bytes(&self) -> usize {
        self.rows * self.columns * self.kind.size_of()
    }

    /// The byte at which a slice, counted from 0, begins.
    fn start(&self, slice: usize) -> u64 {
        self.header.vox_offset as u64 + (slice * self.slice_bytes()) as u64
    }

    fn scan(&self, page: Option<Page>) -> Scan {
        let header = &self.header;
        let scaled = header.scl_slope.is_finite() && header.scl_slope != 0.0;
        let (slope, intercept) = match scaled {
            true => (f64::from(header.scl_slope), f64::from(header.scl_inter)),
            false => (1.0, 0.0),
        };
        let of_display = Window::Range {
            low: header.cal_min.into(),
            high: header.cal_max.into(),
        };
        let bytes = Window::Range {
            low: 0.0,
            high: 255.0,
        };
        let plain = slope == 1.0 && intercept == 0.0;
        Scan {
            slope,
            intercept,
            whole: range(self.kind),
            window: match self.kind {
                _ if of_display.is_sound() => Ok((
                    of_display,
                    format!("window {of_display} (cal_min and cal_max of the file)"),
                )),
                NiftiType::Uint8 if plain => Ok((bytes, format!("window {bytes} (all its bits)"))),
                _ => Err("does not say which values are black and white (cal_min and cal_max)".into()),
            },
            inverted: false,
            remarks: self.orientation(page),
        }
    }

    /// Which axis is which, and where in the body they lead, if the file says.
    fn orientation(&self, page: Option<Page>) -> String {
        let mut words = String::from("columns along its first axis and rows along its second, as stored");
        if let Some(axes) = self.axes() {
            let name = |axis: usize| towards(axes.map(|row| row[axis]));
            words.push_str(&format!(
                " (columns go to the {}, rows to the {})",
                name(0),
                name(1)
            ));
        }
        if let Some(page) = page.filter(|page| page.count > self.in_volume) {
            let index = page.number - 1;
            words.push_str(&format!(
                ", slice {} of {} in volume {}",
                index % self.in_volume + 1,
                self.in_volume,
                index / self.in_volume + 1
            ));
        }
        words
    }

    /// How x, y and z of the body (right, anterior, superior) grow along each axis.
    fn axes(&self) -> Option<[[f64; 3]; 3]> {
        let header = &self.header;
        let first_three = |row: [f32; 4]| [row[0], row[1], row[2]].map(f64::from);
        if header.sform_code > 0 {
            return Some([header.srow_x, header.srow_y, header.srow_z].map(first_three));
        }
        if header.qform_code <= 0 {
            return None;
        }
        // The quaternion of nifti1.h.
        let [b, c, d] = [header.quatern_b, header.quatern_c, header.quatern_d].map(f64::from);
        let a = (1.0 - b * b - c * c - d * d).max(0.0).sqrt();
        let flip = if header.pixdim[0] < 0.0 { -1.0 } else { 1.0 };
        Some([
            [
                a * a + b * b - c * c - d * d,
                2.0 * (b * c - a * d),
                flip * 2.0 * (b * d + a * c),
            ],
            [
                2.0 * (b * c + a * d),
                a * a + c * c - b * b - d * d,
                flip * 2.0 * (c * d - a * b),
            ],
            [
                2.0 * (b * d - a * c),
                2.0 * (c * d + a * b),
                flip * (a * a + d * d - b * b - c * c),
            ],
        ])
    }
}

/// The side of the body that a direction leads to most of all.
fn towards(direction: [f64; 3]) -> &'static str {
    let names = [["left", "right"], ["back", "front"], ["feet", "head"]];
    let (axis, _) =
        direction
            .iter()
            .enumerate()
            .fold((0, 0.0), |most, (axis, part)| match part.abs() > most.1 {
                true => (axis, part.abs()),
                false => most,
            });
    names[axis][usize::from(direction[axis] > 0.0)]
}

/// The least and the largest number of a type, if it is one of whole numbers.
fn range(kind: NiftiType) -> Option<[f64; 2]> {
    match kind {
        NiftiType::Uint8 => Some([0.0, u8::MAX.into()]),
        NiftiType::Int8 => Some([i8::MIN.into(), i8::MAX.into()]),
        NiftiType::Uint16 => Some([0.0, u16::MAX.into()]),
        NiftiType::Int16 => Some([i16::MIN.into(), i16::MAX.into()]),
        NiftiType::Uint32 => Some([0.0, u32::MAX.into()]),
        NiftiType::Int32 => Some([i32::MIN.into(), i32::MAX.into()]),
        NiftiType::Uint64 => Some([0.0, u64::MAX as f64]),
        NiftiType::Int64 => Some([i64::MIN as f64, i64::MAX as f64]),
        _ => None,
    }
}

/// A number from its bytes.
fn number(kind: NiftiType, bytes: &[u8], endianness: Endianness) -> f64 {
    let mut padded = [0; 8];
    let size = bytes.len().min(8);
    padded[..size].copy_from_slice(&bytes[..size]);
    if endianness == Endianness::Big {
        padded[..size].reverse();
    }
    let word = u64::from_le_bytes(padded);
    match kind {
        NiftiType::Uint8 | NiftiType::Uint16 | NiftiType::Uint32 | NiftiType::Uint64 => word as f64,
        NiftiType::Int8 => (word as i8).into(),
        NiftiType::Int16 => (word as i16).into(),
        NiftiType::Int32 => (word as i32).into(),
        NiftiType::Int64 => word as i64 as f64,
        NiftiType::Float32 => f32::from_bits(word as u32).into(),
        _ => f64::from_bits(word),
    }
}

/// The bytes of a number.
fn bytes_of(kind: NiftiType, number: f64, endianness: Endianness) -> Vec<u8> {
    let word = match kind {
        NiftiType::Uint8 | NiftiType::Uint16 | NiftiType::Uint32 | NiftiType::Uint64 => number as u64,
        NiftiType::Int8 | NiftiType::Int16 | NiftiType::Int32 | NiftiType::Int64 => number as i64 as u64,
        NiftiType::Float32 => (number as f32).to_bits().into(),
        _ => number.to_bits(),
    };
    let mut bytes = word.to_le_bytes()[..kind.size_of()].to_vec();
    if endianness == Endianness::Big {
        bytes.reverse();
    }
    bytes
}
