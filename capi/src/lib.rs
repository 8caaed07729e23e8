//! asma for C. [`asma.h`](../include/asma.h) is made of this crate.
//!
//! Nothing is thought here: handles, buffers of the caller and error codes stand around [`asma::job::Session`] and
//! [`asma::job::Batch`]. No panic crosses the border.

// The names are those of C.
#![allow(non_camel_case_types)]

#[cfg(panic = "abort")]
compile_error!("a panic must unwind to become an error code; build with panic = \"unwind\"");

mod attack;
mod border;
mod model;
mod result;

pub use attack::{asma_attack, asma_attack_request, asma_progress, asma_progress_row};
pub use border::{asma_last_error, asma_status, asma_version};
pub use model::{
    asma_input_gradient, asma_logits, asma_model, asma_model_channels, asma_model_classes, asma_model_free,
    asma_model_open, asma_model_output_shape, asma_predict, asma_shape,
};
pub use result::{
    asma_image_scores, asma_result, asma_result_adversarial, asma_result_count, asma_result_free,
    asma_result_predictions, asma_result_rounded, asma_result_scores, asma_result_summary, asma_result_trace,
    asma_result_trace_length, asma_scores, asma_stop, asma_trace_row,
};
