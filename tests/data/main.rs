//! Image and mask files in and out, folders of them, the geometry between them, label statistics, and synthetic data.

mod dataset;
mod files;
mod geometry;
mod images;
mod labels;
mod masks;
mod support;
mod synthetic;
