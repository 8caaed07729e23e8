"""The networks as functions of torch tensors, written from what they are, not from asma's code.

Every network also measures its margin: how far its values stay from the points where the gradient jumps
(an activation's zero, two equal values in a pooling window). With a margin well above float32 rounding, any
correct implementation takes the same side everywhere, and results can be compared closely.
"""

import math

import torch
import torch.nn.functional as F


class Margin:
    """The smallest distance to a point where a gradient jumps, over all values seen."""

    def __init__(self):
        self.smallest = math.inf

    def see(self, distances):
        self.smallest = min(self.smallest, distances.detach().min().item())


def slope(x, below, margin):
    """Activation: x above 0, below·x below; `below` is a number or one per channel."""
    margin.see(x.abs())
    below = torch.as_tensor(below, dtype=x.dtype).reshape(1, -1, 1, 1)
    return torch.where(x > 0, x, below * x)


def max_pool(x, kernel, stride, padding, margin):
    n, c, h, w = x.shape
    flat = F.pad(x.detach().reshape(n * c, 1, h, w), [padding] * 4, value=-math.inf)
    windows = F.unfold(flat, kernel, stride=stride)
    first, second = windows.topk(2, dim=1).values.unbind(1)
    # Windows of nothing but zeros behind a ReLU have no gradient to give away.
    margin.see(torch.where((first == second) & (first == 0), math.inf, first - second))
    return F.max_pool2d(x, kernel, stride, padding)


def centre(x, like):
    top = (x.shape[2] - like.shape[2]) // 2
    left = (x.shape[3] - like.shape[3]) // 2
    return x[:, :, top : top + like.shape[2], left : left + like.shape[3]]


class SimpleUnet:
    """The ASMA authors' network: blocks of two 3×3 convolutions with ReLU, 2×2 max pooling, transposed
    convolutions upwards, `cat([up, centre of skip])`, a 1×1 head."""

    def __init__(self, generator, channels, base, depth, classes, padding):
        self.depth, self.padding, self.channels = depth, padding, channels
        self.weights = {}

        def layer(name, shape, out, fan_in):
            weight = torch.randn(shape, generator=generator) * math.sqrt(2 / fan_in)
            self.weights[f"{name}.weight"] = weight
            self.weights[f"{name}.bias"] = 0.1 * torch.randn(out, generator=generator)

        def block(name, inputs, out):
            layer(f"{name}.0", (out, inputs, 3, 3), out, 9 * inputs)
            layer(f"{name}.2", (out, out, 3, 3), out, 9 * out)

        widths = [base << level for level in range(depth)]
        for level, width in enumerate(widths):
            block(f"conv{level + 1}_block", widths[level - 1] if level else channels, width)
        for step, width in enumerate(reversed(widths[:-1]), 1):
            layer(f"up_{step}", (2 * width, width, 2, 2), width, 2 * width)
            block(f"conv_up_{step}", 2 * width, width)
        layer("conv_final", (classes, base, 1, 1), classes, base)

    @classmethod
    def of(cls, weights, padding):
        """The network of these weights."""
        network = cls.__new__(cls)
        network.weights, network.padding = weights, padding
        network.depth = sum(name.startswith("conv") and name.endswith("_block.0.weight") for name in weights)
        network.channels = weights["conv1_block.0.weight"].shape[1]
        return network

    def metadata(self):
        return {"family": "simple_unet", "padding": self.padding}

    def __call__(self, x, margin):
        weights = self.weights

        def block(name, x):
            for index in (0, 2):
                weight, bias = weights[f"{name}.{index}.weight"], weights[f"{name}.{index}.bias"]
                x = slope(F.conv2d(x, weight, bias, padding=self.padding), 0.0, margin)
            return x

        skips = []
        for level in range(1, self.depth + 1):
            if level > 1:
                x = max_pool(x, 2, 2, 0, margin)
            x = block(f"conv{level}_block", x)
            skips.append(x)
        skips.pop()
        for step in range(1, self.depth):
            x = F.conv_transpose2d(x, weights[f"up_{step}.weight"], weights[f"up_{step}.bias"], stride=2)
            x = torch.cat([x, centre(skips.pop(), x)], dim=1)
            x = block(f"conv_up_{step}", x)
        return F.conv2d(x, weights["conv_final.weight"], weights["conv_final.bias"])


class Mixed:
    """Every operator that SimpleUnet has not, in one network. `mixed.rs` builds the same one."""

    def __init__(self, generator):
        self.weights = weights = {}

        def normal(name, shape, scale=1.0, shift=0.0):
            weights[name] = shift + scale * torch.randn(shape, generator=generator)

        def convolution(name, shape, fan_in, bias):
            normal(f"{name}.weight", shape, math.sqrt(2 / fan_in))
            if bias:
                normal(f"{name}.bias", (bias,), 0.1)

        def batch_norm(name, channels):
            normal(f"{name}.weight", (channels,), 0.2, 1.0)
            normal(f"{name}.bias", (channels,), 0.2)
            normal(f"{name}.running_mean", (channels,), 0.2)
            weights[f"{name}.running_var"] = 0.5 + torch.rand(channels, generator=generator)

        weights["mean"] = torch.tensor([0.485, 0.456, 0.406])
        weights["std"] = torch.tensor([0.229, 0.224, 0.225])
        convolution("stem", (6, 3, 7, 7), 7 * 7 * 3, None)
        batch_norm("stem_norm", 6)
        convolution("residual_1", (6, 6, 3, 3), 9 * 6, 6)
        weights["residual_slopes"] = torch.tensor([0.25, -0.3, 0.0, 0.1, 1.2, -0.05])
        convolution("residual_2", (6, 6, 3, 3), 9 * 6, None)
        batch_norm("residual_norm", 6)
        convolution("up", (6, 5, 3, 3), 9 * 6 / 4, 5)
        batch_norm("up_norm", 5)
        weights["up_slope"] = torch.tensor([0.2])
        convolution("even", (5, 11, 4, 4), 16 * 11, 5)
        convolution("oblong", (4, 11, 3, 2), 6 * 11, 4)
        convolution("gate", (2, 6, 1, 1), 6, 2)
        convolution("strided", (5, 9, 3, 3), 81, 5)
        convolution("head", (3, 40, 1, 1), 40, 3)

    def __call__(self, x, margin):
        weights = self.weights

        def conv(name, x, **options):
            return F.conv2d(x, weights[f"{name}.weight"], weights.get(f"{name}.bias"), **options)

        def batch_norm(name, x):
            mean, var = weights[f"{name}.running_mean"], weights[f"{name}.running_var"]
            return F.batch_norm(x, mean, var, weights[f"{name}.weight"], weights[f"{name}.bias"], eps=1e-5)

        def size(x):
            return x.shape[2:]

        image = (x - weights["mean"].reshape(1, -1, 1, 1)) / weights["std"].reshape(1, -1, 1, 1)
        stem = slope(batch_norm("stem_norm", conv("stem", image, stride=2, padding=3)), 0.1, margin)
        pooled = max_pool(stem, 3, 2, 1, margin)

        residual = slope(conv("residual_1", pooled, padding=1), weights["residual_slopes"], margin)
        residual = conv("residual_2", residual, padding=1) + pooled
        residual = slope(batch_norm("residual_norm", residual), 0.0, margin)

        up = F.conv_transpose2d(
            residual, weights["up.weight"], weights["up.bias"], stride=2, padding=1, output_padding=1
        )
        up = slope(batch_norm("up_norm", up), weights["up_slope"], margin)
        joined = torch.cat([centre(up, stem), stem], dim=1)

        even = slope(conv("even", joined), 0.0, margin)
        rows, columns = (a - b for a, b in zip(size(stem), size(even)))
        padded_centre = F.pad(even, [columns // 2, columns - columns // 2, rows // 2, rows - rows // 2])
        oblong = conv("oblong", joined)
        rows, columns = (a - b for a, b in zip(size(stem), size(oblong)))
        padded_corner = F.pad(oblong, [0, columns, 0, rows], mode="replicate")

        deep = max_pool(residual, 2, 2, 0, margin)
        nearest = F.interpolate(deep, size=size(stem), mode="nearest")
        bilinear = F.interpolate(residual, size=size(stem), mode="bilinear", align_corners=False)
        aligned = F.interpolate(deep, size=size(stem), mode="bilinear", align_corners=True)
        gate = torch.sigmoid(conv("gate", stem))

        strided = F.pad(torch.cat([padded_corner, padded_centre], dim=1), [2, 0, 1, 3])
        strided = conv("strided", strided, stride=(2, 3))
        strided = F.interpolate(strided, scale_factor=2, mode="nearest")
        strided = F.interpolate(strided, size=size(stem), mode="bilinear", align_corners=False)

        parts = [stem, padded_centre, padded_corner, nearest, bilinear, aligned, gate, strided]
        everything = torch.cat(parts, dim=1)
        logits = F.interpolate(conv("head", everything), scale_factor=2, mode="bilinear", align_corners=True)
        return torch.softmax(centre(logits, x), dim=1)


def bend_of(x, places, margin):
    """Distances of `x` from where a function bends."""
    for place in places:
        margin.see((x - place).abs())
    return x


class Tensors:
    """Operators between tensors, norms, attention and functions of single numbers. `tensors.rs` builds the same one."""

    HEADS = 2

    def __init__(self, generator):
        self.weights = weights = {}

        def normal(name, shape, scale=1.0, shift=0.0):
            weights[name] = shift + scale * torch.randn(shape, generator=generator)

        weights["mean"] = torch.tensor([0.485, 0.456, 0.406]).reshape(1, 3, 1, 1)
        weights["std"] = torch.tensor([0.229, 0.224, 0.225]).reshape(1, 3, 1, 1)
        for name, shape in {
            "stem": (8, 3, 3, 3), "squeeze": (4, 8, 1, 1), "excite": (8, 4, 1, 1), "spatial": (1, 2, 3, 3),
            "conv": (8, 8, 3, 3), "head": (2, 48, 1, 1),
        }.items():
            normal(f"{name}.weight", shape, math.sqrt(2 / math.prod(shape[1:])))
            normal(f"{name}.bias", shape[:1], 0.1)
        for norm in ["group", "instance", "layer_1", "layer_2"]:
            normal(f"{norm}.scale", (8,), 0.2, 1.0)
            normal(f"{norm}.shift", (8,), 0.2)
        for name, (rows, columns) in {
            "query": (8, 8), "key": (8, 8), "value": (8, 8), "out": (8, 8), "wide": (8, 16), "narrow": (16, 8),
        }.items():
            normal(f"{name}.matrix", (1, 1, rows, columns), 1 / math.sqrt(rows))
            normal(f"{name}.row", (1, 1, 1, columns), 0.1)

    def __call__(self, x, margin):
        weights = self.weights

        def conv(name, x, **options):
            return F.conv2d(x, weights[f"{name}.weight"], weights[f"{name}.bias"], **options)

        def linear(name, x):
            return x @ weights[f"{name}.matrix"][0, 0] + weights[f"{name}.row"][0, 0, 0]

        image = (x - weights["mean"]) / weights["std"]
        stem = F.group_norm(conv("stem", image, padding=1), 4, weights["group.scale"], weights["group.shift"], 1e-3)
        stem = F.silu(stem)

        gate = slope(conv("squeeze", stem.mean((2, 3), keepdim=True)), 0.0, margin)
        gate = conv("excite", gate)
        gate = F.hardsigmoid(bend_of(gate, [-3, 3], margin))
        excited = stem * gate

        first, second = excited.detach().topk(2, dim=1).values.unbind(1)
        margin.see(first - second)
        spatial = torch.cat([excited.mean(1, keepdim=True), excited.amax(1, keepdim=True)], dim=1)
        excited = torch.sigmoid(conv("spatial", spatial, padding=1)) * excited

        normed = F.instance_norm(
            conv("conv", excited, stride=2, padding=1), weight=weights["instance.scale"], bias=weights["instance.shift"],
            eps=1e-3,
        )
        normed = slope(normed, 0.01, margin)
        n, c, h, w = normed.shape

        tokens = normed.reshape(n, c, h * w).transpose(1, 2)
        attended = F.layer_norm(tokens, (c,), weights["layer_1.scale"], weights["layer_1.shift"], 1e-3)

        def heads(x):
            return x.reshape(n, h * w, self.HEADS, c // self.HEADS).transpose(1, 2)

        query, key, value = (heads(linear(name, attended)) for name in ["query", "key", "value"])
        attention = torch.softmax(query @ key.transpose(2, 3) * (c // self.HEADS) ** -0.5, dim=-1)
        attended = (attention @ value).transpose(1, 2).reshape(n, h * w, c)
        tokens = tokens + linear("out", attended)
        wide = F.layer_norm(tokens, (c,), weights["layer_2.scale"], weights["layer_2.shift"], 1e-3)
        tokens = tokens + linear("narrow", F.gelu(linear("wide", wide)))
        tokens = tokens.transpose(1, 2).reshape(n, c, h, w)

        one = bend_of(tokens, [-1, 0, 1, 3, -3], margin)
        sums = one.sum((0, 2), keepdim=True)
        positive = F.softplus(one)
        functions = [
            one.clamp(-1, 1) + F.hardswish(one),
            F.gelu(one, approximate="tanh") - torch.tanh(one),
            torch.maximum(positive, one.abs()) + torch.minimum(one, F.elu(one, 0.5)),
            torch.exp(-positive) + torch.sqrt(positive + 0.5) + torch.erf(one),
            torch.log(positive + 0.5) * (positive + 0.5) ** -1.5 + F.mish(one) / (sums.sigmoid() + 0.5),
            (positive + 1).reciprocal() ** 2,
        ]
        margin.see((positive - one.abs()).abs())
        margin.see((one - F.elu(one, 0.5)).abs()[one < 0])
        return conv("head", torch.cat(functions, dim=1))
