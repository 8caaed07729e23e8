//! asma attacks medical image segmentation networks on any GPU that wgpu reaches (Vulkan, Metal, DX12), or on
//! the CPU. A U-Net's forward and backward pass are hand-written WGSL compute shaders; on top runs the
//! Adaptive Segmentation Mask Attack (ASMA, MICCAI 2019, arXiv 1907.13124), whose mask and seed of the gradient are fused
//! with the network's last convolution, and whose perturbation update is one more pass.
//!
//! # From weights to an adversarial image
//!
//! The whole job is one call, and its stages are to be had one by one, see [`job`]:
//!
//! ```no_run
//! use std::path::Path;
//! use asma::attack::AsmaConfig;
//! use asma::job::{Goal, ImageSource, Job, ModelSource, OnCpu, Silent, write_results};
//!
//! # fn main() -> asma::Result<()> {
//! let model = ModelSource::File { path: Path::new("unet.safetensors"), options: &Default::default() };
//! let target = "target.png".parse()?;
//! let job = Job {
//!     config: AsmaConfig { stop_iou: Some(0.95), ..AsmaConfig::default() }.into(),
//!     ..Job::new(model, ImageSource::File(Path::new("fundus.png")), Goal::Target(&target))
//! };
//! let performed = job.run(&mut OnCpu, &mut Silent)?;
//! println!("IoU {}", performed.summary.results.rounded_to_8_bits.iou);
//! write_results("out", &performed)?;
//! # Ok(())
//! # }
//! ```
//!
//! # On a device that is already open
//!
//! A graphics tool hands over its own device and queue ([`gpu::GpuDevice::from_host`]) and records iterations
//! into its own command encoder ([`gpu::GpuExecutor::encode`]); nothing is submitted, polled or mapped behind
//! its back. Every kernel runs within `wgpu::Limits::default()` and needs no feature. [`embedding`] is a chapter on it.
//!
//! # What a program takes of it
//!
//! Without its default features the crate is the core alone: networks from memory, their kernels on wgpu, the attacks.
//! It needs no thread, clock or file, and nothing in it waits: what takes a while is a future, or is asked for by
//! [`Readback::try_receive`](program::Readback::try_receive); [`program::wait`] is what each blocking call stands on.
//! Features add to it: `cpu` the executor on the CPU; `files` memory maps, and files written whole or not at all;
//! `importers` networks from ONNX and PyTorch; `images` image and mask files, `dicom` and `nifti` those of scanners;
//! `synthetic` made-up photographs; `train`; `job` an attack's whole job, pictures and reports of it; `evaluate`;
//! `translate` shaders in other languages; `cli` the command line with all of these.
//!
//! # How it is built
//!
//! Imports go down this list only:
//!
//! - `view`, with the feature `viewer`: what a window that shows an attack live does;
//! - [`evaluate`]: attacks over a data set, and what they say together;
//! - [`job`]: an attack's whole job, from files to files;
//! - [`report`]: figure, trace, summary, animation, loss curve;
//! - [`data`]: image and mask files, data sets of them, synthetic ones, and the geometry to the network's input;
//! - [`mod@reference`]: a network against its makers' numbers;
//! - [`attack`]: the settings, the loop, targets, stopping;
//! - [`train`]: loss, optimiser and the loop over epochs; variations of samples, the split for validation;
//! - [`model`]: what a user brings: a network and what is known of it, from any known file;
//! - [`network`]: a graph lowered to calls at one input size, forward and adjoint;
//! - [`graph`]: what a network is, operator by operator;
//! - [`checkpoint`]: weights in and out;
//! - [`gpu`] and [`cpu`]: the two executors of one program;
//! - [`program`]: calls over buffers, proved before they run; memory shared by liveness;
//! - [`kernels`]: each kernel's contract, which its shader and its twin on the CPU both keep;
//! - [`labels`], [`palette`], [`statistics`], [`tensor`], [`files`], [`threads`], [`error`]: what all others speak of.

#![deny(clippy::print_stdout, clippy::print_stderr)]
// What only some features call is no dead code; the default ones are built with all warnings.
#![cfg_attr(not(feature = "cli"), allow(dead_code, unused_imports))]

pub mod attack;
pub mod checkpoint;
#[cfg(feature = "cpu")]
pub mod cpu;
#[cfg(feature = "images")]
pub mod data;
#[doc = include_str!("../docs/embedding.md")]
pub mod embedding {}
pub mod error;
#[cfg(feature = "evaluate")]
pub mod evaluate;
mod file_kind;
#[cfg(feature = "files")]
pub mod files;
pub mod gpu;
pub mod graph;
#[cfg(feature = "job")]
pub mod job;
mod json;
pub mod kernels;
pub mod labels;
pub mod model;
pub mod network;
#[cfg(feature = "importers")]
mod onnx;
pub mod palette;
pub mod program;
pub mod reference;
#[cfg(feature = "job")]
pub mod report;
pub mod statistics;
pub mod tensor;
#[cfg(feature = "cpu")]
pub mod threads;
#[cfg(feature = "train")]
pub mod train;
#[cfg(feature = "viewer")]
pub mod view;

pub use error::{Error, Result};
pub use labels::LabelMap;
pub use statistics::{EpochRow, Scores, TraceRow};
pub use tensor::{Shape, Tensor};
pub use wgpu;
