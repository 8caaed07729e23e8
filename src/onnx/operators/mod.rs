//! How each ONNX operator becomes operators of the graph. One more is a function in one of these files and a line in its
//! list.

mod arithmetic;
mod convolution;
mod matrix;
mod movement;
mod normalisation;
mod parts;
mod permutation;
mod pointwise;
mod pooling;
mod reduction;
mod resampling;

use crate::onnx::import::Value;
use crate::onnx::job::Job;

/// Makes the outputs of a node.
pub(super) type Operator = fn(&mut Job<'_, '_>) -> Result<Vec<Value>, String>;

/// The operators of one file, by their ONNX names.
type List = &'static [(&'static str, Operator)];

const LISTS: [List; 11] = [
    arithmetic::LIST,
    convolution::LIST,
    matrix::LIST,
    movement::LIST,
    normalisation::LIST,
    parts::LIST,
    permutation::LIST,
    pointwise::LIST,
    pooling::LIST,
    reduction::LIST,
    resampling::LIST,
];

/// What makes the outputs of nodes of this kind, if they are supported.
pub(super) fn find(kind: &str) -> Option<Operator> {
    let mut all = LISTS.iter().flat_map(|list| list.iter());
    all.find(|(name, _)| *name == kind).map(|(_, operator)| *operator)
}

/// Whether nodes of this kind are supported on pixels or only carry sizes.
pub(super) fn is_known(kind: &str) -> bool {
    find(kind).is_some() || matches!(kind, "Shape" | "Size")
}

/// What is said of a kind of node that is not supported.
pub(super) fn remark(kind: &str) -> &'static str {
    match kind {
        "If" | "Loop" | "Scan" => {
            " (control flow; export with torch.onnx.export(model.eval(), ...) so that branches are taken once and for all)"
        }
        "QLinearConv"
        | "ConvInteger"
        | "MatMulInteger"
        | "QLinearMatMul"
        | "QuantizeLinear"
        | "DynamicQuantizeLinear" => {
            " (quantised arithmetic, which has no gradient; export the float32 network)"
        }
        _ => "",
    }
}
