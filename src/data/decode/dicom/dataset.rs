//! A DICOM file's elements: where each stands in the file, and those that say what its pixels mean.
//!
//! Elements are found before any of them is read, so that one that claims more bytes than the file has, or sequences that
//! are nested without end, are refused before memory goes to them. What is kept of a file is copied byte by byte.

use std::borrow::Cow;
use std::cell::Cell;
use std::io::{self, Cursor, Read, Seek, SeekFrom};
use std::ops::Range;
use std::rc::Rc;

use dicom_core::header::{HasLength, Header};
use dicom_core::{Tag, VR};
use dicom_dictionary_std::{tags, uids};
use dicom_encoding::transfer_syntax::{TransferSyntax, TransferSyntaxIndex};
use dicom_object::mem::InMemElement;
use dicom_object::{FileDicomObject, FileMetaTable, InMemDicomObject};
use dicom_parser::dataset::LazyDataToken;
use dicom_parser::dataset::lazy_read::LazyDataSetReader;
use dicom_transfer_syntax_registry::TransferSyntaxRegistry;
use flate2::read::DeflateDecoder;

use crate::data::decode::{Decoded, LARGEST_FILE, damaged};

/// Sequences within sequences that are followed.
const DEEPEST: usize = 32;

/// Elements and items of a file.
const MOST_TOKENS: usize = 1 << 21;

/// Bytes of one element that is text, which takes many times as much memory once it is read.
const LONGEST_TEXT: u32 = 1 << 20;

const PREAMBLE: usize = 128;

/// An element of the data set itself, not of an item in it.
#[derive(Clone, Debug)]
pub(super) struct Element {
    pub tag: Tag,
    /// Its bytes, header and value.
    pub bytes: Range<usize>,
    /// Its value alone, unless it is a sequence.
    pub value: Option<Range<usize>>,
}

/// A file with its elements found.
pub(super) struct Dataset<'a> {
    pub preamble: [u8; PREAMBLE],
    pub meta: FileMetaTable,
    /// The transfer syntax of the file.
    pub syntax: &'static TransferSyntax,
    /// The data set behind the meta information, inflated.
    pub bytes: Cow<'a, [u8]>,
    /// In the order of the file.
    pub elements: Vec<Element>,
    /// The elements that say what the pixels mean, and the pixels themselves if they are compressed.
    pub object: FileDicomObject<InMemDicomObject>,
}

impl<'a> Dataset<'a> {
    pub(super) fn open(file: &'a [u8]) -> Decoded<Dataset<'a>> {
        let mut preamble = [0; PREAMBLE];
        let marked = match file.strip_prefix(b"DICM") {
            Some(_) => file,
            None => match file.split_at_checked(PREAMBLE) {
                Some((first, rest)) if rest.starts_with(b"DICM") => {
                    preamble.copy_from_slice(first);
                    rest
                }
                _ => {
                    return Err(
                        "is DICOM without the meta information that files begin with (the mark DICM), so how it is \
                         stored would be a guess; save it as a file: pydicom.dcmwrite(path, dataset, enforce_file_format=True)"
                            .into(),
                    );
                }
            },
        };
        let explicit = syntax_of(uids::EXPLICIT_VR_LITTLE_ENDIAN)?;
        // The same check as for the rest, before anything is read.
        elements(&marked[4..], explicit, |tag| tag.group() > 2)?;
        let mut reader = Cursor::new(marked);
        let meta = FileMetaTable::from_reader(&mut reader).map_err(damaged)?;
        let behind = marked.get(reader.position() as usize..).unwrap_or_default();
        let syntax = syntax_of(meta.transfer_syntax())?;
        let bytes = match meta.transfer_syntax() == uids::DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN {
            true => Cow::Owned(inflated(behind)?),
            false => Cow::Borrowed(behind),
        };
        let stored = match bytes {
            Cow::Owned(_) => explicit,
            Cow::Borrowed(_) => syntax,
        };
        let elements = elements(&bytes, stored, |_| false)?;
        let needed: Vec<u8> = elements
            .iter()
            .filter(|element| is_needed(element))
            .flat_map(|element| &bytes[element.bytes.clone()])
            .copied()
            .collect();
        let object = InMemDicomObject::read_dataset_with_ts(&needed[..], stored).map_err(damaged)?;
        let object = object.with_exact_meta(meta.clone());
        Ok(Dataset {
            preamble,
            meta,
            syntax,
            bytes,
            elements,
            object,
        })
    }

    /// The element of this tag.
    pub(super) fn element(&self, tag: Tag) -> Option<&Element> {
        self.elements.iter().find(|element| element.tag == tag)
    }

    /// The text of an element, if it is there and has one.
    pub(super) fn text(&self, tag: Tag) -> Option<String> {
        let text = self.object.get(tag)?.to_str().ok()?;
        let text = text.trim_matches(|c: char| c.is_whitespace() || c == '\0');
        (!text.is_empty()).then(|| text.to_string())
    }

    /// The whole number of an element, which has to be there.
    pub(super) fn number(&self, tag: Tag, name: &str) -> Decoded<u32> {
        self.optional_number(tag, name)?
            .ok_or_else(|| damaged(format!("it does not say its {name}")))
    }

    pub(super) fn optional_number(&self, tag: Tag, name: &str) -> Decoded<Option<u32>> {
        match self.object.get(tag) {
            None => Ok(None),
            Some(element) if element.length().0 == 0 => Ok(None),
            Some(element) => element
                .to_int::<u32>()
                .map(Some)
                .map_err(|cause| damaged(format!("its {name} is no number ({cause})"))),
        }
    }

    /// The element that holds for a frame: that of the data set itself, or of the functional groups of an enhanced file
    /// within this sequence.
    pub(super) fn of_frame(&self, frame: usize, sequence: Tag, tag: Tag) -> Option<&InMemElement> {
        let of_item = |groups: Tag, item: usize| -> Option<&InMemElement> {
            let group = self.object.get(groups)?.items()?.get(item)?;
            group.get(sequence)?.items()?.first()?.get(tag)
        };
        of_item(tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE, frame)
            .or_else(|| of_item(tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE, 0))
            .or_else(|| self.object.get(tag))
    }
}

/// The transfer syntax of this UID.
pub(super) fn syntax_of(uid: &str) -> Decoded<&'static TransferSyntax> {
    TransferSyntaxRegistry.get(uid).ok_or_else(|| {
        format!(
            "is DICOM of the transfer syntax {uid}, which is not known; save it as Explicit VR Little Endian"
        )
    })
}

fn inflated(deflated: &[u8]) -> Decoded<Vec<u8>> {
    let mut bytes = Vec::new();
    DeflateDecoder::new(deflated)
        .take(LARGEST_FILE + 1)
        .read_to_end(&mut bytes)
        .map_err(damaged)?;
    match bytes.len() as u64 > LARGEST_FILE {
        true => Err(format!(
            "has more than {} MiB once it is inflated; cut or scale the image down first",
            LARGEST_FILE >> 20
        )),
        false => Ok(bytes),
    }
}

/// Whether an element says something of the pixels. Names of patients and whatever else is text is none of this program's
/// business.
fn is_needed(element: &Element) -> bool {
    let groups = [
        tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE,
        tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE,
        tags::SOP_CLASS_UID,
        tags::SOP_INSTANCE_UID,
        tags::MODALITY,
        tags::IMAGE_TYPE,
    ];
    let compressed = element.tag == tags::PIXEL_DATA && element.value.is_none();
    (element.tag.group() == 0x0028 && element.tag.element() != 0)
        || groups.contains(&element.tag)
        || compressed
}

/// The elements of a data set up to one that is `beyond`.
fn elements(bytes: &[u8], syntax: &TransferSyntax, beyond: impl Fn(Tag) -> bool) -> Decoded<Vec<Element>> {
    let place = Rc::new(Cell::new(0));
    let source = Watched {
        bytes: Cursor::new(bytes),
        place: place.clone(),
    };
    let explicit = syntax.uid() != uids::IMPLICIT_VR_LITTLE_ENDIAN;
    let mut reader = LazyDataSetReader::new_with_ts(source, syntax).map_err(damaged)?;
    let mut elements: Vec<Element> = Vec::new();
    let (mut depth, mut tokens, mut start) = (0usize, 0usize, 0);
    let mut open = Tag(0, 0);
    let finish = |elements: &mut Vec<Element>, tag, start: usize, end: usize, value| -> Decoded<usize> {
        if elements.last().is_some_and(|last| last.tag >= tag) {
            return Err(damaged(format!("its element {tag} is out of order")));
        }
        elements.push(Element {
            tag,
            bytes: start..end,
            value,
        });
        Ok(end)
    };
    while let Some(token) = reader.advance() {
        tokens += 1;
        if tokens > MOST_TOKENS {
            return Err(format!(
                "is DICOM of more than {MOST_TOKENS} elements; save the image alone"
            ));
        }
        let here = place.get();
        let left = bytes.len().saturating_sub(here);
        match token.map_err(damaged)? {
            LazyDataToken::ElementHeader(header) => {
                if depth == 0 {
                    if beyond(header.tag()) {
                        break;
                    }
                    open = header.tag();
                }
                check_length(header.tag(), header.vr(), header.length().get(), left)?;
            }
            LazyDataToken::SequenceStart { tag, .. } => {
                if depth == 0 {
                    if beyond(tag) {
                        break;
                    }
                    open = tag;
                }
                // Its items are of implicit VR (PS3.5, 6.2.2, note 2), which the reader does not know.
                if explicit && here >= 12 && bytes.get(here - 8..here - 6) == Some(b"UN") {
                    return Err(format!(
                        "is DICOM whose element {tag} is a sequence of unknown VR, which is not read; save it anew: \
                         pydicom.dcmread(\"IN\").save_as(\"OUT\")"
                    ));
                }
                depth += 1;
                if depth > DEEPEST {
                    return Err(damaged(format!(
                        "its sequences are nested more than {DEEPEST} deep"
                    )));
                }
            }
            LazyDataToken::PixelSequenceStart => {
                if depth == 0 {
                    open = tags::PIXEL_DATA;
                }
                depth += 1;
            }
            LazyDataToken::SequenceEnd => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    start = finish(&mut elements, open, start, here, None)?;
                }
            }
            value @ LazyDataToken::LazyValue { .. } => {
                value.skip().map_err(damaged)?;
                let end = place.get();
                if depth == 0 {
                    start = finish(&mut elements, open, start, end, Some(here..end))?;
                }
            }
            value @ LazyDataToken::LazyItemValue { .. } => {
                if let LazyDataToken::LazyItemValue { len, .. } = &value {
                    check_length(tags::PIXEL_DATA, VR::OB, Some(*len), left)?;
                }
                value.skip().map_err(damaged)?;
            }
            _ => {}
        }
    }
    match depth {
        0 => Ok(elements),
        _ => Err(damaged("it ends within a sequence")),
    }
}

/// Refuses an element that claims more than there is, or text beyond measure.
fn check_length(tag: Tag, vr: VR, length: Option<u32>, left: usize) -> Decoded<()> {
    let bytes = matches!(
        vr,
        VR::OB
            | VR::OW
            | VR::OD
            | VR::OF
            | VR::OL
            | VR::OV
            | VR::UN
            | VR::US
            | VR::SS
            | VR::UL
            | VR::SL
            | VR::SV
            | VR::UV
            | VR::FL
            | VR::FD
    );
    match length {
        Some(length) if length as usize > left => Err(damaged(format!(
            "its element {tag} claims {length} bytes, and {left} are left"
        ))),
        Some(length) if length > LONGEST_TEXT && !bytes => Err(format!(
            "is DICOM whose element {tag} is a text of {length} bytes, and up to {LONGEST_TEXT} are read; leave it out"
        )),
        _ => Ok(()),
    }
}

/// Bytes that are read elsewhere, and how far.
struct Watched<'a> {
    bytes: Cursor<&'a [u8]>,
    place: Rc<Cell<usize>>,
}

impl Watched<'_> {
    fn note(&self) {
        self.place.set(self.bytes.position() as usize);
    }
}

impl Read for Watched<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.bytes.read(buffer);
        self.note();
        count
    }
}

impl Seek for Watched<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let place = self.bytes.seek(to);
        self.note();
        place
    }
}
