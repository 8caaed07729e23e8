//! asma attacks medical image segmentation networks on any GPU.
pub mod data;
pub mod error;
pub mod files;
pub mod labels;
pub mod report;
pub mod statistics;
pub mod tensor;
pub use error::{Error, Result};
pub use labels::LabelMap;
pub use statistics::TraceRow;
pub use tensor::{Shape, Tensor};
