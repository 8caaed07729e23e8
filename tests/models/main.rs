//! Networks that users bring: ONNX files, weights of known families, the one file that holds a whole network, and what is
//! said of files that are none of these. The inputs beside this file are made by `make.py`.

mod bad_files;
mod bad_networks;
mod conversion;
mod families;
mod operators;
mod protobuf;
mod support;
