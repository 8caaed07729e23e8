//! The `asma` command-line tool.
fn main() {}
