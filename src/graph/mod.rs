//! What a network is: operators, nodes and parameters, independent of any input size.

mod border;
#[expect(
    clippy::module_inception,
    reason = "the graph is what this floor is called after"
)]
mod graph;
pub mod ops;
mod parameter;
mod raise;
mod shapes;

pub use graph::{Graph, Node, NodeId};
pub use ops::{
    BlockOrder, Coordinates, Margins, Op, Operator, PadMargins, PadMode, Resampling, ResizeSize, Rounding,
    SliceSize, Slopes,
};
pub use parameter::{Origin, Parameter, ParameterId};
pub use raise::{Raised, raised};
