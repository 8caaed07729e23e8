"""What ONNX nodes compute, in double precision and with a gradient: written from the operators' definitions, and held
against onnxruntime wherever it runs the network."""

import math

import numpy
import onnx
import torch
import torch.nn.functional as F
from onnx import numpy_helper



def image(shape):
    """The image that the tests make themselves."""
    indices = torch.arange(math.prod(shape))
    return ((indices * 7919 + 13) % 1009 / 1009).float().reshape(shape)


def seed(shape):
    """The gradient of the output that the tests make themselves."""
    indices = torch.arange(math.prod(shape))
    return ((indices * 104729 + 7) % 2003 / 1001 - 1).float().reshape(shape)


FLOATS = {1, 10, 11, 16}


def attributes(node):
    values = {}
    for attribute in node.attribute:
        value = onnx.helper.get_attribute_value(attribute)
        values[attribute.name] = value.decode() if isinstance(value, bytes) else value
    return values


def of_numpy(array):
    tensor = torch.from_numpy(numpy.array(array))
    return tensor.double() if tensor.dtype.is_floating_point else tensor.long()


def numbers(tensor):
    return None if tensor is None else tensor.tolist()


def same_pads(size, kernel, stride, dilation, lower):
    total = max(0, (math.ceil(size / stride) - 1) * stride + (kernel - 1) * dilation + 1 - size)
    small, large = total // 2, total - total // 2
    return (large, small) if lower else (small, large)


def pads_of(x, a, kernel, stride, dilation):
    """Top, left, bottom, right."""
    automatic = a.get("auto_pad", "NOTSET")
    if automatic in ("SAME_UPPER", "SAME_LOWER"):
        pairs = [
            same_pads(x.shape[2 + i], kernel[i], stride[i], dilation[i], automatic == "SAME_LOWER") for i in range(2)
        ]
        return [pairs[0][0], pairs[1][0], pairs[0][1], pairs[1][1]]
    return a.get("pads", [0, 0, 0, 0])


def padded(x, pads, value=0.0, mode="constant"):
    top, left, bottom, right = pads
    if mode == "constant":
        return F.pad(x, (left, right, top, bottom), value=value)
    return F.pad(x, (left, right, top, bottom), mode={"edge": "replicate", "reflect": "reflect"}[mode])


def convolve(x, w, b, a):
    stride, dilation = a.get("strides", [1, 1]), a.get("dilations", [1, 1])
    x = padded(x, pads_of(x, a, w.shape[2:], stride, dilation))
    return F.conv2d(x, w, b, stride, 0, dilation, a.get("group", 1))


def convolve_transposed(x, w, b, a):
    stride, dilation = a.get("strides", [1, 1]), a.get("dilations", [1, 1])
    more = a.get("output_padding", [0, 0])
    top, left, bottom, right = a.get("pads", [0, 0, 0, 0])
    y = F.conv_transpose2d(x, w, None, stride, 0, 0, a.get("group", 1), dilation)
    y = F.pad(y, (-left, more[1] - right, -top, more[0] - bottom))
    return y if b is None else y + b[:, None, None]


def windows(size, kernel, stride, before, after, ceil):
    rounded = math.ceil if ceil else math.floor
    count = rounded((size + before + after - kernel) / stride) + 1
    if ceil and (count - 1) * stride >= size + before:
        count -= 1
    return [(i * stride - before, i * stride - before + kernel) for i in range(count)]


def pool(x, a, largest):
    kernel, stride = a["kernel_shape"], a.get("strides", [1, 1])
    top, left, bottom, right = pads_of(x, a, kernel, stride, [1, 1])
    ceil, count_all = a.get("ceil_mode", 0), a.get("count_include_pad", 0)
    height, width = x.shape[2:]
    rows = []
    for y0, y1 in windows(height, kernel[0], stride[0], top, bottom, ceil):
        row = []
        for x0, x1 in windows(width, kernel[1], stride[1], left, right, ceil):
            part = x[:, :, max(y0, 0) : y1, max(x0, 0) : x1]
            if largest:
                row.append(part.amax((2, 3)))
            else:
                # What lies beyond the padding is never counted.
                inside = (min(y1, height + bottom) - y0) * (min(x1, width + right) - x0)
                count = inside if count_all else part.shape[2] * part.shape[3]
                row.append(part.sum((2, 3)) / count)
        rows.append(torch.stack(row, -1))
    return torch.stack(rows, -2)


def resize_matrix(size, target, scale, a, linear):
    """What an axis is multiplied with."""
    how = a["coordinate_transformation_mode"]
    matrix = torch.zeros(target, size, dtype=torch.float64)
    for i in range(target):
        if how == "half_pixel":
            place = (i + 0.5) / scale - 0.5
        elif how == "pytorch_half_pixel":
            place = (i + 0.5) / scale - 0.5 if target > 1 else 0.0
        elif how == "align_corners":
            place = i * (size - 1) / (target - 1) if target > 1 else 0.0
        else:
            assert how == "asymmetric", how
            place = i / scale
        if linear:
            place = min(max(place, 0.0), size - 1)
            low = math.floor(place)
            share = place - low
            matrix[i, low] += 1 - share
            matrix[i, min(low + 1, size - 1)] += share
        else:
            rounding = a["nearest_mode"]
            place = {
                "floor": lambda p: math.floor(p),
                "ceil": lambda p: math.ceil(p),
                "round_prefer_floor": lambda p: math.ceil(p - 0.5),
                "round_prefer_ceil": lambda p: math.floor(p + 0.5),
            }[rounding](place)
            matrix[i, min(max(place, 0), size - 1)] = 1
    return matrix


def resize(x, scales, sizes, a, old):
    a = dict(a)
    if old:
        a.update(coordinate_transformation_mode="asymmetric", nearest_mode="floor")
    a.setdefault("coordinate_transformation_mode", "half_pixel")
    a.setdefault("nearest_mode", "round_prefer_floor")
    axes = a.get("axes", [0, 1, 2, 3])
    for index, axis in enumerate(axes):
        axis %= 4
        size = x.shape[axis]
        target = sizes[index] if sizes else math.floor(size * scales[index])
        scale = target / size if sizes else scales[index]
        if axis < 2:
            assert target == size
            continue
        matrix = resize_matrix(size, target, scale, a, a.get("mode", "nearest") == "linear")
        x = torch.einsum("ij,ncjw->nciw" if axis == 2 else "ij,nchj->nchi", matrix, x)
    return x


def sliced(x, starts, ends, axes, steps):
    axes = range(len(starts)) if axes is None else axes
    steps = [1] * len(starts) if steps is None else steps
    for start, end, axis, step in zip(starts, ends, axes, steps):
        indices = list(range(x.shape[axis]))[slice(start, end if abs(end) < 1 << 40 else None, step)]
        x = x.index_select(axis, torch.tensor(indices, dtype=torch.long))
    return x


def norm(x, scale, shift, groups, epsilon):
    return F.group_norm(x, groups, None, None, epsilon) * scale + shift


def per_channel(values, rank):
    return values.reshape([1, -1] + [1] * (rank - 2))


def pad_axes(x, pads, mode, value, axes):
    axes = list(range(x.dim())) if axes is None else [axis % x.dim() for axis in axes]
    widths = [[0, 0] for _ in range(x.dim())]
    for index, axis in enumerate(axes):
        widths[axis] = [pads[index], pads[index + len(axes)]]
    for axis, pair in enumerate(widths):
        before, after = (max(0, -w) for w in pair)
        x = x.narrow(axis, before, x.shape[axis] - before - after)
    widths = [[max(0, w) for w in pair] for pair in widths]
    assert widths[:-2] == [[0, 0]] * (x.dim() - 2)
    (top, bottom), (left, right) = widths[-2:]
    return padded(x, [top, left, bottom, right], value, mode)


def evaluate(node, x, a, opset):
    """The outputs of a node for its inputs, `None` where one is left out."""
    kind, first = node.op_type, x[0] if x else None
    get = lambda index: x[index] if index < len(x) else None
    ints = lambda index, name: numbers(get(index)) if get(index) is not None else a.get(name)
    unary = {
        "Relu": torch.relu, "Sigmoid": torch.sigmoid, "Tanh": torch.tanh, "Erf": torch.erf, "Softplus": F.softplus,
        "Mish": F.mish, "Softsign": F.softsign, "Exp": torch.exp, "Log": torch.log, "Sqrt": torch.sqrt, "Abs": torch.abs,
        "Neg": torch.neg, "Reciprocal": torch.reciprocal, "Identity": lambda v: v, "Dropout": lambda v: v,
        "HardSwish": lambda v: v * torch.clamp(v / 6 + 0.5, 0, 1), "Floor": torch.floor, "Not": lambda v: 1 - v,
    }  # fmt: skip
    if kind in unary:
        return unary[kind](first)
    if kind == "LeakyRelu":
        return F.leaky_relu(first, a.get("alpha", 0.01))
    if kind == "Elu":
        return F.elu(first, a.get("alpha", 1.0))
    if kind == "HardSigmoid":
        return torch.clamp(a.get("alpha", 0.2) * first + a.get("beta", 0.5), 0, 1)
    if kind == "Gelu":
        return F.gelu(first, approximate=a.get("approximate", "none"))
    if kind == "PRelu":
        return torch.where(first > 0, first, first * x[1])
    if kind == "Clip":
        low, high = (get(i).item() if get(i) is not None else a.get(name) for i, name in ((1, "min"), (2, "max")))
        return first if low is None and high is None else torch.clamp(first, low, high)
    if kind == "Pow":
        return first ** x[1]
    arithmetic = {"Add": torch.add, "Sub": torch.sub, "Mul": torch.mul, "Max": torch.maximum, "Min": torch.minimum}
    if kind in arithmetic or kind == "Sum":
        total = first
        for other in x[1:]:
            total = arithmetic.get(kind, torch.add)(total, other)
        return total
    if kind == "Div":
        whole = not first.dtype.is_floating_point and not x[1].dtype.is_floating_point
        return torch.div(first, x[1], rounding_mode="trunc") if whole else first / x[1]
    if kind == "Equal":
        return (first == x[1]).long()
    if kind == "Where":
        return torch.where(first != 0, x[1], x[2])
    if kind == "Cast":
        return first.double() if a["to"] in FLOATS else first.long()
    if kind == "Conv":
        return convolve(first, x[1], get(2), a)
    if kind == "ConvTranspose":
        return convolve_transposed(first, x[1], get(2), a)
    if kind in ("MaxPool", "AveragePool"):
        return pool(first, a, kind == "MaxPool")
    if kind == "GlobalAveragePool":
        return first.mean((2, 3), keepdim=True)
    if kind == "GlobalMaxPool":
        return first.amax((2, 3), keepdim=True)
    if kind in ("Resize", "Upsample"):
        old = kind == "Upsample" or opset < 11
        scales = get(1) if old else get(2)
        sizes = None if old else get(3)
        scales = numbers(scales) if scales is not None and scales.numel() else a.get("scales")
        return resize(first, scales, numbers(sizes) if sizes is not None else None, a, old)
    if kind == "BatchNormalization":
        return F.batch_norm(first, x[3], x[4], x[1], x[2], False, 0.0, a.get("epsilon", 1e-5))
    if kind == "InstanceNormalization":
        scale, shift = (per_channel(value, first.dim()) for value in x[1:3])
        return norm(first, scale, shift, first.shape[1], a.get("epsilon", 1e-5))
    if kind == "GroupNormalization":
        groups = a["num_groups"]
        repeat = first.shape[1] // x[1].numel()
        scale, shift = (per_channel(value.repeat_interleave(repeat), first.dim()) for value in x[1:3])
        return norm(first, scale, shift, groups, a.get("epsilon", 1e-5))
    if kind == "LayerNormalization":
        return F.layer_norm(first, first.shape[-1:], x[1], get(2), a.get("epsilon", 1e-5))
    if kind in ("ReduceMean", "ReduceMax", "ReduceSum"):
        axes, keep = ints(1, "axes"), bool(a.get("keepdims", 1))
        if not axes and a.get("noop_with_empty_axes", 0):
            return first
        axes = axes or list(range(first.dim()))
        function = {"ReduceMean": torch.mean, "ReduceMax": torch.amax, "ReduceSum": torch.sum}[kind]
        return function(first, axes, keepdim=keep)
    if kind == "Softmax":
        return torch.softmax(first, a.get("axis", -1 if opset >= 13 else 1))
    if kind == "MatMul":
        return torch.matmul(first, x[1])
    if kind == "Gemm":
        left = first.T if a.get("transA", 0) else first
        right = x[1].T if a.get("transB", 0) else x[1]
        return a.get("alpha", 1.0) * (left @ right) + (0 if get(2) is None else a.get("beta", 1.0) * x[2])
    if kind == "Shape":
        return torch.tensor(list(first.shape)[a.get("start", 0) : a.get("end", None)])
    if kind == "Reshape":
        wanted = ints(1, "shape")
        zero = a.get("allowzero", 0)
        return first.reshape([first.shape[i] if w == 0 and not zero else w for i, w in enumerate(wanted)])
    if kind == "Flatten":
        axis = a.get("axis", 1)
        return first.reshape(math.prod(first.shape[:axis]), -1)
    if kind == "Squeeze":
        axes = ints(1, "axes")
        return first.squeeze() if axes is None else first.squeeze(tuple(axes))
    if kind == "Unsqueeze":
        axes = ints(1, "axes")
        rank = first.dim() + len(axes)
        axes = sorted(axis % rank for axis in axes)
        for axis in axes:
            first = first.unsqueeze(axis)
        return first
    if kind == "Transpose":
        return first.permute(a.get("perm", list(reversed(range(first.dim())))))
    if kind == "Concat":
        return torch.cat(x, a["axis"])
    if kind == "Slice":
        return sliced(first, ints(1, "starts"), ints(2, "ends"), ints(3, "axes"), ints(4, "steps"))
    if kind == "Split":
        axis, lengths = a.get("axis", 0), ints(1, "split")
        if lengths is None:
            each = math.ceil(first.shape[axis] / len(node.output))
            return list(first.split(each, axis))
        return list(first.split(lengths, axis))
    if kind == "Gather":
        axis, indices = a.get("axis", 0), x[1] % first.shape[a.get("axis", 0)]
        picked = first.index_select(axis, indices.reshape(-1))
        return picked.squeeze(axis) if indices.dim() == 0 else picked
    if kind == "Expand":
        wanted = torch.broadcast_shapes(first.shape, torch.Size(numbers(x[1])))
        return first.expand(wanted)
    if kind == "Pad":
        value = get(2).item() if get(2) is not None and get(2).numel() else a.get("value", 0.0)
        return pad_axes(first, ints(1, "pads"), a.get("mode", "constant"), value, numbers(get(3)))
    if kind == "DepthToSpace":
        b, (n, c, h, w) = a["blocksize"], first.shape
        if a.get("mode", "DCR") == "DCR":
            return first.reshape(n, b, b, c // b // b, h, w).permute(0, 3, 4, 1, 5, 2).reshape(n, -1, h * b, w * b)
        return first.reshape(n, c // b // b, b, b, h, w).permute(0, 1, 4, 2, 5, 3).reshape(n, -1, h * b, w * b)
    if kind == "SpaceToDepth":
        b, (n, c, h, w) = a["blocksize"], first.shape
        return first.reshape(n, c, h // b, b, w // b, b).permute(0, 3, 5, 1, 2, 4).reshape(n, -1, h // b, w // b)
    if kind == "Constant":
        for name in ("value_float", "value_int", "value_floats", "value_ints"):
            if name in a:
                return of_numpy(numpy.array(a[name]))
        return of_numpy(numpy_helper.to_array(a["value"]))
    if kind == "ConstantOfShape":
        value = of_numpy(numpy_helper.to_array(a["value"])).reshape(()) if "value" in a else torch.tensor(0.0).double()
        return value.expand(numbers(first))
    if kind == "DequantizeLinear":
        scale, zero = x[1], get(2)
        if scale.numel() > 1:
            shape = [1] * first.dim()
            shape[a.get("axis", 1)] = -1
            scale, zero = scale.reshape(shape), None if zero is None else zero.reshape(shape)
        return (first - (0 if zero is None else zero)).double() * scale
    raise NotImplementedError(kind)


def run(model, image, output=None):
    """What a network gives for an image, in double precision."""
    opset = next(s.version for s in model.opset_import if s.domain in ("", "ai.onnx"))
    graph = model.graph
    values = {tensor.name: of_numpy(numpy_helper.to_array(tensor)) for tensor in graph.initializer}
    values[graph.input[0].name] = image
    waiting = list(graph.node)
    while waiting:
        ready = [n for n in waiting if all(i == "" or i in values for i in n.input)]
        assert ready, [n.name for n in waiting]
        for node in ready:
            inputs = [values[name] if name else None for name in node.input]
            if node.op_type == "ArgMax":
                found = inputs[0].argmax(attributes(node).get("axis", 0), keepdim=bool(attributes(node).get("keepdims", 1)))
            else:
                found = evaluate(node, inputs, attributes(node), opset)
            found = found if isinstance(found, list) else [found]
            values.update(zip(node.output, found))
            waiting.remove(node)
    return values[output or graph.output[0].name]
