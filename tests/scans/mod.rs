//! DICOM and NIfTI files, made byte by byte as their standards have them.

#![allow(dead_code, reason = "each test file needs some of it")]

/// The value of an element.
#[derive(Clone)]
pub enum Value {
    Text(&'static str),
    Words(Vec<u16>),
    Bytes(Vec<u8>),
    /// Items of a sequence.
    Items(Vec<Vec<Element>>),
    /// Compressed frames.
    Fragments(Vec<Vec<u8>>),
}

/// An element: its tag, its value representation, its value.
#[derive(Clone)]
pub struct Element(pub u32, pub &'static str, pub Value);

pub const IMPLICIT: &str = "1.2.840.10008.1.2";
pub const EXPLICIT: &str = "1.2.840.10008.1.2.1";
pub const DEFLATED: &str = "1.2.840.10008.1.2.1.99";
pub const BIG_ENDIAN: &str = "1.2.840.10008.1.2.2";
pub const JPEG: &str = "1.2.840.10008.1.2.4.50";
pub const RLE: &str = "1.2.840.10008.1.2.5";

pub const SOP_CLASS: u32 = 0x0008_0016;
pub const SOP_INSTANCE: u32 = 0x0008_0018;
pub const SERIES: u32 = 0x0020_000e;
pub const PHOTOMETRIC: u32 = 0x0028_0004;
pub const PLANAR: u32 = 0x0028_0006;
pub const FRAMES: u32 = 0x0028_0008;
pub const ROWS: u32 = 0x0028_0010;
pub const COLUMNS: u32 = 0x0028_0011;
pub const ALLOCATED: u32 = 0x0028_0100;
pub const STORED: u32 = 0x0028_0101;
pub const HIGH_BIT: u32 = 0x0028_0102;
pub const SIGNED: u32 = 0x0028_0103;
pub const CENTRE: u32 = 0x0028_1050;
pub const WIDTH: u32 = 0x0028_1051;
pub const INTERCEPT: u32 = 0x0028_1052;
pub const SLOPE: u32 = 0x0028_1053;
pub const FUNCTION: u32 = 0x0028_1056;
pub const PIXELS: u32 = 0x7fe0_0010;

/// A DICOM file.
#[derive(Clone)]
pub struct Dicom {
    pub syntax: &'static str,
    pub elements: Vec<Element>,
}

impl Dicom {
    /// Greys of 16 bits, all of them stored, without a sign, a scale or a window.
    pub fn grey(columns: u16, rows: u16, stored: &[u16]) -> Dicom {
        Dicom {
            syntax: EXPLICIT,
            elements: Vec::new(),
        }
        .text(0x0008_0005, "CS", "ISO_IR 100")
        .text(0x0008_0008, "CS", "ORIGINAL\\PRIMARY\\AXIAL")
        .text(SOP_CLASS, "UI", "1.2.840.10008.5.1.4.1.1.2")
        .text(SOP_INSTANCE, "UI", "1.2.3.4")
        .text(0x0008_0060, "CS", "CT")
        .with(Element(
            0x0010_0010,
            "PN",
            Value::Bytes(b"M\xfcller^Zo\xeb".to_vec()),
        ))
        .text(0x0029_0010, "LO", "MAKER")
        .with(Element(0x0029_1001, "UN", Value::Bytes(vec![1, 2, 3, 4])))
        .text(SERIES, "UI", "1.2.3")
        .word(0x0028_0002, 1)
        .text(PHOTOMETRIC, "CS", "MONOCHROME2")
        .word(ROWS, rows)
        .word(COLUMNS, columns)
        .word(ALLOCATED, 16)
        .word(STORED, 16)
        .word(HIGH_BIT, 15)
        .word(SIGNED, 0)
        .with(Element(PIXELS, "OW", Value::Words(stored.to_vec())))
    }

    /// Colours of 8 bits, side by side.
    pub fn rgb(columns: u16, rows: u16, stored: &[u8]) -> Dicom {
        Dicom::grey(columns, rows, &[])
            .word(0x0028_0002, 3)
            .text(PHOTOMETRIC, "CS", "RGB")
            .word(PLANAR, 0)
            .bits(8, 8)
            .with(Element(PIXELS, "OB", Value::Bytes(stored.to_vec())))
    }

    /// With this element, in the place of one of its tag.
    pub fn with(mut self, element: Element) -> Dicom {
        self.elements.retain(|other| other.0 != element.0);
        self.elements.push(element);
        self.elements.sort_by_key(|element| element.0);
        self
    }

    pub fn without(mut self, tag: u32) -> Dicom {
        self.elements.retain(|other| other.0 != tag);
        self
    }

    pub fn text(self, tag: u32, vr: &'static str, text: &'static str) -> Dicom {
        self.with(Element(tag, vr, Value::Text(text)))
    }

    pub fn word(self, tag: u32, word: u16) -> Dicom {
        self.with(Element(tag, "US", Value::Words(vec![word])))
    }

    pub fn bits(self, allocated: u16, stored: u16) -> Dicom {
        self.word(ALLOCATED, allocated)
            .word(STORED, stored)
            .word(HIGH_BIT, stored - 1)
    }

    pub fn window(self, centre: &'static str, width: &'static str) -> Dicom {
        self.text(CENTRE, "DS", centre).text(WIDTH, "DS", width)
    }

    pub fn syntax(mut self, syntax: &'static str) -> Dicom {
        self.syntax = syntax;
        self
    }

    /// The whole file.
    pub fn file(&self) -> Vec<u8> {
        let mut meta = Vec::new();
        let encoding = Encoding {
            explicit: true,
            big: false,
        };
        encoding.write(&mut meta, &Element(0x0002_0001, "OB", Value::Bytes(vec![0, 1])));
        encoding.write(
            &mut meta,
            &Element(0x0002_0002, "UI", Value::Text("1.2.840.10008.5.1.4.1.1.2")),
        );
        encoding.write(&mut meta, &Element(0x0002_0003, "UI", Value::Text("1.2.3.4")));
        encoding.write(&mut meta, &Element(0x0002_0010, "UI", Value::Text(self.syntax)));
        encoding.write(&mut meta, &Element(0x0002_0012, "UI", Value::Text("1.2.3.4.5")));
        let mut file = vec![0; 128];
        file.extend(b"DICM\x02\0\0\0UL\x04\0");
        file.extend((meta.len() as u32).to_le_bytes());
        file.extend(meta);
        file.extend(self.dataset());
        file
    }

    /// What stands behind the meta information.
    pub fn dataset(&self) -> Vec<u8> {
        let encoding = Encoding {
            explicit: self.syntax != IMPLICIT,
            big: self.syntax == BIG_ENDIAN,
        };
        let mut bytes = Vec::new();
        self.elements
            .iter()
            .for_each(|element| encoding.write(&mut bytes, element));
        match self.syntax {
            DEFLATED => deflated(&bytes),
            _ => bytes,
        }
    }
}

#[cfg(any(feature = "dicom", feature = "nifti"))]
fn deflated(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut packed = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(bytes).expect("packs");
    packed.finish().expect("packs")
}

#[cfg(not(any(feature = "dicom", feature = "nifti")))]
fn deflated(bytes: &[u8]) -> Vec<u8> {
    bytes.to_vec()
}

#[cfg(any(feature = "dicom", feature = "nifti"))]
pub fn gzipped(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(bytes).expect("packs");
    packed.finish().expect("packs")
}

#[derive(Clone, Copy)]
struct Encoding {
    explicit: bool,
    big: bool,
}

impl Encoding {
    fn word(self, word: u16) -> [u8; 2] {
        if self.big {
            word.to_be_bytes()
        } else {
            word.to_le_bytes()
        }
    }

    fn long(self, long: u32) -> [u8; 4] {
        if self.big {
            long.to_be_bytes()
        } else {
            long.to_le_bytes()
        }
    }

    fn tag(self, bytes: &mut Vec<u8>, tag: u32) {
        bytes.extend(self.word((tag >> 16) as u16));
        bytes.extend(self.word(tag as u16));
    }

    fn write(self, bytes: &mut Vec<u8>, Element(tag, vr, value): &Element) {
        let mut content = Vec::new();
        match value {
            Value::Text(text) => content.extend(text.as_bytes()),
            Value::Words(words) => content.extend(words.iter().flat_map(|&word| self.word(word))),
            Value::Bytes(given) => content.extend(given),
            Value::Items(items) => {
                for item in items {
                    let mut inner = Vec::new();
                    item.iter().for_each(|element| self.write(&mut inner, element));
                    self.tag(&mut content, 0xfffe_e000);
                    content.extend(self.long(inner.len() as u32));
                    content.extend(inner);
                }
            }
            Value::Fragments(fragments) => {
                for fragment in [Vec::new()].iter().chain(fragments) {
                    self.tag(&mut content, 0xfffe_e000);
                    content.extend(self.long(fragment.len().next_multiple_of(2) as u32));
                    content.extend(fragment);
                    content.resize(content.len().next_multiple_of(2), 0);
                }
                self.tag(&mut content, 0xfffe_e0dd);
                content.extend(self.long(0));
            }
        }
        let padding = if *vr == "UI" || matches!(value, Value::Bytes(_)) {
            0
        } else {
            b' '
        };
        content.resize(content.len().next_multiple_of(2), padding);
        let length = match value {
            Value::Fragments(_) => u32::MAX,
            _ => content.len() as u32,
        };
        self.tag(bytes, *tag);
        if self.explicit {
            bytes.extend(vr.as_bytes());
            if ["OB", "OW", "SQ", "UN", "UT"].contains(vr) {
                bytes.extend([0, 0]);
                bytes.extend(self.long(length));
            } else {
                bytes.extend(self.word(length as u16));
            }
        } else {
            bytes.extend(self.long(length));
        }
        bytes.extend(content);
    }
}

/// A NIfTI-1 file.
#[derive(Clone)]
pub struct Nifti {
    pub dimensions: Vec<i16>,
    /// The code of the voxels' type.
    pub datatype: i16,
    pub scale: [f32; 2],
    /// What is shown as black and as white.
    pub shown: [f32; 2],
    /// As `srow_x`, `srow_y`, `srow_z`.
    pub affine: Option<[[f32; 4]; 3]>,
    /// The voxels' bytes.
    pub voxels: Vec<u8>,
    pub big: bool,
}

impl Nifti {
    pub fn of_i16(dimensions: &[i16], voxels: &[i16]) -> Nifti {
        Nifti {
            dimensions: dimensions.to_vec(),
            datatype: 4,
            scale: [0.0, 0.0],
            shown: [0.0, 0.0],
            affine: None,
            voxels: voxels.iter().flat_map(|voxel| voxel.to_le_bytes()).collect(),
            big: false,
        }
    }

    pub fn file(&self) -> Vec<u8> {
        let mut header = vec![0; 352];
        let big = self.big;
        let mut put = |place: usize, mut bytes: Vec<u8>| {
            if big {
                bytes.reverse();
            }
            header[place..place + bytes.len()].copy_from_slice(&bytes);
        };
        put(0, 348i32.to_le_bytes().to_vec());
        put(40, (self.dimensions.len() as i16).to_le_bytes().to_vec());
        for axis in 0..7 {
            let size = self.dimensions.get(axis).copied().unwrap_or(1);
            put(42 + 2 * axis, size.to_le_bytes().to_vec());
        }
        put(70, self.datatype.to_le_bytes().to_vec());
        let bits = match self.datatype {
            2 | 256 => 8i16,
            4 | 512 => 16,
            8 | 16 | 768 => 32,
            _ => 64,
        };
        put(72, bits.to_le_bytes().to_vec());
        put(76, 1f32.to_le_bytes().to_vec());
        put(108, 352f32.to_le_bytes().to_vec());
        put(112, self.scale[0].to_le_bytes().to_vec());
        put(116, self.scale[1].to_le_bytes().to_vec());
        put(124, self.shown[1].to_le_bytes().to_vec());
        put(128, self.shown[0].to_le_bytes().to_vec());
        if let Some(affine) = self.affine {
            put(254, 1i16.to_le_bytes().to_vec());
            for (index, number) in affine.iter().flatten().enumerate() {
                put(280 + 4 * index, number.to_le_bytes().to_vec());
            }
        }
        header[344..348].copy_from_slice(b"n+1\0");
        let mut voxels = self.voxels.clone();
        if big {
            let size = bits as usize / 8;
            voxels.chunks_exact_mut(size).for_each(|voxel| voxel.reverse());
        }
        header.extend(voxels);
        header
    }
}
