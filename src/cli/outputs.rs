//! The folder that results go to, held by one run.

use std::fs::{File, TryLockError};
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use asma::data::Original;
use asma::files::{remove_earlier, remove_leftovers};
use asma::job::FILES;
use asma::{Error, Result};

use super::console::say;

/// Holds the number of the process that holds the folder. The system lets the lock go however that process ends, so a
/// file that stayed after a kill is in nobody's way.
const LOCK_FILE: &str = ".asma-lock";

/// What `asma segment` writes.
pub const SEGMENTATION_FILES: [&str; 3] = ["prediction.png", "labels.png", "overlay.png"];

/// What commands on one image write, of which none stays beside the results of another one.
const RESULTS_OF_ONE_IMAGE: [&[&str]; 3] = [&SEGMENTATION_FILES, &FILES, &Original::NAMES];

/// A folder for results, held until this is dropped: two runs would mix theirs. Dropped, it takes away what it
/// made as far as nothing was written there.
pub struct OutputFolder {
    path: PathBuf,
    /// Nothing where the file system has no locks.
    lock: Option<File>,
    /// The folders that were made, outermost first.
    made: Vec<PathBuf>,
}

impl OutputFolder {
    /// Makes the folder if it is missing, takes hold of it, tries whether files can be written in it, and removes what
    /// killed runs left half-written there.
    ///
    /// # Errors
    /// If it cannot be written to, or another run holds it.
    pub fn open(path: &Path) -> Result<OutputFolder> {
        OutputFolder::open_named(path, "--out")
    }

    /// The same for a folder that another option than --out names.
    pub fn open_named(path: &Path, option: &str) -> Result<OutputFolder> {
        let refused = |error: std::io::Error| {
            Error::file(
                path,
                format!("cannot be written to as an output folder: {error}; name another with {option}"),
            )
        };
        // From here on what was made is taken away again if the rest fails.
        let mut folder = OutputFolder {
            path: path.to_path_buf(),
            lock: None,
            made: Vec::new(),
        };
        let missing = path.ancestors().filter(|folder| !folder.as_os_str().is_empty());
        let missing: Vec<_> = missing.take_while(|folder| !folder.exists()).collect();
        folder.made = missing.into_iter().rev().map(Path::to_path_buf).collect();
        std::fs::create_dir_all(path).map_err(refused)?;
        tempfile::NamedTempFile::with_prefix_in(".asma-", path).map_err(refused)?;
        folder.lock = lock(path).map_err(|failure| match failure {
            Failure::Held(process) => Error::file(
                path,
                format!(
                    "{} writes its results there; wait until it has ended, or name another folder with {option}",
                    process.map_or("another run".into(), |process| format!("process {process}"))
                ),
            ),
            Failure::Io(error) => refused(error),
        })?;
        if folder.lock.is_none() {
            say(format_args!(
                "note: {} is on a file system without locks; let no other run write there",
                path.display()
            ));
        }
        remove_leftovers(path, &[LOCK_FILE]);
        Ok(folder)
    }

    /// The folder's path, as it was given.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The path of a file in it.
    pub fn join(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// See [`remove_earlier`].
    ///
    /// # Errors
    /// If a file cannot be removed.
    pub fn clear(&self, names: &[&str]) -> Result<()> {
        remove_earlier(&self.path, names)
    }

    /// Refuses the folder if an attack on one image left its results there: an evaluation's summary would take the place of its
    /// own.
    ///
    /// # Errors
    /// If it did.
    pub fn refuse_beside_an_attack(&self) -> Result<()> {
        self.refuse_beside("trace.csv", "an attack")
    }

    /// Refuses the folder for results of one image if an evaluation stands there, or if one of these inputs is an earlier result
    /// that would be removed.
    ///
    /// # Errors
    /// If so.
    pub fn refuse_for_one_image<'a>(&self, inputs: impl IntoIterator<Item = &'a Path>) -> Result<()> {
        self.refuse_beside("evaluation.json", "an evaluation")?;
        for input in inputs {
            self.refuse_as_input(input, &RESULTS_OF_ONE_IMAGE.concat())?;
        }
        Ok(())
    }

    /// Removes the earlier results of commands on one image.
    ///
    /// # Errors
    /// If a file cannot be removed.
    pub fn clear_for_one_image(&self) -> Result<()> {
        self.clear(&RESULTS_OF_ONE_IMAGE.concat())
    }

    fn refuse_beside(&self, mark: &str, whose: &str) -> Result<()> {
        match self.join(mark).exists() {
            true => Err(Error::Usage(format!(
                "{}: holds the results of {whose} ({mark}), which these would mix with; name another folder with --out",
                self.path.display()
            ))),
            false => Ok(()),
        }
    }

    /// Refuses an input that lies in a folder in this one, whose files are written anew.
    ///
    /// # Errors
    /// If `input` lies there.
    pub fn refuse_input_below(&self, folder: &str, input: &Path) -> Result<()> {
        match (self.join(folder).canonicalize(), input.canonicalize()) {
            (Ok(folder), Ok(file)) if file.starts_with(&folder) => Err(Error::Usage(format!(
                "{}: lies among the images of {}, which this would write over; name another folder with --out",
                input.display(),
                self.path.display()
            ))),
            _ => Ok(()),
        }
    }

    /// Refuses an input that [`OutputFolder::clear`] would remove under one of these names.
    ///
    /// # Errors
    /// If `input` is such a file.
    pub fn refuse_as_input(&self, input: &Path, names: &[&str]) -> Result<()> {
        let Ok(input_file) = input.canonicalize() else {
            return Ok(());
        };
        let written = |name: &&str| {
            self.join(name)
                .canonicalize()
                .is_ok_and(|file| file == input_file)
        };
        match names.iter().find(|name| written(name)) {
            None => Ok(()),
            Some(name) => Err(Error::Usage(format!(
                "{}: this would be written over by the result {name}; name another folder with --out",
                input.display()
            ))),
        }
    }
}

impl Drop for OutputFolder {
    fn drop(&mut self) {
        if let Some(lock) = self.lock.take() {
            // While it is held: whoever opened it before now finds that it is not the folder's lock any more.
            let _ = std::fs::remove_file(self.path.join(LOCK_FILE));
            drop(lock);
        }
        for folder in self.made.iter().rev() {
            // Only an empty one goes.
            let _ = std::fs::remove_dir(folder);
        }
    }
}

enum Failure {
    /// By this process, if it said so.
    Held(Option<u32>),
    Io(std::io::Error),
}

fn lock(folder: &Path) -> Result<Option<File>, Failure> {
    let path = folder.join(LOCK_FILE);
    loop {
        let mut file = File::options()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(&path)
            // One that stayed of another user's run can be held all the same.
            .or_else(|error| match error.kind() {
                ErrorKind::PermissionDenied => File::open(&path).map_err(|_| error),
                _ => Err(error),
            })
            .map_err(Failure::Io)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                let _ = file.read_to_string(&mut holder);
                return Err(Failure::Held(holder.trim().parse().ok()));
            }
            Err(TryLockError::Error(_)) => {
                let _ = std::fs::remove_file(&path);
                return Ok(None);
            }
        }
        if is_at(&file, &path) {
            // For the message of others only.
            let _ = file
                .set_len(0)
                .and_then(|()| file.write_all(format!("{}\n", std::process::id()).as_bytes()));
            return Ok(Some(file));
        }
    }
}

/// Whether the file is still the one at this path: the run that held it may just have ended and removed it.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let same = |a: std::fs::Metadata, b: std::fs::Metadata| (a.dev(), a.ino()) == (b.dev(), b.ino());
    match (file.metadata(), std::fs::metadata(path)) {
        (Ok(ours), Ok(theirs)) => same(ours, theirs),
        _ => false,
    }
}

/// Elsewhere a file that somebody has open is not replaced.
#[cfg(not(unix))]
fn is_at(_: &File, path: &Path) -> bool {
    path.exists()
}
