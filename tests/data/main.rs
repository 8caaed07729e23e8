//! Image and mask files in and out, the geometry between them, label statistics, and synthetic data.

mod files;
mod geometry;
mod images;
mod labels;
mod masks;
mod support;
mod synthetic;
