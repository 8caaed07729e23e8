//! The header that is checked in is the one that cbindgen makes of the sources.

use std::path::Path;

#[test]
fn the_header_is_that_of_the_sources() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let config = cbindgen::Config::from_file(root.join("cbindgen.toml")).unwrap();
    let builder = cbindgen::Builder::new().with_config(config);
    let modules = ["border", "model", "attack", "result"];
    let builder = modules.iter().fold(builder, |builder, module| {
        builder.with_src(root.join(format!("src/{module}.rs")))
    });
    let mut made = Vec::new();
    builder.generate().unwrap().write(&mut made);
    let made = String::from_utf8(made).unwrap();
    let header = root.join("include/asma.h");
    if std::env::var_os("ASMA_WRITE_HEADER").is_some() {
        std::fs::write(&header, &made).unwrap();
    }
    let found = std::fs::read_to_string(&header).unwrap_or_default();
    assert!(
        found == made,
        "capi/include/asma.h is not what the sources say; write it anew with ASMA_WRITE_HEADER=1 cargo test -p asma-header, and look at what changed"
    );
}
