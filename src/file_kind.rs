//! What a file is by its content, where it is not what was asked for: so that a refusal can call it by its
//! right name.

use std::fmt;

/// A kind of file that is often given in place of an image or of weights.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum FileKind {
    /// No bytes at all.
    Empty,
    /// Nothing but zeros.
    Zeros,
    /// A page for a browser.
    Html,
    /// Text in braces; `index` where it lists the shards of a model.
    Json { index: bool, beginning: String },
    /// Other text, with its beginning.
    Text(String),
    /// What stands in a repository in place of a large file.
    LfsPointer,
    /// A zip archive as `torch.save` writes it.
    PyTorch,
    /// A zip archive as `torch.jit.save` writes it.
    TorchScript,
    /// What Python's `pickle` writes, and with it older versions of `torch.save`.
    Pickle,
    /// A zip archive of NumPy arrays.
    Npz,
    /// A zip archive as Keras 3 writes it.
    Keras,
    /// Another zip archive, with some of its names.
    Zip(Vec<String>),
    /// HDF5, older Keras among it.
    Hdf5,
    /// An ONNX graph.
    Onnx,
    /// Weights in the format of this tool.
    Safetensors,
    /// DICOM, with or without its preamble's mark.
    Dicom,
    /// A NIfTI-1 volume in one file.
    Nifti,
    /// A gzip archive, which a NIfTI volume may lie in.
    Gzip,
    /// A stack of slices, with its format.
    Volume(&'static str),
    /// What else is known by its first bytes.
    Other(&'static str),
}

/// Where a format's mark stands, the mark, and the kind.
static MARKS: &[(usize, &[u8], FileKind)] = &[
    (0, b"version https://git-lfs", FileKind::LfsPointer),
    (0, b"\x89HDF\r\n\x1a\n", FileKind::Hdf5),
    (128, b"DICM", FileKind::Dicom),
    (344, b"n+1\0", FileKind::Nifti),
    (
        344,
        b"ni1\0",
        FileKind::Volume("the header of a NIfTI volume whose voxels stand in another file"),
    ),
    (4, b"n+2\0", FileKind::Volume("a NIfTI-2 volume")),
    (0, b"NRRD", FileKind::Volume("an NRRD volume")),
    (
        0,
        b"ObjectType",
        FileKind::Volume("the header of a MetaImage volume"),
    ),
    (0, b"SIMPLE  =", FileKind::Volume("a FITS file")),
    (0, b"ZISRAWFILE", FileKind::Volume("a Zeiss CZI file")),
    (0, b"# vtk DataFile", FileKind::Volume("a VTK file")),
    (0, b"MATLAB 5.0 MAT-file", FileKind::Other("a MATLAB file")),
    (0, b"MATLAB 7.3 MAT-file", FileKind::Other("a MATLAB file")),
    (0, b"\x93NUMPY", FileKind::Other("a NumPy array (.npy)")),
    (0, b"GGUF", FileKind::Other("a GGUF file")),
    (4, b"TFL3", FileKind::Other("a TensorFlow Lite model")),
    (0, b"\x89PNG\r\n\x1a\n", FileKind::Other("a PNG image")),
    (0, b"\xff\xd8\xff", FileKind::Other("a JPEG image")),
    (0, b"GIF8", FileKind::Other("a GIF image")),
    (0, b"II*\0", FileKind::Other("a TIFF image")),
    (0, b"MM\0*", FileKind::Other("a TIFF image")),
    (0, b"II+\0", FileKind::Other("a BigTIFF image")),
    (0, b"MM\0+", FileKind::Other("a BigTIFF image")),
    (8, b"WEBP", FileKind::Other("a WebP image")),
    (
        0,
        b"\0\0\0\x0cjP  \r\n\x87\n",
        FileKind::Other("a JPEG 2000 image"),
    ),
    (0, b"\xff\x4f\xff\x51", FileKind::Other("a JPEG 2000 codestream")),
    (0, b"\0\0\0\x0cJXL \r\n\x87\n", FileKind::Other("a JPEG XL image")),
    (0, b"\xff\x0a", FileKind::Other("a JPEG XL codestream")),
    (4, b"ftypavif", FileKind::Other("an AVIF image")),
    (4, b"ftypavis", FileKind::Other("an AVIF image")),
    (4, b"ftyphe", FileKind::Other("a HEIC image")),
    (4, b"ftypmif1", FileKind::Other("a HEIF image (HEIC or AVIF)")),
    (4, b"ftypmsf1", FileKind::Other("a HEIF image (HEIC or AVIF)")),
    (4, b"ftypcrx", FileKind::Other("a camera's raw file (CR3)")),
    (4, b"ftyp", FileKind::Other("a video (MP4 or QuickTime)")),
    (0, b"8BPS", FileKind::Other("a Photoshop document (PSD)")),
    (0, b"gimp xcf", FileKind::Other("a GIMP document (XCF)")),
    (0, b"%PDF", FileKind::Other("a PDF document")),
    (0, b"%!PS", FileKind::Other("a PostScript document")),
    (0, b"v/1\x01", FileKind::Other("an OpenEXR image")),
    (0, b"#?RADIANCE", FileKind::Other("a Radiance HDR image")),
    (0, b"qoif", FileKind::Other("a QOI image")),
    (0, b"farbfeld", FileKind::Other("a farbfeld image")),
    (0, b"DDS ", FileKind::Other("a DDS texture")),
    (0, b"\0\0\x01\0", FileKind::Other("a Windows icon (ICO)")),
    (0, b"AT&TFORM", FileKind::Other("a DjVu document")),
    (0, b"\x1f\x8b", FileKind::Gzip),
    (0, b"BZh", FileKind::Other("a bzip2 archive")),
    (0, b"\xfd7zXZ\0", FileKind::Other("an xz archive")),
    (0, b"\x28\xb5\x2f\xfd", FileKind::Other("a Zstandard archive")),
    (0, b"7z\xbc\xaf\x27\x1c", FileKind::Other("a 7-Zip archive")),
    (0, b"Rar!", FileKind::Other("a RAR archive")),
    (257, b"ustar", FileKind::Other("a tar archive")),
];

/// Characters of a text that are shown.
const SHOWN: usize = 60;

/// Bytes that are looked at to tell whether a file is text.
const LOOKED_AT: usize = 512;

impl FileKind {
    /// The kind of a file of these bytes, if its content tells.
    pub(crate) fn recognise(file: &[u8]) -> Option<FileKind> {
        if file.is_empty() {
            return Some(FileKind::Empty);
        }
        // First, as the length that it begins with may look like any other mark.
        if is_safetensors(file) {
            return Some(FileKind::Safetensors);
        }
        if file.starts_with(b"PK\x03\x04") || file.starts_with(b"PK\x05\x06") {
            return Some(of_archive(&names_in_archive(file)));
        }
        let marked = |&&(place, mark, _): &&(usize, &[u8], FileKind)| {
            file.get(place..).is_some_and(|rest| rest.starts_with(mark))
        };
        if let Some((_, _, kind)) = MARKS.iter().find(marked) {
            return Some(kind.clone());
        }
        if let [b'P', b'1'..=b'7', b' ' | b'\n' | b'\r' | b'\t', ..] = file {
            return Some(FileKind::Other("a Netpbm image (PBM, PGM, PPM)"));
        }
        if let [0x80, 2..=5, ..] = file {
            return Some(FileKind::Pickle);
        }
        // A DICOM file without preamble begins with an element of group 2 or 8.
        if matches!(file, [2 | 8, 0, 0..=0x18, 0, b'A'..=b'Z', b'A'..=b'Z', ..]) {
            return Some(FileKind::Dicom);
        }
        if file.len() > 8 && file.iter().all(|&byte| byte == 0) {
            return Some(FileKind::Zeros);
        }
        if let Some(text) = beginning_as_text(file) {
            return Some(of_text(file, &text));
        }
        // Protobuf: the version of the format, then the producer, the graph or the opset.
        if matches!(
            file,
            [8, 1..=30, 0x12 | 0x1a | 0x22 | 0x2a | 0x32 | 0x3a | 0x42, ..]
        ) {
            return Some(FileKind::Onnx);
        }
        None
    }
}

impl fmt::Display for FileKind {
    /// The kind with its article, such as `a web page (HTML)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FileKind::Empty => f.write_str("an empty file"),
            FileKind::Zeros => f.write_str("a file of nothing but zeros"),
            FileKind::Html => f.write_str("a web page (HTML)"),
            FileKind::Json { index: true, .. } => f.write_str("the index of a model in several files (JSON)"),
            FileKind::Json { beginning, .. } => write!(f, "a JSON file that begins `{beginning}`"),
            FileKind::Text(beginning) => write!(f, "a text that begins `{beginning}`"),
            FileKind::LfsPointer => f.write_str("a Git LFS pointer, not the file itself"),
            FileKind::PyTorch => f.write_str("a PyTorch file"),
            FileKind::TorchScript => f.write_str("a TorchScript file"),
            FileKind::Pickle => f.write_str("a Python pickle (as older PyTorch files are)"),
            FileKind::Npz => f.write_str("a zip archive of NumPy arrays (.npz)"),
            FileKind::Keras => f.write_str("a Keras model (.keras)"),
            FileKind::Zip(names) if names.is_empty() => f.write_str("a zip archive"),
            FileKind::Zip(names) => {
                let shown: Vec<String> = names.iter().take(3).map(|name| format!("`{name}`")).collect();
                let more = if names.len() > shown.len() { ", …" } else { "" };
                write!(f, "a zip archive of {}{more}", shown.join(", "))
            }
            FileKind::Hdf5 => f.write_str("an HDF5 file (as of Keras, MATLAB 7.3)"),
            FileKind::Onnx => f.write_str("an ONNX model"),
            FileKind::Safetensors => f.write_str("a safetensors file"),
            FileKind::Dicom => f.write_str("a DICOM file"),
            FileKind::Nifti => f.write_str("a NIfTI volume"),
            FileKind::Gzip => f.write_str("a gzip archive (as of .nii.gz, .tar.gz)"),
            FileKind::Volume(name) | FileKind::Other(name) => f.write_str(name),
        }
    }
}

/// Whether the file begins with the length of a JSON header that follows.
fn is_safetensors(file: &[u8]) -> bool {
    file.get(8) == Some(&b'{') && file.get(4..8) == Some(&[0; 4])
}

/// Text of 16-bit units of that order of bytes.
fn utf_16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> String {
    let (pairs, _) = bytes.as_chunks::<2>();
    let units = pairs.iter().map(|&pair| unit(pair));
    char::decode_utf16(units)
        .map(|character| character.unwrap_or(char::REPLACEMENT_CHARACTER))
        .collect()
}

/// The beginning of the file as one line of text, if it is text.
fn beginning_as_text(file: &[u8]) -> Option<String> {
    let beginning = file.get(..LOOKED_AT).unwrap_or(file);
    let beginning = beginning.strip_prefix(b"\xef\xbb\xbf").unwrap_or(beginning);
    let is_markup = beginning.trim_ascii_start().first() == Some(&b'<');
    let text = match (beginning, std::str::from_utf8(beginning)) {
        ([0xff, 0xfe, rest @ ..], _) => utf_16(rest, u16::from_le_bytes),
        ([0xfe, 0xff, rest @ ..], _) => utf_16(rest, u16::from_be_bytes),
        (_, Ok(text)) => text.into(),
        // Cut in the middle of a character.
        (_, Err(error)) if error.error_len().is_none() => {
            String::from_utf8_lossy(beginning.get(..error.valid_up_to())?).into_owned()
        }
        // A page of an older encoding, of which the marks alone matter.
        (_, Err(_)) if is_markup => String::from_utf8_lossy(beginning).into_owned(),
        (_, Err(_)) => return None,
    };
    let printable = |c: char| !c.is_control() || c.is_whitespace();
    let enough = text.trim().chars().count() >= 4;
    (enough && text.chars().all(printable)).then(|| text.split_whitespace().collect::<Vec<_>>().join(" "))
}

fn of_text(file: &[u8], text: &str) -> FileKind {
    let lower = text.to_lowercase();
    let shown = || text.chars().take(SHOWN).collect::<String>();
    let markup = text.starts_with('<');
    if lower.starts_with("<!doctype html")
        || lower.starts_with("<html")
        || (markup && lower.contains("<head"))
    {
        FileKind::Html
    } else if markup && lower.contains("<svg") {
        FileKind::Other("an SVG drawing")
    } else if markup && lower.starts_with("<?xml") {
        FileKind::Other("an XML file")
    } else if markup {
        FileKind::Html
    } else if text.starts_with('{') {
        let index = file
            .windows(12)
            .take(1 << 20)
            .any(|name| name == b"\"weight_map\"");
        FileKind::Json {
            index,
            beginning: shown(),
        }
    } else {
        FileKind::Text(shown())
    }
}

fn of_archive(names: &[String]) -> FileKind {
    let has = |wanted: &dyn Fn(&str) -> bool| names.iter().any(|name| wanted(name));
    let named = |name: &str, file: &str| name == file || name.ends_with(&format!("/{file}"));
    if has(&|name| named(name, "data.pkl")) {
        match has(&|name| named(name, "constants.pkl")) {
            true => FileKind::TorchScript,
            false => FileKind::PyTorch,
        }
    } else if has(&|name| named(name, "model.weights.h5") || named(name, "config.json"))
        && has(&|name| named(name, "metadata.json") || name.ends_with(".h5"))
    {
        FileKind::Keras
    } else if !names.is_empty() && names.iter().all(|name| name.ends_with(".npy")) {
        FileKind::Npz
    } else {
        FileKind::Zip(names.to_vec())
    }
}

/// The names in a zip archive, as its directory at the end lists them; of one that was cut short, the first.
fn names_in_archive(file: &[u8]) -> Vec<String> {
    const MOST_NAMES: usize = 4096;
    let word = |place: usize| -> Option<usize> {
        let bytes = *file.get(place..)?.first_chunk::<2>()?;
        Some(u16::from_le_bytes(bytes).into())
    };
    let text = |place: usize, length: usize| -> Option<String> {
        let name = String::from_utf8_lossy(file.get(place..place + length)?).into_owned();
        Some(name.chars().filter(|c| !c.is_control()).collect())
    };
    let mut names = Vec::new();
    // The end record stands in the last 64 KiB; it says where the directory begins.
    let tail = file.len().saturating_sub((1 << 16) + 22);
    let end = file[tail..].windows(4).rposition(|mark| mark == b"PK\x05\x06");
    let start = end.and_then(|end| {
        let bytes = *file.get(tail + end + 16..)?.first_chunk::<4>()?;
        Some(u32::from_le_bytes(bytes) as usize)
    });
    let mut place = start.unwrap_or(usize::MAX);
    while names.len() < MOST_NAMES
        && file
            .get(place..)
            .is_some_and(|rest| rest.starts_with(b"PK\x01\x02"))
    {
        let lengths = [28, 30, 32].map(|field| word(place + field).unwrap_or(0));
        names.extend(text(place + 46, lengths[0]));
        place += 46 + lengths.iter().sum::<usize>();
    }
    if names.is_empty() {
        names.extend(word(26).and_then(|length| text(30, length)));
    }
    names
}
