//! What to say of another kind of file that is given in place of a safetensors file.

use crate::file_kind::FileKind;

/// The lines of Python that make an ONNX file of a network, for files that hold code and not only weights.
pub(crate) const EXPORT_LINES: &str = "export the network to ONNX, in Python where it is defined: model.eval(); \
     torch.onnx.export(model, (torch.rand(1, 3, 256, 256),), \"model.onnx\", input_names=[\"x\"], \
     output_names=[\"y\"], dynamic_axes={\"x\": {2: \"h\", 3: \"w\"}}, dynamo=False), with 1 in place of 3 for grey images";

/// What is wrong with a file that failed to read as safetensors, if its content tells what it is.
pub(super) fn recognise(file: &[u8]) -> Option<String> {
    let kind = FileKind::recognise(file)?;
    let advice = match &kind {
        // Meant as such, and damaged: the reader's own words say where.
        FileKind::Safetensors | FileKind::Empty => return None,
        FileKind::TorchScript => return Some(format!("is {kind}, which holds code; {EXPORT_LINES}")),
        FileKind::Npz | FileKind::Other("a NumPy array (.npy)") => {
            "convert it once in Python: safetensors.numpy.save_file(dict(numpy.load(\"weights.npz\")), \
             \"weights.safetensors\")"
        }
        FileKind::Keras | FileKind::Hdf5 => {
            "export the network to ONNX with tf2onnx: python -m tf2onnx.convert --keras model.keras --output model.onnx"
        }
        FileKind::Json { index: true, .. } => {
            "name the shard itself, or merge them into one safetensors file"
        }
        FileKind::LfsPointer => "fetch the file with `git lfs pull`",
        FileKind::Html | FileKind::Json { .. } | FileKind::Text(_) => {
            "the download ended at a page or a message instead of the file: it may want a login, a licence accepted, \
             or the address of the file itself"
        }
        FileKind::Zeros => "the copy or download was not finished, get it again",
        FileKind::Zip(names) if names.iter().any(|name| name.ends_with(".safetensors")) => {
            "unpack it and name the safetensors file in it"
        }
        FileKind::Gzip => "unpack it and give the safetensors file in it",
        FileKind::Zip(_) => "unpack it, and give weights in the safetensors format",
        FileKind::Other(name) if name.ends_with("image") => "give the network's weights here",
        FileKind::Other(name) if name.contains("archive") => "unpack it and give the safetensors file in it",
        _ => "save the weights in the safetensors format, or export the network to ONNX",
    };
    Some(format!(
        "is {kind}, no safetensors, ONNX or PyTorch file; {advice}"
    ))
}
