//! Image and mask files in and out, folders of them, the geometry between them, and label statistics.

mod dataset;
mod files;
mod geometry;
mod images;
mod labels;
mod masks;
mod support;
