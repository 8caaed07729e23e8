"""Tiny ONNX networks that together use every operator that the importer knows, in the forms of many opsets."""

import shutil
import tempfile
from pathlib import Path

import numpy
import onnx
import onnxruntime
import safetensors.torch
import torch
from onnx import TensorProto, helper, numpy_helper

import interpreter

HERE = Path(__file__).parent
FOLDER = HERE / "operators"
END = 2**63 - 1
REFERENCES = {}
# Compared on two samples too.
TWO_SAMPLES = {"movement", "norms", "attention", "broadcasts", "pools", "shuffled", "pyramid"}


class Net:
    """A network under construction."""

    def __init__(self, name, opset=17, channels=2, size=None, seed=0, layout="NCHW"):
        self.name, self.opset, self.layout = name, opset, layout
        self.size, self.channels = size, channels
        self.nodes, self.tensors, self.count = [], [], 0
        self.random = numpy.random.RandomState(seed + sum(map(ord, name)))
        self.half = False

    def const(self, values, kind=None):
        """An initialiser."""
        self.count += 1
        name = f"c{self.count}"
        array = numpy.array(values)
        if kind is not None:
            array = array.astype(kind)
        elif array.dtype == numpy.float64:
            array = array.astype(numpy.float16 if self.half else numpy.float32)
        self.tensors.append(numpy_helper.from_array(array, name))
        return name

    def weights(self, *shape, scale=None):
        fan = numpy.prod(shape[1:]) if len(shape) > 1 else 4.0
        return self.const(self.random.randn(*shape) * (scale or 1 / numpy.sqrt(fan)))

    def __call__(self, kind, *inputs, outputs=1, **attributes):
        """A node; the name of its output, or the names."""
        self.count += 1
        names = [f"{kind.lower()}_{self.count}" + (f"_{i}" if outputs > 1 else "") for i in range(outputs)]
        inputs = ["" if i is None else i if isinstance(i, str) else self.const(i) for i in inputs]
        self.nodes.append(helper.make_node(kind, inputs, names, name=f"node_{self.count}", **attributes))
        return names[0] if outputs == 1 else names

    def conv(self, x, channels_in, channels_out, kernel=(3, 3), group=1, **attributes):
        attributes.setdefault("pads", [kernel[0] // 2, kernel[1] // 2] * 2)
        weight = self.weights(channels_out, channels_in // group, *kernel)
        return self("Conv", x, weight, self.weights(channels_out), group=group, **attributes)

    def model(self, outputs, kinds=None):
        kind = TensorProto.FLOAT16 if self.half else TensorProto.FLOAT
        sides = ["h", "w"] if self.size is None else list(self.size)
        dims = ["n" if self.size is None else 1, self.channels, *sides]
        if self.layout == "NHWC":
            dims = [dims[0], *dims[2:], dims[1]]
        image = helper.make_tensor_value_info("x", kind, dims)
        outputs = [outputs] if isinstance(outputs, str) else outputs
        # The output's own name, as a file would have it.
        named = [helper.make_tensor_value_info(name, (kinds or {}).get(name, kind), None) for name in outputs]
        graph = helper.make_graph(self.nodes, self.name, [image], named, self.tensors)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", self.opset)], producer_name="make.py")
        model.ir_version = 8 if self.opset < 20 else 10
        return model

    def finish(self, outputs, sizes=((6, 8), (8, 4)), output=None, compared=None, external=False, kinds=None, runs=True):
        """Writes the network and, for images of these sizes, what it gives.

        `compared` is the value that stands in place of the output in references: what stands before an ArgMax.
        """
        model = self.model(outputs, kinds)
        path = FOLDER / f"{self.name}.onnx"
        if external:
            onnx.save(model, path, save_as_external_data=True, location=f"{self.name}.data", size_threshold=0)
            model = onnx.load(path)
        else:
            onnx.save(model, path)
        for index, size in enumerate([self.size] if self.size else sizes):
            samples = 2 if index == 1 and self.name in TWO_SAMPLES else 1
            shape = (samples, self.channels, *size)
            x = interpreter.image(shape)
            given = x.double().requires_grad_(True)
            seen = given.permute(0, 2, 3, 1) if self.layout == "NHWC" else given
            y = interpreter.run(model, seen, compared or output)
            if runs:
                self.compare(model, seen, compared or output, y)
            if self.layout == "NHWC":
                y = y.permute(0, 3, 1, 2)
            w = interpreter.seed(y.shape)
            (dx,) = torch.autograd.grad((y * w.double()).sum(), given)
            for key, tensor in {"y": y, "dx": dx}.items():
                REFERENCES[f"{self.name}/{index}/{key}"] = tensor.detach().float().contiguous()

    def compare(self, model, seen, output, y):
        """Holds our own numbers against onnxruntime's."""
        if output and output not in [o.name for o in model.graph.output]:
            model = onnx.ModelProto.FromString(model.SerializeToString())
            model.graph.output.append(helper.make_tensor_value_info(output, TensorProto.FLOAT, None))
        session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
        image = seen.detach().numpy().astype(numpy.float16 if self.half else numpy.float32)
        found = session.run([output] if output else None, {"x": image})[0]
        off = numpy.abs(found - y.detach().numpy()).max() / max(numpy.abs(found).max(), 1e-30)
        assert off < (2e-3 if self.half else 2e-6), f"{self.name}: {off}"


def convolutions():
    n = Net("convolutions", 11)
    x = n.conv("x", 2, 4, pads=[1, 0, 2, 2])
    x = n.conv(x, 4, 4, group=4)
    x = n.conv(x, 4, 8, (3, 3), group=2, dilations=[2, 2], pads=[2, 2, 2, 2])
    x = n.conv(x, 8, 4, (1, 5), pads=[0, 2, 0, 2])
    x = n("Conv", x, n.weights(4, 4, 5, 1), pads=[2, 0, 2, 0])
    x = n.conv(x, 4, 8, group=4)
    n.finish(n.conv(x, 8, 3, (1, 1)))

    n = Net("strides", 9)
    x = n.conv("x", 2, 4, (4, 4), strides=[2, 2], pads=[1, 1, 1, 1])
    x = n.conv(x, 4, 4, strides=[2, 1], pads=[1, 1, 1, 1])
    n.finish(x, sizes=((8, 8), (8, 4)))

    for name in ("SAME_UPPER", "SAME_LOWER"):
        n = Net(name.lower(), 13, size=(9, 12))
        x = n("Conv", "x", n.weights(4, 2, 3, 4), n.weights(4), auto_pad=name, strides=[2, 2], kernel_shape=[3, 4])
        x = n("Conv", x, n.weights(4, 4, 2, 2), auto_pad=name)
        x = n("MaxPool", x, kernel_shape=[2, 2], auto_pad=name)
        n.finish(n("Conv", x, n.weights(2, 4, 3, 3), auto_pad="VALID"))

    n = Net("same_any_size", 13)
    n.finish(n("Conv", "x", n.weights(3, 2, 3, 5), auto_pad="SAME_UPPER"))

    n = Net("transposed", 11)
    x = n("ConvTranspose", "x", n.weights(2, 4, 3, 3), n.weights(4), strides=[2, 2], pads=[1, 1, 1, 1], output_padding=[1, 1])
    x = n("ConvTranspose", x, n.weights(4, 2, 2, 2), strides=[2, 2], group=2)
    x = n("ConvTranspose", x, n.weights(4, 2, 4, 4), n.weights(2), strides=[1, 2], pads=[1, 1, 2, 1])
    x = n.conv(x, 2, 2, strides=[2, 4])
    n.finish(n("ConvTranspose", x, n.weights(2, 1, 3, 3), dilations=[2, 1], group=2, pads=[1, 0, 2, 1]), sizes=((3, 4), (4, 3)))


def pointwise():
    n = Net("pointwise", 20, channels=2)
    x = n.conv("x", 2, 2)
    positive = n("Add", n("Abs", x), 0.5)
    parts = [n(kind, x) for kind in (
        "Relu", "Sigmoid", "Tanh", "Erf", "Softplus", "Softsign", "Mish", "Neg", "Identity", "HardSwish", "Elu", "LeakyRelu",
        "HardSigmoid", "Gelu", "Abs")]  # fmt: skip
    parts += [n("Elu", x, alpha=0.5), n("LeakyRelu", x, alpha=0.1), n("HardSigmoid", x, alpha=1 / 6, beta=0.5)]
    parts += [n("Gelu", x, approximate="tanh"), n("Exp", x), n("Log", positive), n("Sqrt", positive), n("Reciprocal", positive)]
    parts += [n("Pow", positive, 0.5), n("Pow", x, 2.0), n("Pow", positive, 1.5), n("Pow", positive, -1.0)]
    parts += [n("Clip", x, -0.2, 0.3), n("Clip", x, None, 0.1), n("Clip", x, 0.0), n("Clip", x)]
    parts += [n("PRelu", x, n.const([0.2])), n("PRelu", x, n.const([[[0.2]], [[-0.3]]]))]
    parts += [n("Cast", x, to=1), n("Dropout", x), n("Mul", x, n("Sigmoid", x))]
    x = n("Concat", *parts, axis=1)
    n.finish(n.conv(x, 2 * len(parts), 2, (1, 1)), sizes=((6, 8), (8, 6)))


def older_forms():
    n = Net("opset_9", 9)
    x = n.conv("x", 2, 4)
    numbers = [n.const(n.random.rand(4) + 0.5) for _ in range(4)]
    x = n("BatchNormalization", x, *numbers, epsilon=1e-3)
    x = n("Clip", x, min=0.0, max=6.0)
    x = n("Pad", x, pads=[0, 0, 1, 2, 0, 0, 2, 1], mode="constant", value=0.3)
    x = n("Pad", x, pads=[0, 0, 1, 1, 0, 0, 1, 1], mode="reflect")
    x = n("Slice", x, axes=[2, 3], starts=[1, -1000], ends=[END, -1])
    mean = n("ReduceMean", x, axes=[2, 3], keepdims=1)
    x = n("Mul", x, n("Sigmoid", mean))
    flat = n("Unsqueeze", n("Squeeze", n("ReduceMean", x, axes=[1], keepdims=1), axes=[1]), axes=[1])
    x = n("Add", x, flat)
    x = n("Dropout", x)
    x = n("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2])
    x = n("Upsample", x, n.const([1.0, 1.0, 2.0, 2.0]), mode="nearest")
    x = n("Upsample", n.conv(x, 4, 2), n.const([1.0, 1.0, 2.0, 2.0]), mode="linear")
    one, two = n("Split", x, outputs=2, axis=1, split=[1, 1])
    n.finish(n("Concat", one, n("Mul", one, two), axis=1), sizes=((4, 6), (6, 4)))

    n = Net("opset_7", 7)
    x = n("Upsample", n.conv("x", 2, 2), mode="nearest", scales=[1.0, 1.0, 2.0, 2.0])
    # onnxruntime knows opset 7 alone in part.
    n.finish(n("Sum", x, x, x), sizes=((3, 4), (4, 3)), runs=False)

    n = Net("opset_10", 10)
    x = n("Resize", n.conv("x", 2, 2), n.const([1.0, 1.0, 2.0, 2.0]), mode="linear")
    x = n("Resize", x, n.const([1.0, 1.0, 1.5, 1.5]), mode="nearest")
    x = n("Slice", x, n.const([2, 1]), n.const([-2, 1 << 31]), n.const([2, 3]), n.const([1, 1]))
    n.finish(n("Softmax", x, axis=3), sizes=((4, 6), (6, 4)))

    n = Net("opset_11", 11)
    x = n("Clip", n.conv("x", 2, 4), n.const(0.0), n.const(6.0))
    x = n("Pad", x, n.const([0, 0, 1, 1, 0, 0, 1, 1]), n.const(0.5), mode="constant")
    x = n("Pad", x, n.const([0, 0, 1, 0, 0, 0, 0, 1]), mode="edge")
    x = n("Pad", x, n.const([0, 0, -1, -1, 0, -1, -2, 1]))
    x = n("Unsqueeze", n("ReduceMax", x, axes=[1], keepdims=0), axes=[1])
    n.finish(n("Mul", n("ReduceSum", x, axes=[-1]), x))


def resizes():
    places = ["half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric"]
    roundings = ["floor", "ceil", "round_prefer_floor", "round_prefer_ceil"]
    kinds = [("linear", place, None) for place in places]
    kinds += [("nearest", place, rounding) for place in places for rounding in roundings]

    def all_of(n, x, **given):
        parts = []
        for mode, place, rounding in kinds:
            a = {"mode": mode, "coordinate_transformation_mode": place}
            if rounding:
                a["nearest_mode"] = rounding
            if "scales" in given:
                parts.append(n("Resize", x, None, n.const(given["scales"]), **a))
            else:
                parts.append(n("Resize", x, None, None, given["sizes"], **a))
        return n("Concat", *parts, axis=1)

    for name, scale in (("double", 2.0), ("half", 0.5), ("one_and_a_half", 1.5), ("triple", 3.0), ("quarters", 0.75)):
        n = Net(f"resize_{name}", 13, channels=1)
        # onnxruntime places samples in float32, so what lies between two pixels may fall to either.
        x = all_of(n, "x", scales=[1.0, 1.0, scale, scale])
        n.finish(n.conv(x, len(kinds), 2, (1, 1)), sizes=((4, 4), (8, 4)), runs=scale in (2.0, 0.5))

    n = Net("resize_to_sizes", 13, channels=1, size=(5, 7))
    x = all_of(n, "x", sizes=n.const([1, 1, 9, 10]))
    n.finish(n.conv(x, len(kinds), 2, (1, 1)), runs=False)

    n = Net("resize_to_another", 17)
    skip = n.conv("x", 2, 2)
    x = n("MaxPool", skip, kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1)
    x = n.conv(n("MaxPool", x, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1]), 2, 2)
    sizes = n("Slice", n("Shape", skip), n.const([2]), n.const([4]), n.const([0]))
    sizes = n("Concat", n("Slice", n("Shape", x), n.const([0]), n.const([2])), sizes, axis=0)
    x = n("Resize", x, None, None, sizes, mode="linear", coordinate_transformation_mode="align_corners")
    x = n("Concat", x, skip, axis=1)
    half = n("Resize", n("GlobalAveragePool", x), None, None, n("Shape", x), mode="linear")
    n.finish(n.conv(n("Concat", half, x, axis=1), 8, 2, (1, 1)), sizes=((9, 11), (8, 12)))

    n = Net("resize_axes", 18)
    x = n("Resize", "x", None, n.const([2.0, 2.0]), axes=[2, 3], mode="linear", coordinate_transformation_mode="half_pixel")
    x = n("Resize", x, None, n.const([2.0, 1.0]), axes=[-1, -2], mode="nearest", coordinate_transformation_mode="asymmetric", nearest_mode="floor")
    n.finish(n.conv(x, 2, 2), sizes=((2, 4), (4, 2)))

    n = Net("resize_computed", 17)
    shape = n("Shape", "x")
    height = n("Gather", shape, n.const(2))
    width = n("Gather", shape, n.const(-1))
    twice = [n("Unsqueeze", n("Cast", n("Floor", n("Mul", n("Cast", side, to=1), n.const(2.0))), to=7), n.const([0])) for side in (height, width)]
    sizes = n("Concat", n("Shape", "x", start=0, end=2), *twice, axis=0)
    n.finish(n.conv(n("Resize", "x", None, None, sizes, mode="linear"), 2, 2), sizes=((3, 4), (4, 2)))


def pools():
    n = Net("pools", 19)
    x = n.conv("x", 2, 3)
    x = n("Concat", n("MaxPool", x, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1]),
          n("AveragePool", x, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1]),
          n("AveragePool", x, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1], count_include_pad=1),
          n("AveragePool", x, kernel_shape=[2, 2], strides=[2, 2]), axis=1)  # fmt: skip
    x = n("Mul", x, n("Add", n("GlobalAveragePool", x), n("GlobalMaxPool", x)))
    x = n("MaxPool", x, kernel_shape=[2, 3], strides=[1, 1], pads=[1, 1, 0, 1])
    n.finish(n.conv(x, 12, 2, (1, 1)))

    n = Net("pools_ceil", 19)
    x = n("MaxPool", n.conv("x", 2, 3), kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1)
    x = n("AveragePool", x, kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1, pads=[1, 1, 1, 1], count_include_pad=0)
    n.finish(x, sizes=((9, 11), (7, 13)))


def arithmetic():
    n = Net("broadcasts", 14)
    x = n.conv("x", 2, 3)
    y = n.conv("x", 2, 3)
    by_channel = n("GlobalAveragePool", y)
    by_pixel = n("ReduceMean", y, axes=[1])
    parts = []
    for kind in ("Add", "Sub", "Mul", "Max", "Min"):
        parts += [n(kind, x, y), n(kind, x, by_channel), n(kind, by_channel, x), n(kind, x, by_pixel), n(kind, by_pixel, x)]
        parts += [n(kind, x, 0.3), n(kind, n.const(0.3), x), n(kind, n.const([[[0.2]], [[0.1]], [[-0.4]]]), x)]
        parts += [n(kind, x, n.const([[[[0.5]], [[1.1]], [[-0.4]]]]))]
    positive = n("Add", n("Sigmoid", y), 0.5)
    parts += [n("Div", x, positive), n("Div", x, 0.7), n("Div", n.const(0.7), positive), n("Div", positive, n.const([[[0.5]], [[1.5]], [[2.5]]]))]
    parts += [n("Div", n.const([[[0.5]], [[1.5]], [[2.5]]]), positive), n("Sum", x, y, by_pixel), n("Sum", x)]
    x = n("Concat", *parts, axis=1)
    n.finish(n.conv(x, 3 * len(parts), 2, (1, 1)), sizes=((4, 6), (6, 4)))

    n = Net("constants_of_size", 14, size=(4, 6))
    x = n("Add", "x", n.weights(1, 2, 4, 6))
    x = n("Mul", x, n.weights(4, 6))
    x = n("Add", n.weights(6), x)
    x = n("Concat", x, n.weights(1, 1, 4, 6), axis=1)
    n.finish(n.conv(x, 3, 2))


def reductions():
    n = Net("reductions", 18)
    x = n.conv("x", 2, 4)
    by_pixel = n("Concat", n("ReduceMean", x, n.const([1])), n("ReduceMax", x, n.const([1])), n("ReduceSum", x, n.const([1])), axis=1)
    by_channel = n("ReduceMean", x, n.const([-1, -2]))
    kept = n("ReduceSum", x, noop_with_empty_axes=1)
    flat = n("Unsqueeze", n("ReduceMax", x, n.const([1]), keepdims=0), n.const([1]))
    rows = n("ReduceMean", x, n.const([2]))
    columns = n("ReduceMax", x, n.const([3]))
    x = n("Concat", by_pixel, n("Mul", kept, by_channel), flat, n("Add", rows, columns), axis=1)
    n.finish(n.conv(x, 12, 2, (1, 1)))


def movement():
    n = Net("movement", 13)
    x = n.conv("x", 2, 4)
    one, two = n("Split", x, n.const([1, 3]), outputs=2, axis=1)
    x = n("Concat", two, one, axis=1)
    x = n("Add", x, n("Gather", x, n.const([2, 0, 1, -1]), axis=1))
    x = n("Add", x, n("Unsqueeze", n("Gather", x, n.const(1), axis=1), n.const([1])))
    x = n("Concat", n("Slice", x, n.const([0]), n.const([-1]), n.const([2])), n("Slice", x, n.const([0]), n.const([1]), n.const([-2])), axis=2)
    x = n("Concat", n("Slice", x, n.const([-2]), n.const([END]), n.const([1])), n("Slice", x, n.const([-4]), n.const([-3]), n.const([-3])), axis=1)
    x = n("Slice", x, n.const([0, 0]), n.const([END, END]), n.const([1, 3]))
    x = n("Transpose", n("Mul", n("Transpose", x, perm=[0, 2, 3, 1]), n.const([0.5, 1.0, 1.5])), perm=[0, 3, 1, 2])
    n.finish(x)

    n = Net("blocks", 13)
    x = n("SpaceToDepth", "x", blocksize=2)
    x = n.conv(x, 8, 8, (1, 1))
    x = n("Concat", n("DepthToSpace", x, blocksize=2), n("DepthToSpace", x, blocksize=2, mode="CRD"), axis=1)
    n.finish(n.conv(x, 4, 2))

    n = Net("split_18", 18)
    one, two, three = n("Split", n.conv("x", 2, 5), outputs=3, axis=1, num_outputs=3)
    n.finish(n("Concat", n("Mul", one, two), three, axis=1))

    n = Net("pad_19", 19)
    x = n("Pad", n.conv("x", 2, 2), n.const([1, 2, 2, 1]), None, n.const([2, 3]), mode="reflect")
    x = n("Pad", x, n.const([1, 1, 0, 0]), n.const(0.25), n.const([-1, -2]))
    n.finish(n("Pad", x, n.const([0] * 8)))

    n = Net("shuffled", 13, size=(4, 6))
    # The channel shuffle and the pixel shuffle as PyTorch writes them out.
    x = n.conv("x", 2, 8)
    shape = n("Shape", x)
    side = lambda axis: n("Gather", shape, n.const([axis]))
    whole = n("Concat", side(0), n.const([2]), n.const([4]), side(2), side(3), axis=0)
    x = n("Transpose", n("Reshape", x, whole), perm=[0, 2, 1, 3, 4])
    x = n("Reshape", x, shape)
    whole = n("Concat", side(0), n.const([2, 2, 2]), side(2), side(3), axis=0)
    x = n("Transpose", n("Reshape", x, whole), perm=[0, 1, 4, 2, 5, 3])
    double = [n("Mul", side(axis), n.const([2])) for axis in (2, 3)]
    n.finish(n("Reshape", x, n("Concat", side(0), n.const([2]), *double, axis=0)))

    n = Net("pyramid", 13)
    parts = [n("Unsqueeze", n.conv("x", 2, 3), n.const([0])) for _ in range(4)]
    n.finish(n("ReduceSum", n("Concat", *parts, axis=0), n.const([0]), keepdims=0))

    n = Net("expanded", 13)
    x = n.conv("x", 2, 3)
    pooled = n("GlobalAveragePool", x)
    shape = n("Shape", x)
    filled = n("ConstantOfShape", n("Shape", shape), value=numpy_helper.from_array(numpy.array([1], numpy.int64)))
    wanted = n("Where", n("Equal", shape, n.const(-1)), filled, shape)
    n.finish(n("Concat", n("Expand", pooled, wanted), x, axis=1))


def attention():
    n = Net("attention", 17)
    x = n.conv("x", 2, 4)
    shape = n("Shape", x)
    tokens = n("Transpose", n("Reshape", x, n.const([0, 4, -1])), perm=[0, 2, 1])
    tokens = n("LayerNormalization", tokens, n.const(n.random.rand(4) + 0.5), n.weights(4), axis=-1, epsilon=1e-6)
    query, key, value = (n("Add", n("MatMul", tokens, n.weights(4, 4)), n.weights(4)) for _ in range(3))
    products = n("Mul", n("MatMul", query, n("Transpose", key, perm=[0, 2, 1])), 0.5)
    tokens = n("Add", tokens, n("MatMul", n("Softmax", products, axis=-1), value))
    x = n("Reshape", n("Transpose", tokens, perm=[0, 2, 1]), shape)
    n.finish(n.conv(x, 4, 2), sizes=((4, 6), (6, 4)))

    n = Net("heads", 17, size=(4, 6))
    x = n.conv("x", 2, 4)
    tokens = n("Transpose", n("Reshape", x, n.const([1, 4, 24])), perm=[0, 2, 1])
    heads = [n("Transpose", n("Reshape", n("MatMul", tokens, n.weights(4, 4)), n.const([1, 24, 2, 2])), perm=[0, 2, 1, 3]) for _ in range(3)]
    products = n("MatMul", heads[0], n("Transpose", heads[1], perm=[0, 1, 3, 2]))
    mixed = n("MatMul", n("Softmax", products, axis=3), heads[2])
    tokens = n("Reshape", n("Transpose", mixed, perm=[0, 2, 1, 3]), n.const([1, 24, 4]))
    n.finish(n("Reshape", n("Transpose", tokens, perm=[0, 2, 1]), n.const([1, 4, 4, 6])))

    n = Net("gemm", 13)
    pooled = n("Flatten", n("GlobalAveragePool", n.conv("x", 2, 3)))
    gates = n("Gemm", pooled, n.weights(4, 3), n.weights(4), transB=1)
    gates = n("Gemm", n("Relu", gates), n.weights(4, 2))
    gates = n("Unsqueeze", n("Sigmoid", gates), n.const([2, 3]))
    n.finish(n("Mul", n.conv("x", 2, 2), gates))


def norms():
    n = Net("norms", 17)
    x = n("InstanceNormalization", n.conv("x", 2, 4), n.const(n.random.rand(4) + 0.5), n.weights(4), epsilon=1e-3)
    # A group norm as the exporters write it.
    grouped = n("Reshape", x, n.const([0, 2, -1]))
    grouped = n("InstanceNormalization", grouped, n.const([1.0, 1.0]), n.const([0.0, 0.0]))
    x = n("Reshape", grouped, n("Shape", x))
    x = n("Add", n("Mul", x, n.weights(4, 1, 1)), n.weights(4, 1, 1))
    numbers = [n.const(n.random.rand(4) + 0.5) for _ in range(4)]
    n.finish(n("BatchNormalization", x, *numbers))

    n = Net("group_norm_21", 21)
    n.finish(n("GroupNormalization", n.conv("x", 2, 4), n.const(n.random.rand(4) + 0.5), n.weights(4), num_groups=2))

    n = Net("group_norm_18", 18)
    n.finish(n("GroupNormalization", n.conv("x", 2, 4), n.const(n.random.rand(2) + 0.5), n.weights(2), num_groups=2), runs=False)

    n = Net("layer_norm_written_out", 13)
    x = n("Transpose", n.conv("x", 2, 4), perm=[0, 2, 3, 1])
    centred = n("Sub", x, n("ReduceMean", x, axes=[-1]))
    variance = n("ReduceMean", n("Pow", centred, 2.0), axes=[-1])
    x = n("Div", centred, n("Sqrt", n("Add", variance, 1e-5)))
    x = n("Add", n("Mul", x, n.weights(4)), n.weights(4))
    n.finish(n("Transpose", x, perm=[0, 3, 1, 2]))

    n = Net("gelu_written_out", 13)
    x = n.conv("x", 2, 3)
    x = n("Mul", n("Mul", x, n("Add", n("Erf", n("Div", x, 2**0.5)), 1.0)), 0.5)
    n.finish(n.conv(x, 3, 2))


def storage():
    n = Net("half", 17)
    n.half = True
    x = n("Relu", n.conv("x", 2, 4))
    n.finish(n("Mul", n.conv(x, 4, 2), n.const(0.5)))

    n = Net("half_weights", 17)
    weight = n("Cast", n.const(n.random.randn(4, 2, 3, 3), numpy.float16), to=1)
    x = n("Relu", n("Conv", "x", weight, pads=[1, 1, 1, 1]))
    n.finish(n.conv(x, 4, 2))

    n = Net("double_weights", 17)
    weight = n("Cast", n.const(n.random.randn(4, 2, 3, 3), numpy.float64), to=1)
    n.finish(n("Conv", "x", weight, pads=[1, 1, 1, 1]))

    n = Net("external", 17)
    n.finish(n.conv(n("Relu", n.conv("x", 2, 4)), 4, 2), external=True)

    n = Net("constant_nodes", 13)
    weight = n("Constant", value=numpy_helper.from_array(n.random.randn(3, 2, 3, 3).astype(numpy.float32)))
    x = n("Conv", "x", weight, pads=[1, 1, 1, 1])
    x = n("Mul", x, n("Constant", value_float=0.5))
    x = n("Mul", x, n("Reshape", n("Constant", value_floats=[0.5, 1.0, 2.0]), n("Constant", value_ints=[3, 1, 1])))
    x = n("Transpose", n("Transpose", x, perm=[0, 1, 3, 2]), perm=[0, 1, 3, 2])
    n.finish(n("Gather", x, n("Constant", value_ints=[0, 2]), axis=1))

    n = Net("typed_fields", 13)
    weight = n.random.randn(3, 2, 3, 3).astype(numpy.float32)
    n.tensors.append(helper.make_tensor("typed", TensorProto.FLOAT, weight.shape, weight.ravel()))
    n.tensors.append(helper.make_tensor("ends", TensorProto.INT32, [1], [2]))
    n.tensors.append(helper.make_tensor("starts", TensorProto.INT32, [1], [0]))
    n.tensors.append(helper.make_tensor("axis", TensorProto.INT32, [1], [1]))
    x = n("Conv", "x", "typed", pads=[1, 1, 1, 1])
    n.finish(n("Slice", x, "starts", "ends", "axis"))

    n = Net("integer_weights", 13)
    whole = n.const(n.random.randint(-127, 127, (4, 2, 3, 3)), numpy.int8)
    zero = n.const([0, 1, -2, 3], numpy.int8)
    weight = n("DequantizeLinear", whole, n.const([0.01, 0.02, 0.015, 0.005]), zero, axis=0)
    x = n("Conv", "x", weight, pads=[1, 1, 1, 1])
    whole = n.const(n.random.randint(0, 255, (2, 4, 1, 1)), numpy.uint8)
    weight = n("DequantizeLinear", whole, n.const(0.01), n.const(128, numpy.uint8))
    n.finish(n("Conv", x, weight))

    n = Net("out_of_order", 13)
    x = n("Relu", n.conv("x", 2, 4))
    x = n.conv(x, 4, 2)
    n.nodes.reverse()
    # onnxruntime wants nodes in order.
    n.finish(x, runs=False)


def ends():
    n = Net("channels_last", 13, layout="NHWC")
    x = n("Transpose", "x", perm=[0, 3, 1, 2])
    x = n.conv(n("Relu", n.conv(x, 2, 4)), 4, 2)
    n.finish(n("Transpose", x, perm=[0, 2, 3, 1]))

    n = Net("several_outputs", 13)
    x = n("Relu", n.conv("x", 2, 4))
    small = n("GlobalAveragePool", x)
    first, second = n.conv(x, 4, 2), n.conv(x, 4, 3)
    n.finish([small, first, second], output=first)
    n.finish([small, first, second], output=second)
    # Both: the second pair of references is of the second output.
    for key in ("y", "dx"):
        REFERENCES[f"several_outputs_second/0/{key}"] = REFERENCES[f"several_outputs/0/{key}"]
    n.finish([small, first, second], output=first)

    n = Net("ends_in_softmax", 13)
    n.finish(n("Softmax", n.conv("x", 2, 3), axis=1))

    n = Net("ends_in_sigmoid", 13)
    n.finish(n("Sigmoid", n.conv("x", 2, 1)))

    n = Net("ends_in_classes", 13)
    shares = n("Softmax", n.conv("x", 2, 3), axis=1)
    classes = n("ArgMax", shares, axis=1, keepdims=0)
    classes = n("Cast", classes, to=TensorProto.UINT8)
    n.finish(classes, compared=shares, kinds={classes: TensorProto.UINT8})


def make():
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir()
    for group in (convolutions, pointwise, older_forms, resizes, pools, arithmetic, reductions, movement, attention, norms, storage, ends):
        group()
    safetensors.torch.save_file(dict(sorted(REFERENCES.items())), HERE / "operators.safetensors")
