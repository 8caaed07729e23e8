//! The one error type of the library. Every message names what was found, what was wanted and what
//! to do about it, so that a caller can print it as it is.

use std::path::{Path, PathBuf};

/// Shorthand for results of this library.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What can go wrong. `Display` gives one line that can be shown to a person.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The caller asked for something that cannot be: a negative step, a class out of range, a target
    /// of another size. The command line turns this into exit code 2.
    #[error("{0}")]
    Usage(String),
    /// A file could not be read, understood or written.
    #[error("{}: {problem}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, what was wanted, and what to do.
        problem: String,
    },
    /// A network that cannot be built or cannot take this input size.
    #[error("{0}")]
    Network(String),
    /// A buffer that the device's limits do not allow.
    #[error(
        "tensor `{tensor}` needs {bytes} bytes, and the device allows {limit} ({limit_name}); \
         use a smaller input or batch, or the CPU"
    )]
    Limit {
        /// The tensor's name.
        tensor: String,
        /// What it needs.
        bytes: u64,
        /// What the device allows.
        limit: u64,
        /// Which of the device's limits this is.
        limit_name: &'static str,
    },
    /// No such device, or the device failed.
    #[error("{0}")]
    Device(String),
    /// The numbers left the finite range, so that nothing computed from here on would mean anything.
    #[error("{0}")]
    NotFinite(String),
}

impl Error {
    /// A problem with a file.
    pub fn file(path: impl AsRef<Path>, problem: impl ToString) -> Self {
        Error::File {
            path: path.as_ref().to_path_buf(),
            problem: problem.to_string(),
        }
    }
}
