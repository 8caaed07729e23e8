//! What the tool says: results on standard output, all else on standard error. Nothing else in it prints.
//!
//! A terminal that was closed, a reader that went away or a full disk under a redirected stream must not end the work,
//! so what cannot be written there is dropped. Only results that stand nowhere else are worth an error.

use std::fmt::Display;
use std::io::{self, ErrorKind, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use asma::job::Listener;
use asma::{Error, Result};

/// Who read standard output went away, as `head` does: there is nobody to print to any more.
static READER_GONE: AtomicBool = AtomicBool::new(false);

/// Prints results that stand nowhere else, a line or several. If the reader went away, nothing happens.
///
/// # Errors
/// If standard output cannot be written to for another reason, such as a full disk.
pub fn print(text: impl Display) -> Result<()> {
    if READER_GONE.load(Ordering::Relaxed) {
        return Ok(());
    }
    match write_line(io::stdout().lock(), &text.to_string()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => READER_GONE.store(true, Ordering::Relaxed),
        Err(error) => {
            return Err(Error::file(
                "standard output",
                format!("cannot be written: {error}"),
            ));
        }
        Ok(()) => {}
    }
    Ok(())
}

/// Prints what came of work whose results stand in files. It is dropped where it cannot be written.
pub fn tell(text: impl Display) {
    let _ = print(text);
}

/// Says something on standard error, in one line. It is dropped where it cannot be written.
pub fn say(text: impl Display) {
    let _ = write_line(io::stderr().lock(), &one_line(&text.to_string()));
}

/// Says on standard error what was accepted, and what is likely a mistake.
pub struct Console;

impl Listener for Console {
    fn accepted(&mut self, line: &str) {
        say(line);
    }

    fn note(&mut self, line: &str) {
        say(format_args!("note: {line}"));
    }
}

fn write_line(mut stream: impl Write, text: &str) -> io::Result<()> {
    // As one piece, so that lines of several threads or processes do not mix.
    stream.write_all(format!("{text}\n").as_bytes())?;
    stream.flush()
}

/// Names from files may hold anything; on the terminal they stay on one line and move nothing.
fn one_line(text: &str) -> String {
    let printable = |c: char| if c.is_control() { ' ' } else { c };
    text.chars().map(printable).collect()
}
