//! Other kinds of file that are often given in place of a safetensors file.

/// The one-line way out for PyTorch's formats, which are programs rather than data.
const PYTORCH: &str = "is a PyTorch file, not a safetensors file; convert it once in Python: \
     safetensors.torch.save_file(torch.load(\"weights.pth\", weights_only=True), \"weights.safetensors\")";

/// What files begin with, and what to say of them.
const KINDS: [(&[u8], &str); 8] = [
    (b"PK\x03\x04", PYTORCH),
    (b"\x80\x02", PYTORCH),
    (b"\x80\x03", PYTORCH),
    (b"\x80\x04", PYTORCH),
    (b"\x80\x05", PYTORCH),
    (
        b"\x89HDF\r\n\x1a\n",
        "is an HDF5 file (Keras), not a safetensors file; save its weights in the safetensors format",
    ),
    (
        b"GGUF",
        "is a GGUF file, not a safetensors file; save its weights in the safetensors format",
    ),
    (
        b"version https://git-lfs",
        "is a Git LFS pointer, not the file itself; fetch the file with `git lfs pull`",
    ),
];

/// What is wrong with a file that failed to read as safetensors, if its beginning tells. A safetensors file
/// whose header happens to be 640 bytes long begins like a pickle, but has `{` after its length.
pub(super) fn recognise(file: &[u8]) -> Option<&'static str> {
    if file.get(8) == Some(&b'{') {
        return None;
    }
    KINDS
        .iter()
        .find(|(beginning, _)| file.starts_with(beginning))
        .map(|&(_, problem)| problem)
}
