//! One colour for each class, told apart by people with any colour vision.

use crate::labels::IGNORE;

/// The colour of pixels that are ignored: red, green and blue.
pub const IGNORE_COLOUR: [u8; 3] = [128, 128, 128];

/// What lies outside the network's output window in pictures of label maps.
pub const OUTSIDE: [u8; 3] = [222, 224, 228];

/// Where an adaptive mask has nothing left to change.
pub const INACTIVE: [u8; 3] = [250, 250, 250];

/// How much of a class's colour covers the image inside its outline.
pub const FILL: f32 = 0.35;

/// A hue of Okabe and Ito, *Color Universal Design* (2008), as the others below.
pub const SKY_BLUE: [u8; 3] = [86, 180, 233];
/// See [`SKY_BLUE`].
pub const ORANGE: [u8; 3] = [230, 159, 0];
/// See [`SKY_BLUE`].
pub const BLUISH_GREEN: [u8; 3] = [0, 158, 115];
/// See [`SKY_BLUE`].
pub const YELLOW: [u8; 3] = [240, 228, 66];
/// See [`SKY_BLUE`].
pub const BLUE: [u8; 3] = [0, 114, 178];
/// See [`SKY_BLUE`].
pub const VERMILION: [u8; 3] = [213, 94, 0];
/// See [`SKY_BLUE`].
pub const REDDISH_PURPLE: [u8; 3] = [204, 121, 167];

/// Ordered so that the first stand out from the reds of fundus photographs and histology.
const HUES: [[u8; 3]; 7] = [
    SKY_BLUE,
    ORANGE,
    BLUISH_GREEN,
    YELLOW,
    BLUE,
    VERMILION,
    REDDISH_PURPLE,
];

/// How many pixels of a label map of these sides the outline of a class is wide.
pub fn outline_width([rows, columns]: [usize; 2]) -> usize {
    (rows.min(columns) / 150).clamp(1, 3)
}

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
