//! Images in and out as textures of the host application: small passes beside a program, recorded as its calls are.
//!
//! A [`TextureReader`] takes a host's texture to an image of a program, a [`TexturePicture`] takes what a program holds to a
//! host's texture. Both are made ahead, neither submits, polls nor maps, and both run on a device with
//! `wgpu::Limits::default()` and no feature.
//!
//! # Which numbers
//! A network is given the numbers of image files, from 0 to 1: a level of an 8-bit file over 255. A texture whose format ends
//! in `Srgb` holds such levels too, but a device makes amounts of light of them as it reads, and levels of light as it writes;
//! that is undone, exactly, as the levels are known to be whole. A texture of another format holds either: [`HostTexture`] says
//! which.

mod bound;
mod drawing;
mod format;
mod picture;
mod reader;

pub use format::HostTexture;
pub use picture::{LabelPlace, Picture, TexturePicture, Which};
pub use reader::TextureReader;
