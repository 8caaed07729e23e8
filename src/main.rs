//! The `asma` command-line tool.

// All that is said goes through `cli::console`, which outlives a closed terminal.
#![deny(clippy::print_stdout, clippy::print_stderr)]

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    if cfg!(target_os = "linux") && std::env::var_os("XDG_RUNTIME_DIR").is_none() {
        // Without a desktop session, Mesa's device selection layer complains on stderr about the display
        // server that it does not find; asma chooses its device itself.
        // SAFETY: no other thread runs yet.
        unsafe { std::env::set_var("NODEVICE_SELECT", "1") };
    }
    cli::run()
}
