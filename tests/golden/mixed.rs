//! The network `Mixed` of `networks.py`: every operator that SimpleUnet has not.

use asma::Result;
use asma::checkpoint::Checkpoint;
use asma::graph::{
    Graph, Margins, NodeId, PadMargins, PadMode, ParameterId, Resampling, ResizeSize, Slopes, ops,
};

/// The network with the weights of `checkpoint`.
pub fn graph(checkpoint: &Checkpoint) -> Result<Graph> {
    let mut build = Builder {
        graph: Graph::new(3),
        checkpoint,
    };
    let input = build.graph.input();
    let image = build.normalise(input)?;

    let stem = build.conv("stem", image, [2, 2], [3, 3])?;
    let stem = build.affine("stem_norm", stem)?;
    let stem = build.slope("stem_slope", Slopes::Same(0.1), stem)?;
    let pooled = build.max_pool("pool", [3, 3], [1, 1], stem)?;

    let residual = build.conv("residual_1", pooled, [1, 1], [1, 1])?;
    let slopes = build.parameter("residual_slopes")?;
    let residual = build.slope("residual_slopes", Slopes::Learnt(slopes), residual)?;
    let residual = build.conv("residual_2", residual, [1, 1], [1, 1])?;
    let residual = build.graph.add(
        "residual_add",
        ops::Arithmetic::from(ops::Operation::Add),
        &[residual, pooled],
    )?;
    let residual = build.affine("residual_norm", residual)?;
    let residual = build.slope("residual_relu", Slopes::Same(0.0), residual)?;

    let up = build.conv_transpose("up", residual)?;
    let up = build.affine("up_norm", up)?;
    let slope = build.parameter("up_slope")?;
    let up = build.slope("up_slope", Slopes::Learnt(slope), up)?;
    let up = build.graph.add("up_crop", ops::Crop, &[up, stem])?;
    let joined = build.graph.add("joined", ops::Concat::CHANNELS, &[up, stem])?;

    let even = build.conv("even", joined, [1, 1], [0, 0])?;
    let even = build.slope("even_relu", Slopes::Same(0.0), even)?;
    let padded_centre = build.pad(
        "padded_centre",
        PadMode::ZERO,
        PadMargins::LikeCentred,
        &[even, stem],
    )?;
    let oblong = build.conv("oblong", joined, [1, 1], [0, 0])?;
    let margins = PadMargins::LikeBottomRight;
    let padded_corner = build.pad("padded_corner", PadMode::Replicate, margins, &[oblong, stem])?;

    let deep = build.max_pool("deep", [2, 2], [0, 0], residual)?;
    let like = ResizeSize::Like;
    let nearest = build.resize("nearest", Resampling::NEAREST, like, &[deep, stem])?;
    let bilinear = build.resize("bilinear", Resampling::BILINEAR, like, &[residual, stem])?;
    let aligned = build.resize("aligned", Resampling::BILINEAR_ALIGNED, like, &[deep, stem])?;
    let gate = build.conv("gate", stem, [1, 1], [0, 0])?;
    let gate = build.graph.add(
        "gate_sigmoid",
        ops::Pointwise::from(ops::Function::Sigmoid),
        &[gate],
    )?;

    let strided = build.graph.add(
        "corner_first",
        ops::Concat::CHANNELS,
        &[padded_corner, padded_centre],
    )?;
    let margins = PadMargins::Fixed(Margins {
        top: 1,
        bottom: 3,
        left: 2,
        right: 0,
    });
    let strided = build.pad("fixed_pad", PadMode::ZERO, margins, &[strided])?;
    let strided = build.conv("strided", strided, [2, 3], [0, 0])?;
    let twice = ResizeSize::Factor(2);
    let strided = build.resize("twice", Resampling::NEAREST, twice, &[strided])?;
    let strided = build.resize("resampled", Resampling::BILINEAR, like, &[strided, stem])?;

    let everything = [
        stem,
        padded_centre,
        padded_corner,
        nearest,
        bilinear,
        aligned,
        gate,
        strided,
    ];
    let everything = build
        .graph
        .add("everything", ops::Concat::CHANNELS, &everything)?;
    let logits = build.conv("head", everything, [1, 1], [0, 0])?;
    let logits = build.resize("logits", Resampling::BILINEAR_ALIGNED, twice, &[logits])?;
    let logits = build.graph.add("crop", ops::Crop, &[logits, input])?;
    build.graph.add("softmax", ops::Softmax { axis: 1 }, &[logits])?;
    Ok(build.graph)
}

struct Builder<'c> {
    graph: Graph,
    checkpoint: &'c Checkpoint,
}

impl Builder<'_> {
    fn parameter(&mut self, name: &str) -> Result<ParameterId> {
        let tensor = self.checkpoint.tensor(name)?;
        self.graph.add_parameter(name, &tensor.shape, tensor.data)
    }

    /// `(x − mean) / std`.
    fn normalise(&mut self, x: NodeId) -> Result<NodeId> {
        let [mean, std] = ["mean", "std"].map(|name| self.checkpoint.tensor(name).map(|tensor| tensor.data));
        let (mean, std) = (mean?, std?);
        let shift = mean.iter().zip(&std).map(|(mean, std)| -mean / std).collect();
        let scale = std.iter().map(|std| 1.0 / std).collect();
        let op = ops::Affine {
            scale: self.graph.add_parameter("normalise.scale", &[3], scale)?,
            shift: self.graph.add_parameter("normalise.shift", &[3], shift)?,
        };
        self.graph.add("normalise", op, &[x])
    }

    fn weights(&mut self, name: &str) -> Result<(ParameterId, Option<ParameterId>)> {
        let weight = self.parameter(&format!("{name}.weight"))?;
        let bias = format!("{name}.bias");
        let has_bias = self.checkpoint.shape_of(&bias).is_some();
        Ok((weight, has_bias.then(|| self.parameter(&bias)).transpose()?))
    }

    fn conv(&mut self, name: &str, x: NodeId, stride: [usize; 2], padding: [usize; 2]) -> Result<NodeId> {
        let (weight, bias) = self.weights(name)?;
        let op = ops::Conv2d {
            weight,
            bias,
            stride,
            padding: Margins::same(padding),
            dilation: [1, 1],
            groups: 1,
        };
        self.graph.add(name, op, &[x])
    }

    /// Doubles rows and columns with a 3×3 kernel.
    fn conv_transpose(&mut self, name: &str, x: NodeId) -> Result<NodeId> {
        let (weight, bias) = self.weights(name)?;
        let op = ops::ConvTranspose2d {
            weight,
            bias,
            stride: [2, 2],
            padding: Margins::same([1, 1]),
            output_padding: [1, 1],
            dilation: [1, 1],
            groups: 1,
        };
        self.graph.add(name, op, &[x])
    }

    fn affine(&mut self, name: &str, x: NodeId) -> Result<NodeId> {
        let op = ops::Affine {
            scale: self.parameter(&format!("{name}.scale"))?,
            shift: self.parameter(&format!("{name}.shift"))?,
        };
        self.graph.add(name, op, &[x])
    }

    fn slope(&mut self, name: &str, slopes: Slopes, x: NodeId) -> Result<NodeId> {
        self.graph.add(name, ops::Slope { slopes }, &[x])
    }

    fn max_pool(&mut self, name: &str, kernel: [usize; 2], padding: [usize; 2], x: NodeId) -> Result<NodeId> {
        let op = ops::MaxPool2d {
            kernel,
            stride: [2, 2],
            padding: Margins::same(padding),
            ceil: false,
        };
        self.graph.add(name, op, &[x])
    }

    fn pad(&mut self, name: &str, mode: PadMode, margins: PadMargins, inputs: &[NodeId]) -> Result<NodeId> {
        self.graph.add(name, ops::Pad { mode, margins }, inputs)
    }

    fn resize(
        &mut self,
        name: &str,
        mode: Resampling,
        size: ResizeSize,
        inputs: &[NodeId],
    ) -> Result<NodeId> {
        self.graph.add(name, ops::Resize { mode, size }, inputs)
    }
}
