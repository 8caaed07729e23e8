//! One colour for each class, told apart by people with any colour vision.

use crate::labels::IGNORE;

/// The colour of pixels that are ignored: red, green and blue.
pub const IGNORE_COLOUR: [u8; 3] = [128, 128, 128];

/// What lies outside the network's output window in pictures of label maps.
pub const OUTSIDE: [u8; 3] = [222, 224, 228];

/// Where an adaptive mask has nothing left to change.
pub const INACTIVE: [u8; 3] = [250, 250, 250];

/// The colours of Okabe and Ito, *Color Universal Design* (2008), ordered so that the first stand out from
/// the reds of fundus photographs and histology.
const HUES: [[u8; 3]; 7] = [
    [86, 180, 233],
    [230, 159, 0],
    [0, 158, 115],
    [240, 228, 66],
    [0, 114, 178],
    [213, 94, 0],
    [204, 121, 167],
];

/// The colour of a label: black for the background, a hue for each of the classes 1 to 7, the same hues
/// lighter for 8 to 14 and darker for 15 to 21, and again from the start; mid-grey for ignored pixels.
pub fn class_colour(label: u8) -> [u8; 3] {
    if label == IGNORE {
        return IGNORE_COLOUR;
    }
    let Some(index) = usize::from(label).checked_sub(1) else {
        return [0, 0, 0];
    };
    let hue = HUES[index % HUES.len()];
    match index / HUES.len() % 3 {
        0 => hue,
        1 => hue.map(|value| value / 2 + 127),
        _ => hue.map(|value| value / 2),
    }
}
