//! Image and mask files in and out, the geometry between them, and label statistics.

mod files;
mod geometry;
mod images;
mod labels;
mod masks;
mod support;
