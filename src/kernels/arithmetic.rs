//! Sum, difference, product, quotient or the larger or smaller one of each two numbers of two tensors, either of which is
//! repeated along the axes on which it has a size of 1.

use super::blocks::check_broadcast;
use super::{
    Extent, KernelParams, Variant, View, check_choice, kernel, one_thread_per_element, samples, shader,
};

/// What is done with two numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub enum Operation {
    /// `left + right`
    Add,
    /// `left − right`
    Subtract,
    /// `left · right`
    Multiply,
    /// `left / right`
    Divide,
    /// The larger one. Of two equal ones each has half of the gradient, as in PyTorch.
    Maximum,
    /// The smaller one. Of two equal ones each has half of the gradient, as in PyTorch.
    Minimum,
}

impl Operation {
    /// All of them, in the order of their numbers.
    pub const ALL: [Operation; 6] = [
        Operation::Add,
        Operation::Subtract,
        Operation::Multiply,
        Operation::Divide,
        Operation::Maximum,
        Operation::Minimum,
    ];

    /// What it is called.
    pub fn name(self) -> &'static str {
        match self {
            Operation::Add => "add",
            Operation::Subtract => "subtract",
            Operation::Multiply => "multiply",
            Operation::Divide => "divide",
            Operation::Maximum => "maximum",
            Operation::Minimum => "minimum",
        }
    }
}

kernel! {
    "arithmetic", "arithmetic";
    parameters {
        /// Of the left numbers.
        left: View,
        /// Of the right numbers.
        right: View,
        /// Of the results.
        output: View,
        /// Of the left numbers.
        left_extent: Extent,
        /// Of the right numbers.
        right_extent: Extent,
        /// Of the results.
        extent: Extent,
        /// Which [`Operation`], by its place in [`Operation::ALL`].
        operation: u32,
    }
    reads {
        left: Real, view(left, left_extent);
        right: Real, view(right, right_extent);
    }
    writes {
        output: Real, view(output, extent);
    }
}

impl Params {
    /// Of tensors of these extents seen through these views: left, right, output.
    pub fn new(operation: Operation, [left, right, output]: [(View, Extent); 3]) -> Params {
        Params {
            left: left.0,
            right: right.0,
            output: output.0,
            left_extent: left.1,
            right_extent: right.1,
            extent: output.1,
            operation: operation as u32,
        }
    }
}

impl KernelParams for Params {
    const VARIANTS: &'static [Variant<Params>] =
        &[Variant::<Params>::new("direct", shader!("arithmetic"), |call| {
            one_thread_per_element(call.extent)
        })
        .with_constants(|call| vec![("OPERATION", call.operation)])];

    fn check(&self) -> Result<(), String> {
        check_choice("operation", self.operation, Operation::ALL.len() as u32 - 1)?;
        check_broadcast("left", self.left_extent, self.extent)?;
        check_broadcast("right", self.right_extent, self.extent)
    }

    fn samples() -> Vec<Params> {
        let tensor = (samples::view(), samples::extent());
        let sample = |operation| Params::new(operation, [tensor; 3]);
        Operation::ALL.into_iter().map(sample).collect()
    }
}
