//! Finds operators that a graph spells out in several nodes, as exports to other formats do, and puts one node in their
//! place: fewer passes over memory, and formulas that do not cancel. Only where nobody else sees what lies between.

use std::sync::Arc;

use super::graph::{Graph, NodeId};
use super::ops::{
    Affine, Arithmetic, Constant, Function, GroupNorm, LayerNorm, Op, Operation, Operator, Pointwise, Reduce,
    Reduction,
};
use super::parameter::ParameterId;

/// A graph in which operators that were spelled out are one node each.
#[derive(Clone, Debug)]
pub struct Raised {
    /// The graph: it computes the same, up to rounding. Parameters that nothing reads any more stay.
    pub graph: Graph,
    /// The nodes that were to be kept, by their new numbers.
    pub kept: Vec<NodeId>,
    /// What was found, and how often; only what was found at all.
    pub found: Vec<(&'static str, usize)>,
}

/// Puts one node where several spell out SiLU, HardSwish, GELU, LayerNorm, a GroupNorm with scale and shift or a single
/// scale and shift. The output and the nodes in `kept` stay what they are, whatever stands before them; all other nodes
/// may go.
pub fn raised(graph: &Graph, kept: &[NodeId]) -> Raised {
    let mut raising = Raising::new(graph, kept);
    let mut found: Vec<(&'static str, usize)> = PATTERNS.iter().map(|&(name, _)| (name, 0)).collect();
    for index in 0..graph.nodes().len() {
        for ((_, pattern), (_, count)) in PATTERNS.iter().zip(&mut found) {
            let id = NodeId(index);
            let replacement = pattern(&raising, id).filter(|replacement| replacement.is_sound());
            if let (false, Some(replacement)) = (raising.dead[index], replacement) {
                raising.replace(id, replacement);
                *count += 1;
            }
        }
    }
    found.retain(|&(_, count)| count > 0);
    let (graph, kept) = raising.finish(kept);
    Raised { graph, kept, found }
}

type Pattern = fn(&Raising, NodeId) -> Option<Replacement>;

/// What is looked for at each node, which is the last one of the pattern.
const PATTERNS: &[(&str, Pattern)] = &[
    ("SiLU", Raising::silu),
    ("HardSwish", Raising::hard_swish),
    ("GELU", Raising::gelu),
    ("LayerNorm", Raising::layer_norm),
    ("scale of a LayerNorm", Raising::scale_of_layer_norm),
    ("shift of a LayerNorm", Raising::shift_of_layer_norm),
    ("scale and shift of a GroupNorm", Raising::affine_group_norm),
    ("scale and shift twice", Raising::two_affines),
];

/// Makes an operator that reads these parameters.
type MakesOp = Box<dyn Fn(&[ParameterId]) -> Op>;

/// What stands in a pattern's place.
enum Replacement {
    /// An operator with the parameters that there are.
    Plain(Op, NodeId),
    /// An operator that is made with parameters that are not there yet.
    With(Vec<Numbers>, NodeId, MakesOp),
}

/// A vector that becomes a parameter.
struct Numbers {
    what: &'static str,
    data: Arc<Vec<f32>>,
}

impl Replacement {
    fn function(function: Function, input: NodeId) -> Replacement {
        Replacement::Plain(Pointwise { function }.into(), input)
    }

    /// Whether its settings can be.
    fn is_sound(&self) -> bool {
        match self {
            Replacement::Plain(op, _) => op.check().is_ok(),
            Replacement::With(..) => true,
        }
    }
}

/// `scale · of + shift` with one number each.
struct Line {
    of: NodeId,
    scale: f32,
    shift: f32,
}

/// Factors behind one another that are looked through: more than any spelling has.
const MOST_FACTORS: usize = 4;

struct Raising {
    graph: Graph,
    /// How often each node is read.
    readers: Vec<usize>,
    /// What must stay.
    pinned: Vec<bool>,
    /// What nobody reads any more.
    dead: Vec<bool>,
}

impl Raising {
    fn new(graph: &Graph, kept: &[NodeId]) -> Raising {
        let count = graph.nodes().len();
        let mut readers = vec![0; count];
        for input in graph.nodes().iter().flat_map(|node| &node.inputs) {
            readers[input.0] += 1;
        }
        let mut pinned = vec![false; count];
        for id in [graph.input(), graph.output()].iter().chain(kept) {
            if let Some(pinned) = pinned.get_mut(id.0) {
                *pinned = true;
            }
        }
        Raising {
            graph: graph.clone(),
            readers,
            pinned,
            dead: vec![false; count],
        }
    }

    fn op(&self, id: NodeId) -> &Op {
        &self.graph.nodes[id.0].op
    }

    fn inputs(&self, id: NodeId) -> &[NodeId] {
        &self.graph.nodes[id.0].inputs
    }

    /// Whether nobody sees a node but those of a pattern, which read it so many times.
    fn is_inner(&self, id: NodeId, times: usize) -> bool {
        !self.pinned[id.0] && self.readers[id.0] == times
    }

    /// The function of a node and what it is of.
    fn function(&self, id: NodeId) -> Option<(Function, NodeId)> {
        match self.op(id) {
            Op::Pointwise(pointwise) => Some((pointwise.function, *self.inputs(id).first()?)),
            _ => None,
        }
    }

    /// What a node is the sum, product or so on of.
    fn arithmetic(&self, id: NodeId, wanted: Operation) -> Option<[NodeId; 2]> {
        match (self.op(id), self.inputs(id)) {
            (Op::Arithmetic(Arithmetic { operation }), &[left, right]) if *operation == wanted => {
                Some([left, right])
            }
            _ => None,
        }
    }

    /// The only number of a constant.
    fn number(&self, id: NodeId) -> Option<f32> {
        match self.op(id) {
            Op::Constant(Constant { values }) => match self.graph.data(*values) {
                &[number] => Some(number),
                _ => None,
            },
            _ => None,
        }
    }

    /// What a node is if it is a scale and a shift of another, the same for all channels.
    fn line(&self, id: NodeId) -> Option<Line> {
        let line = |of: NodeId, scale: f32, shift: f32| Some(Line { of, scale, shift });
        let same = |parameter: ParameterId| match self.graph.data(parameter) {
            [first, rest @ ..] if rest.iter().all(|value| value == first) => Some(*first),
            _ => None,
        };
        match (self.op(id), self.inputs(id)) {
            (Op::Affine(affine), &[of]) => line(of, same(affine.scale)?, same(affine.shift)?),
            (Op::Arithmetic(Arithmetic { operation }), &[left, right]) => {
                match (self.number(left), self.number(right), operation) {
                    (None, Some(number), Operation::Add) => line(left, 1.0, number),
                    (None, Some(number), Operation::Subtract) => line(left, 1.0, -number),
                    (None, Some(number), Operation::Multiply) => line(left, number, 0.0),
                    (None, Some(number), Operation::Divide) => line(left, number.recip(), 0.0),
                    (Some(number), None, Operation::Add) => line(right, 1.0, number),
                    (Some(number), None, Operation::Subtract) => line(right, -1.0, number),
                    (Some(number), None, Operation::Multiply) => line(right, number, 0.0),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    /// The input of a node that is `scale · x + shift` with these numbers, if nobody else reads that node.
    fn inner_line(&self, id: NodeId, scale: f32, shift: f32) -> Option<NodeId> {
        let line = self.line(id).filter(|_| self.is_inner(id, 1))?;
        (is_close(line.scale, scale) && is_close(line.shift, shift)).then_some(line.of)
    }

    /// `x · sigmoid(x)`
    fn silu(&self, id: NodeId) -> Option<Replacement> {
        either_way(self.arithmetic(id, Operation::Multiply)?, |x, gate| {
            let of = self.function(gate).filter(|_| self.is_inner(gate, 1))?;
            (of == (Function::Sigmoid, x)).then(|| Replacement::function(Function::Silu, x))
        })
    }

    /// `x` times x/6 + ½ clipped to [0, 1], or `x` times x + 3 clipped to [0, 6] and a sixth of that.
    fn hard_swish(&self, id: NodeId) -> Option<Replacement> {
        let found = |x| Replacement::function(Function::HardSwish, x);
        let clipped = |gate: NodeId, wanted: f32| match self.function(gate)? {
            (Function::Clip { low: 0.0, high }, of) if high == wanted && self.is_inner(gate, 1) => Some(of),
            _ => None,
        };
        // x + 3 clipped to [0, 6].
        let six = |gate: NodeId| self.inner_line(clipped(gate, 6.0)?, 1.0, 3.0);
        if let Some(factors) = self.arithmetic(id, Operation::Multiply) {
            return either_way(factors, |x, gate| {
                let hard_sigmoid = || match self.function(gate)? {
                    (Function::HardSigmoid { alpha, beta }, of)
                        if is_close(alpha, 1.0 / 6.0) && is_close(beta, 0.5) && self.is_inner(gate, 1) =>
                    {
                        Some(of)
                    }
                    _ => None,
                };
                let of = hard_sigmoid()
                    .or_else(|| self.inner_line(clipped(gate, 1.0)?, 1.0 / 6.0, 0.5))
                    .or_else(|| six(self.inner_line(gate, 1.0 / 6.0, 0.0)?));
                (of? == x).then(|| found(x))
            });
        }
        let sixth = self.line(id)?;
        if !is_close(sixth.scale, 1.0 / 6.0) || sixth.shift != 0.0 || !self.is_inner(sixth.of, 1) {
            return None;
        }
        either_way(self.arithmetic(sixth.of, Operation::Multiply)?, |x, gate| {
            (six(gate)? == x).then(|| found(x))
        })
    }

    /// `½ x (1 + erf(x/√2))`, in whatever order.
    fn gelu(&self, id: NodeId) -> Option<Replacement> {
        let (mut scale, mut factors) = (1.0, Vec::new());
        self.multiply_out(id, 0, &mut scale, &mut factors);
        let &[one, other] = &factors[..] else {
            return None;
        };
        either_way([one, other], |x, gate| {
            let line = self.line(gate).filter(|_| self.is_inner(gate, 1))?;
            let (function, argument) = self.function(line.of).filter(|_| self.is_inner(line.of, 1))?;
            let of = self.inner_line(argument, std::f32::consts::FRAC_1_SQRT_2, 0.0)?;
            let matches = function == Function::Erf
                && of == x
                && is_close(line.shift, line.scale)
                && is_close(scale * line.scale, 0.5);
            matches.then(|| Replacement::function(Function::Gelu, x))
        })
    }

    /// The factors that a node is the product of, as far as nobody else reads the products on the way.
    fn multiply_out(&self, id: NodeId, depth: usize, scale: &mut f32, factors: &mut Vec<NodeId>) {
        if depth < MOST_FACTORS && (depth == 0 || self.is_inner(id, 1)) {
            if let Some(line) = self.line(id).filter(|line| line.shift == 0.0) {
                *scale *= line.scale;
                return self.multiply_out(line.of, depth + 1, scale, factors);
            }
            if let Some(pair) = self.arithmetic(id, Operation::Multiply) {
                return pair
                    .into_iter()
                    .for_each(|factor| self.multiply_out(factor, depth + 1, scale, factors));
            }
        }
        factors.push(id);
    }

    /// `(x − mean)/√(mean of (x − mean)² + ε)` over columns.
    fn layer_norm(&self, id: NodeId) -> Option<Replacement> {
        let over_columns = Reduce {
            function: Reduction::Mean,
            axes: [false, false, false, true],
        };
        let mean_of = |id: NodeId| match (self.op(id), self.inputs(id)) {
            (Op::Reduce(reduce), &[of]) if *reduce == over_columns && self.is_inner(id, 1) => Some(of),
            _ => None,
        };
        let [centred, deviation] = self.arithmetic(id, Operation::Divide)?;
        let root = match self.function(deviation).filter(|_| self.is_inner(deviation, 1))? {
            (Function::Sqrt, of) => of,
            (Function::Power { exponent: 0.5 }, of) => of,
            _ => return None,
        };
        let variance = self
            .line(root)
            .filter(|line| line.scale == 1.0 && self.is_inner(root, 1))?;
        let square = mean_of(variance.of)?;
        let times = match (
            self.function(square),
            self.arithmetic(square, Operation::Multiply),
        ) {
            (Some((Function::Power { exponent: 2.0 }, of)), _) if of == centred => 1,
            (_, Some([one, other])) if one == centred && other == centred => 2,
            _ => return None,
        };
        if !self.is_inner(square, 1) || !self.is_inner(centred, times + 1) {
            return None;
        }
        let [x, mean] = self.arithmetic(centred, Operation::Subtract)?;
        let norm = LayerNorm {
            scale: None,
            shift: None,
            epsilon: variance.shift,
        };
        (mean_of(mean)? == x).then(|| Replacement::Plain(norm.into(), x))
    }

    /// A LayerNorm and the numbers of each column that a node combines it with, if nobody else reads it.
    fn layer_norm_with(
        &self,
        id: NodeId,
        operation: Operation,
    ) -> Option<(LayerNorm, NodeId, Arc<Vec<f32>>)> {
        either_way(self.arithmetic(id, operation)?, |norm, constant| {
            let (Op::LayerNorm(layer_norm), Op::Constant(Constant { values })) =
                (self.op(norm), self.op(constant))
            else {
                return None;
            };
            let of_columns = match self.graph.shape_of(*values) {
                &[1, 1, 1, columns] => columns > 1,
                _ => false,
            };
            let data = &self.graph.parameters().get(values.0)?.data;
            (of_columns && self.is_inner(norm, 1)).then(|| (*layer_norm, self.inputs(norm)[0], data.clone()))
        })
    }

    fn scale_of_layer_norm(&self, id: NodeId) -> Option<Replacement> {
        let (norm, x, data) = self.layer_norm_with(id, Operation::Multiply)?;
        let numbers = vec![Numbers { what: "scale", data }];
        let with = move |ids: &[ParameterId]| {
            let scale = Some(ids[0]);
            LayerNorm { scale, ..norm }.into()
        };
        let is_plain = norm.scale.is_none() && norm.shift.is_none();
        is_plain.then(|| Replacement::With(numbers, x, Box::new(with)))
    }

    fn shift_of_layer_norm(&self, id: NodeId) -> Option<Replacement> {
        let (norm, x, data) = self.layer_norm_with(id, Operation::Add)?;
        let numbers = vec![Numbers { what: "shift", data }];
        let with = move |ids: &[ParameterId]| {
            let shift = Some(ids[0]);
            LayerNorm { shift, ..norm }.into()
        };
        let is_plain = norm.shift.is_none();
        is_plain.then(|| Replacement::With(numbers, x, Box::new(with)))
    }

    fn affine_group_norm(&self, id: NodeId) -> Option<Replacement> {
        let (Op::Affine(affine), &[norm]) = (self.op(id), self.inputs(id)) else {
            return None;
        };
        match (self.op(norm), self.inputs(norm)) {
            (
                &Op::GroupNorm(
                    plain @ GroupNorm {
                        scale: None,
                        shift: None,
                        ..
                    },
                ),
                &[x],
            ) if self.is_inner(norm, 1) => {
                let norm = GroupNorm {
                    scale: Some(affine.scale),
                    shift: Some(affine.shift),
                    ..plain
                };
                Some(Replacement::Plain(norm.into(), x))
            }
            _ => None,
        }
    }

    /// `s₂ (s₁ x + t₁) + t₂`
    fn two_affines(&self, id: NodeId) -> Option<Replacement> {
        let affine = |id: NodeId| match (self.op(id), self.inputs(id)) {
            (Op::Affine(affine), &[of]) => Some((*affine, of)),
            _ => None,
        };
        let (second, between) = affine(id)?;
        let (first, x) = affine(between).filter(|_| self.is_inner(between, 1))?;
        let [scale, shift, outer_scale, outer_shift] =
            [first.scale, first.shift, second.scale, second.shift].map(|id| self.graph.data(id));
        let count = scale.len();
        if [shift, outer_scale, outer_shift]
            .iter()
            .any(|numbers| numbers.len() != count)
        {
            return None;
        }
        let scales = scale.iter().zip(outer_scale).map(|(scale, outer)| scale * outer);
        let shifts = shift.iter().zip(outer_scale).zip(outer_shift);
        let shifts = shifts.map(|((shift, scale), outer)| scale * shift + outer);
        let numbers = vec![
            Numbers {
                what: "scale",
                data: Arc::new(scales.collect()),
            },
            Numbers {
                what: "shift",
                data: Arc::new(shifts.collect()),
            },
        ];
        let with = |ids: &[ParameterId]| {
            let (scale, shift) = (ids[0], ids[1]);
            Affine { scale, shift }.into()
        };
        Some(Replacement::With(numbers, x, Box::new(with)))
    }

    fn replace(&mut self, id: NodeId, replacement: Replacement) {
        let (op, input) = match replacement {
            Replacement::Plain(op, input) => (op, input),
            Replacement::With(numbers, input, op) => {
                let ids: Vec<ParameterId> = numbers
                    .into_iter()
                    .map(|numbers| self.add_parameter(id, numbers))
                    .collect();
                (op(&ids), input)
            }
        };
        self.readers[input.0] += 1;
        let node = &mut self.graph.nodes[id.0];
        node.op = op;
        let mut left = std::mem::replace(&mut node.inputs, vec![input]);
        while let Some(id) = left.pop() {
            self.readers[id.0] -= 1;
            if self.readers[id.0] == 0 && !self.pinned[id.0] {
                self.dead[id.0] = true;
                left.append(&mut self.graph.nodes[id.0].inputs);
            }
        }
    }

    /// A parameter of a node that no other is called like.
    fn add_parameter(&mut self, id: NodeId, numbers: Numbers) -> ParameterId {
        let mut name = format!("{} {}", self.graph.nodes[id.0].name, numbers.what);
        let parameters = &mut self.graph.parameters;
        while parameters.iter().any(|parameter| parameter.name == name) {
            name.push_str(" of both");
        }
        parameters.push(super::parameter::Parameter {
            name,
            shape: vec![numbers.data.len()],
            data: numbers.data,
        });
        ParameterId(parameters.len() - 1)
    }

    /// The graph without what nobody reads any more, and the new numbers of some nodes.
    fn finish(self, kept: &[NodeId]) -> (Graph, Vec<NodeId>) {
        let Raising { mut graph, dead, .. } = self;
        let mut count = 0;
        let moved: Vec<NodeId> = dead
            .iter()
            .map(|&dead| {
                let id = NodeId(count);
                count += usize::from(!dead);
                id
            })
            .collect();
        let mut index = 0;
        graph.nodes.retain(|_| {
            index += 1;
            !dead[index - 1]
        });
        for input in graph.nodes.iter_mut().flat_map(|node| &mut node.inputs) {
            *input = moved[input.0];
        }
        graph.output = moved[graph.output.0];
        let kept = kept.iter().map(|id| moved.get(id.0).copied().unwrap_or(*id));
        (graph, kept.collect())
    }
}

/// What is found in one of both orders.
fn either_way<T>([one, other]: [NodeId; 2], find: impl Fn(NodeId, NodeId) -> Option<T>) -> Option<T> {
    find(one, other).or_else(|| find(other, one))
}

/// Whether two numbers are the same but for the digits that exports leave out.
fn is_close(found: f32, wanted: f32) -> bool {
    (found - wanted).abs() <= 1e-5 * wanted.abs()
}
