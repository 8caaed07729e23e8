//! Writes the JavaScript side of a compiled page: `asma-bindgen PAGE.wasm FOLDER`. As a program of this workspace it is of
//! the very version that the page was compiled with, which wasm-bindgen insists on.

use std::process::ExitCode;

use wasm_bindgen_cli_support::Bindgen;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [page, folder] = &arguments[..] else {
        eprintln!("want the compiled page and the folder to write to: asma-bindgen PAGE.wasm FOLDER");
        return ExitCode::from(2);
    };
    let mut bindgen = Bindgen::new();
    bindgen.input_path(page).typescript(false);
    match bindgen.web(true).and_then(|bindgen| bindgen.generate(folder)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{page}: {error:#}");
            ExitCode::FAILURE
        }
    }
}
