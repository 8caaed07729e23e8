//! asma attacks medical image segmentation networks on any GPU.
pub mod error;
pub mod tensor;
pub use error::{Error, Result};
pub use tensor::{Shape, Tensor};
pub mod gpu;
pub mod kernels;
pub mod program;
