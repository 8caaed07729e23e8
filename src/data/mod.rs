//! Image and mask files, folders of them, synthetic images, and the geometry between a photograph and a
//! network's input.

#[cfg(feature = "train")]
pub mod dataset;
mod decode;
pub mod fit;
pub mod geometry;
pub mod image;
pub mod input;
mod input_masks;
pub mod mask;
mod original;
pub mod pairing;
mod picture;
pub mod preprocess;
pub mod preset;
mod scaling;
#[cfg(feature = "synthetic")]
pub mod synthetic;
mod tensors;
mod window;

#[cfg(feature = "train")]
pub use self::dataset::{ReadPairs, Sample, common_reading, common_reading_of, read_pairs};
pub use self::fit::{Fit, Fitted, fit, nearest_size};
pub use self::geometry::{Crop, Padding, PaddingMode, Resize};
pub use self::image::{
    ImageOptions, Photograph, read_image, read_photograph, round_to_8_bits, to_rgb_image, write_image,
    write_rgb_image,
};
pub use self::input::{Input, InputOptions};
pub use self::mask::{
    Mask, MaskOptions, MaskReading, MaskValues, check_foreground, describe_shares, open_mask, read_mask,
    read_mask_as, write_mask,
};
pub use self::original::{Original, Rewritten};
pub use self::pairing::{NameRule, PairPaths, Pairing, image_files, pair_by_name};
pub use self::preprocess::Preparation;
pub use self::preset::Preset;
#[cfg(feature = "synthetic")]
pub use self::synthetic::{SyntheticKind, SyntheticOptions, generate};
pub use self::tensors::{TensorAddress, file_of};
pub use self::window::Window;
