//! Image and mask files in and out, folders of them, the geometry between them, label statistics, and synthetic data.

mod dataset;
mod decoding;
mod files;
mod fitting;
mod geometry;
mod images;
mod input;
mod labels;
mod masks;
mod pairing;
mod support;
mod synthetic;
mod tensors;
mod tiff_files;
