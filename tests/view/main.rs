//! What the window of `asma view` does, without a window.

#[path = "../common/mod.rs"]
mod common;
mod editor;
mod session;
