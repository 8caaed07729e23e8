//! Writing whole files or none.

use std::fs;

use asma::files::write_atomically;

use crate::support::{assert_says, folder};

#[test]
fn files_are_written_whole_or_not_at_all() {
    let folder = folder();
    let path = folder.path().join("file");
    let write = |content: &'static [u8], fail: bool| {
        write_atomically(&path, |file| {
            std::io::Write::write_all(file, content)?;
            if fail {
                return Err(std::io::Error::other("the source ran dry"));
            }
            Ok(())
        })
    };
    assert_says(write(b"half", true), Some(&path), &["the source ran dry"]);
    assert_eq!(fs::read_dir(folder.path()).expect("lists").count(), 0);
    write(b"old", false).expect("writes");
    assert_says(write(b"half", true), Some(&path), &["cannot be written"]);
    assert_eq!(fs::read(&path).expect("reads"), b"old");
    write(b"new", false).expect("writes");
    assert_eq!(fs::read(&path).expect("reads"), b"new");
    assert_eq!(fs::read_dir(folder.path()).expect("lists").count(), 1);

    let nowhere = folder.path().join("missing/file");
    assert_says(
        write_atomically(&nowhere, |_| Ok(())),
        Some(&nowhere),
        &["there is no folder", "create it"],
    );
    assert_says(
        write_atomically(folder.path(), |_| Ok(())),
        Some(folder.path()),
        &["is a folder"],
    );
}

#[cfg(unix)]
#[test]
fn written_files_have_ordinary_permissions() {
    use std::os::unix::fs::PermissionsExt;
    let folder = folder();
    let (ordinary, ours) = (folder.path().join("ordinary"), folder.path().join("ours"));
    fs::write(&ordinary, "").expect("writes");
    write_atomically(&ours, |_| Ok(())).expect("writes");
    let mode = |path: &std::path::Path| fs::metadata(path).expect("exists").permissions().mode();
    assert_eq!(mode(&ours), mode(&ordinary));
}

/// What stands where a file is to be written is a file, or leads to one: a device would be gone for everybody.
#[cfg(unix)]
#[test]
fn pipes_stay_and_links_are_followed() {
    let folder = folder();
    let [pipe, link, file] = ["pipe", "link", "file"].map(|name| folder.path().join(name));
    let made = std::process::Command::new("mkfifo")
        .arg(&pipe)
        .status()
        .expect("runs");
    assert!(made.success());
    assert_says(
        write_atomically(&pipe, |_| Ok(())),
        Some(&pipe),
        &["a device or a pipe", "name a file"],
    );
    assert!(!pipe.is_file());
    fs::write(&file, "old").expect("writes");
    std::os::unix::fs::symlink("file", &link).expect("links");
    write_atomically(&link, |file| std::io::Write::write_all(file, b"new")).expect("writes");
    assert!(link.is_symlink());
    assert_eq!(fs::read(&file).expect("reads"), b"new");
}
