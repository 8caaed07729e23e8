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
