//! Image and mask files in and out, folders of them, the geometry between them, label statistics, and synthetic data.

mod dataset;
mod decoding;
#[cfg(feature = "dicom")]
mod dicom;
mod files;
mod fitting;
mod geometry;
mod images;
mod input;
mod labels;
mod masks;
#[cfg(feature = "nifti")]
mod nifti;
mod original;
mod pairing;
#[path = "../scans/mod.rs"]
mod scans;
mod soft_masks;
mod support;
mod synthetic;
mod tensors;
mod tiff_files;
