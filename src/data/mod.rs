//! Image and mask files, folders of them, synthetic images, and the geometry between a photograph and a
//! network's input.

pub mod dataset;
mod decode;
pub mod image;
pub mod mask;
pub mod preprocess;
pub mod synthetic;
pub mod target;

pub use self::dataset::{PairPaths, Pairing, Sample, common_encoding, pair_by_name, read_pairs};
pub use self::image::{read_image, round_to_8_bits, to_rgb_image, write_image, write_rgb_image};
pub use self::mask::{MaskEncoding, check_foreground, read_mask, read_mask_as, write_mask};
pub use self::preprocess::{Crop, Padding, PaddingMode, Preparation, Preset, Resize};
pub use self::synthetic::{SyntheticKind, SyntheticOptions, generate};
pub use self::target::read_target;
