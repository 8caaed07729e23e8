//! asma attacks medical image segmentation networks on any GPU.
pub mod attack;
pub mod checkpoint;
pub mod cpu;
pub mod data;
pub mod error;
pub mod files;
pub mod gpu;
pub mod graph;
pub mod kernels;
pub mod labels;
pub mod program;
pub mod statistics;
pub mod tensor;

pub use error::{Error, Result};
pub use labels::LabelMap;
pub use statistics::TraceRow;
pub use tensor::{Shape, Tensor};
