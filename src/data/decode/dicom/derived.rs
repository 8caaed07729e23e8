//! A DICOM file with other pixels: a new instance in a new series, derived from the one that was read, as PS3.3 C.7.6.1.1.3
//! wants it. All that is not about that is copied byte by byte.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::hash::{BuildHasher, Hasher, RandomState};

use dicom_core::value::DataSetSequence;
use dicom_core::{DataElement, PrimitiveValue, Tag, VR, dicom_value};
use dicom_dictionary_std::{tags, uids};
use dicom_encoding::transfer_syntax::TransferSyntax;
use dicom_object::InMemDicomObject;
use dicom_object::mem::InMemElement;

use super::dataset::{Dataset, syntax_of};
use super::pixels::{Layout, frame, native_place};
use crate::data::decode::{Change, Decoded, MOST_MEMORY, chosen, damaged, too_much_memory};

/// Bytes of a derivation description.
const LONGEST_DESCRIPTION: usize = 1024;

/// What would be wrong of the new pixels: signatures, and what the least and the largest of the old ones are.
const STALE: [Tag; 6] = [
    tags::SMALLEST_IMAGE_PIXEL_VALUE,
    tags::LARGEST_IMAGE_PIXEL_VALUE,
    Tag(0x0028, 0x0108),
    Tag(0x0028, 0x0109),
    tags::MAC_PARAMETERS_SEQUENCE,
    tags::DIGITAL_SIGNATURES_SEQUENCE,
];

/// The file with these numbers of one frame changed, and `description` of how. Compressed files become uncompressed ones.
pub(in crate::data) fn derived(
    file: &[u8],
    wanted_page: Option<usize>,
    changes: &[Change],
    description: &str,
) -> Decoded<Vec<u8>> {
    let dataset = Dataset::open(file)?;
    let layout = Layout::of(&dataset)?;
    let (number, _) = chosen(wanted_page, layout.frames, "frames", "")?;
    let plain = syntax_of(uids::EXPLICIT_VR_LITTLE_ENDIAN)?;
    let native = !dataset.syntax.is_encapsulated_pixel_data();
    let inflated = matches!(dataset.bytes, Cow::Owned(_));
    let syntax = if native && !inflated {
        dataset.syntax
    } else {
        plain
    };

    let mut elements: BTreeMap<Tag, Cow<'_, [u8]>> = dataset
        .elements
        .iter()
        // The lengths of groups are retired, and would be wrong.
        .filter(|element| !STALE.contains(&element.tag) && element.tag.element() != 0)
        .map(|element| (element.tag, Cow::Borrowed(&dataset.bytes[element.bytes.clone()])))
        .collect();
    if !native {
        // Where compressed frames lay.
        elements.retain(|tag, _| tag.group() != tags::PIXEL_DATA.group());
    }
    if native {
        let place = native_place(&dataset, &layout)?;
        let big = frame(&dataset, &layout, number)?.big;
        let element = dataset
            .element(tags::PIXEL_DATA)
            .ok_or_else(|| damaged("it has no pixels"))?;
        let mut bytes = dataset.bytes[element.bytes.clone()].to_vec();
        let start = place.start - element.bytes.start + number * layout.frame_bytes();
        change(
            &layout,
            &mut bytes[start..start + layout.frame_bytes()],
            big,
            changes,
        );
        elements.insert(tags::PIXEL_DATA, Cow::Owned(bytes));
    } else {
        let size = layout.frame_bytes().saturating_mul(layout.frames);
        if size > MOST_MEMORY {
            return Err(too_much_memory());
        }
        let mut bytes = Vec::with_capacity(size + 1);
        for index in 0..layout.frames {
            bytes.extend_from_slice(&frame(&dataset, &layout, index)?.bytes);
        }
        let start = number * layout.frame_bytes();
        change(
            &layout,
            &mut bytes[start..start + layout.frame_bytes()],
            false,
            changes,
        );
        // Elements have an even length.
        bytes.resize(size.next_multiple_of(2), 0);
        let vr = if layout.allocated > 8 { VR::OW } else { VR::OB };
        let pixels = DataElement::new(tags::PIXEL_DATA, vr, PrimitiveValue::U8(bytes.into()));
        put(&mut elements, pixels, syntax)?;
        if layout.samples() == 3 {
            let text = |tag, text: &str| DataElement::new(tag, VR::CS, PrimitiveValue::from(text));
            put(
                &mut elements,
                text(tags::PHOTOMETRIC_INTERPRETATION, "RGB"),
                syntax,
            )?;
            let side_by_side = DataElement::new(tags::PLANAR_CONFIGURATION, VR::US, dicom_value!(U16, [0]));
            put(&mut elements, side_by_side, syntax)?;
        }
    }

    let instance = new_uid(&elements);
    for element in said(&dataset, &instance, description) {
        put(&mut elements, element, syntax)?;
    }
    let mut meta = dataset.meta.clone();
    meta.media_storage_sop_instance_uid = instance;
    meta.set_transfer_syntax(syntax);
    meta.update_information_group_length();
    let mut derived = dataset.preamble.to_vec();
    derived.extend_from_slice(b"DICM");
    meta.write(&mut derived)
        .map_err(|cause| format!("cannot be written anew: {cause}"))?;
    elements
        .values()
        .for_each(|element| derived.extend_from_slice(element));
    Ok(derived)
}

fn change(layout: &Layout, frame: &mut [u8], big: bool, changes: &[Change]) {
    for change in changes.iter().filter(|change| change.index < layout.numbers()) {
        layout.set(frame, big, change.index, change.number as i32);
    }
}

/// What is said of the new instance, and of what it is derived from.
fn said(dataset: &Dataset<'_>, instance: &str, description: &str) -> Vec<InMemElement> {
    let text = |tag, vr, text: String| DataElement::new(tag, vr, PrimitiveValue::from(text));
    let mut kinds: Vec<String> = dataset
        .text(tags::IMAGE_TYPE)
        .map(|kinds| kinds.split('\\').map(str::to_string).collect())
        .unwrap_or_default();
    kinds.resize(kinds.len().max(2), String::new());
    // Made later than the examination.
    (kinds[0], kinds[1]) = ("DERIVED".into(), "SECONDARY".into());
    let ascii: String = description
        .chars()
        .map(|c| if c.is_ascii_graphic() || c == ' ' { c } else { '?' })
        .map(|c| if c == '\\' { '/' } else { c })
        .take(LONGEST_DESCRIPTION)
        .collect();
    let mut said = vec![
        DataElement::new(tags::IMAGE_TYPE, VR::CS, PrimitiveValue::Strs(kinds.into())),
        text(tags::SOP_INSTANCE_UID, VR::UI, instance.into()),
        text(tags::SERIES_INSTANCE_UID, VR::UI, new_uid_of(instance.as_bytes())),
        text(tags::DERIVATION_DESCRIPTION, VR::ST, ascii),
    ];
    let source = [
        (tags::SOP_CLASS_UID, tags::REFERENCED_SOP_CLASS_UID),
        (tags::SOP_INSTANCE_UID, tags::REFERENCED_SOP_INSTANCE_UID),
    ];
    let source: Vec<InMemElement> = source
        .into_iter()
        .filter_map(|(own, as_source)| Some(text(as_source, VR::UI, dataset.text(own)?)))
        .collect();
    if !source.is_empty() {
        let item = InMemDicomObject::from_element_iter(source);
        said.push(DataElement::new(
            tags::SOURCE_IMAGE_SEQUENCE,
            VR::SQ,
            DataSetSequence::from(vec![item]),
        ));
    }
    said
}

/// Puts an element among the others, in the place of one of its tag.
fn put(
    elements: &mut BTreeMap<Tag, Cow<'_, [u8]>>,
    element: InMemElement,
    syntax: &TransferSyntax,
) -> Decoded<()> {
    let tag = element.header().tag;
    let mut bytes = Vec::new();
    InMemDicomObject::from_element_iter([element])
        .write_dataset_with_ts(&mut bytes, syntax)
        .map_err(|cause| format!("cannot be written anew: {cause}"))?;
    elements.insert(tag, Cow::Owned(bytes));
    Ok(())
}

/// A UID that no other data set has: a UUID of the root 2.25 (PS3.5 B.2), of the elements and of chance.
fn new_uid(elements: &BTreeMap<Tag, Cow<'_, [u8]>>) -> String {
    let all: Vec<&[u8]> = elements.values().map(|element| &element[..]).collect();
    new_uid_of(&all.concat())
}

fn new_uid_of(bytes: &[u8]) -> String {
    let half = || {
        let mut hasher = RandomState::new().build_hasher();
        hasher.write(bytes);
        u128::from(hasher.finish())
    };
    let random = half() << 64 | half();
    // Version 8 (of its maker's own making), and the variant of RFC 9562.
    let uuid = random & !(0xf << 76) & !(0x3 << 62) | (0x8 << 76) | (0x2 << 62);
    format!("2.25.{uuid}")
}
