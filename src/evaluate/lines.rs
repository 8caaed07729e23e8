//! Files of a JSON object a line, which grow line by line. One is whole where a line feed ends it.

use std::fs::File;
use std::io::{BufRead, BufReader, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::files::write_atomically;

/// Such a file, open at its end.
#[derive(Debug)]
pub(super) struct Lines {
    path: PathBuf,
    file: File,
    length: u64,
}

impl Lines {
    /// Opens it, or begins it. Whoever opens it for more has dropped a torn last line before.
    pub fn open(path: PathBuf) -> Result<Lines> {
        let opened = File::options().create(true).append(true).open(&path);
        let file = opened.map_err(|cause| Error::file(&path, format!("cannot be written: {cause}")))?;
        let length = file
            .metadata()
            .map_err(|cause| Error::file(&path, format!("cannot be read: {cause}")))?
            .len();
        Ok(Lines { path, file, length })
    }

    /// Adds a line, whole or not at all unless the process is killed meanwhile.
    pub fn add(&mut self, object: &impl Serialize) -> Result<()> {
        let mut line = serde_json::to_vec(object).map_err(|cause| Error::file(&self.path, cause))?;
        line.push(b'\n');
        if let Err(cause) = self.file.write_all(&line) {
            let _ = self.file.set_len(self.length);
            let advice = match cause.kind() {
                ErrorKind::StorageFull => "; free some space and resume it",
                _ => "",
            };
            return Err(Error::file(
                &self.path,
                format!("cannot be written: {cause}{advice}"),
            ));
        }
        self.length += line.len() as u64;
        Ok(())
    }
}

/// A line that is whole, without its line feed.
pub(super) struct Line<'a> {
    pub text: &'a str,
    /// Where it begins, in bytes.
    pub start: u64,
    /// Counted from 1.
    pub number: usize,
}

/// Reads all whole lines; a file that is not there has none. What is torn at the end is left out.
pub(super) fn read_lines(path: &Path, each: &mut dyn FnMut(Line<'_>) -> Result<()>) -> Result<()> {
    let unread = |cause: std::io::Error| Error::file(path, format!("cannot be read: {cause}"));
    let file = match File::open(path) {
        Err(cause) if cause.kind() == ErrorKind::NotFound => return Ok(()),
        opened => opened.map_err(unread)?,
    };
    let mut reader = BufReader::new(file);
    let (mut bytes, mut start) = (Vec::new(), 0);
    for number in 1.. {
        bytes.clear();
        let length = reader.read_until(b'\n', &mut bytes).map_err(unread)?;
        if bytes.pop() != Some(b'\n') {
            break;
        }
        let text = std::str::from_utf8(&bytes).map_err(|_| {
            Error::file(
                path,
                format!("line {number} is no text; remove it, and it is computed anew"),
            )
        })?;
        each(Line { text, start, number })?;
        start += length as u64;
    }
    Ok(())
}

/// Reads the objects of all whole lines.
pub(super) fn read_objects<T: for<'de> Deserialize<'de>>(
    path: &Path,
    each: &mut dyn FnMut(T) -> Result<()>,
) -> Result<()> {
    read_lines(path, &mut |line| each(parse(path, &line)?))
}

/// The object of a line.
pub(super) fn parse<T: for<'de> Deserialize<'de>>(path: &Path, line: &Line<'_>) -> Result<T> {
    serde_json::from_str(line.text).map_err(|cause| {
        Error::file(
            path,
            format!(
                "line {} cannot be understood: {cause}; remove it, and it is computed anew",
                line.number
            ),
        )
    })
}

/// A piece of a file, in the place that a number gives it.
pub(super) struct Piece {
    pub task: usize,
    /// Which of the files.
    pub file: usize,
    pub start: u64,
    /// With its line feed.
    pub length: usize,
}

/// The number that all lines have.
#[derive(Deserialize)]
struct Task {
    task: usize,
}

/// Where the lines of a file stand, of each task the first.
pub(super) fn pieces(path: &Path, file: usize) -> Result<Vec<Piece>> {
    let mut pieces: Vec<Piece> = Vec::new();
    read_lines(path, &mut |line| {
        let Task { task } = parse(path, &line)?;
        pieces.push(Piece {
            task,
            file,
            start: line.start,
            length: line.text.len() + 1,
        });
        Ok(())
    })?;
    Ok(pieces)
}

/// Writes pieces of files as one, in ascending order of their tasks, byte for byte, of each task the first.
pub(super) fn write_sorted(path: &Path, files: &[PathBuf], mut pieces: Vec<Piece>) -> Result<()> {
    pieces.sort_by_key(|piece| piece.task);
    pieces.dedup_by_key(|piece| piece.task);
    let mut open = Vec::with_capacity(files.len());
    for file in files {
        open.push(match File::open(file) {
            Ok(file) => Some(file),
            Err(cause) if cause.kind() == ErrorKind::NotFound => None,
            Err(cause) => return Err(Error::file(file, format!("cannot be read: {cause}"))),
        });
    }
    write_atomically(path, |target| {
        let mut bytes = Vec::new();
        for piece in &pieces {
            let Some(Some(file)) = open.get_mut(piece.file) else {
                continue;
            };
            bytes.resize(piece.length, 0);
            file.seek(SeekFrom::Start(piece.start))?;
            file.read_exact(&mut bytes)?;
            target.write_all(&bytes)?;
        }
        Ok(())
    })
}
