"""Operators that slide windows or move pixels, each by itself: output for an input, and the input's gradient for a random
gradient of the output."""

import torch
import torch.nn.functional as F


def weights(generator, *shape):
    return torch.randn(shape, generator=generator) / (shape[1] * shape[2] * shape[3]) ** 0.5


def convolution(generator, out, channels, kernel, **settings):
    """Of `channels` in channels, with bias."""
    weight = weights(generator, out, channels // settings.get("groups", 1), *kernel)
    bias = torch.randn(out, generator=generator)
    return {"weight": weight, "bias": bias}, lambda x: F.conv2d(x, weight, bias, **settings)


def transposed(generator, out, channels, kernel, **settings):
    weight = weights(generator, channels, out // settings.get("groups", 1), *kernel)
    bias = torch.randn(out, generator=generator)
    return {"weight": weight, "bias": bias}, lambda x: F.conv_transpose2d(x, weight, bias, **settings)


def resized(**settings):
    return {}, lambda x: F.interpolate(x, **settings)


def cases(generator):
    """Name, input shape, weights, function."""
    small = (1, 4, 7, 9)
    uneven = convolution(generator, 5, 4, (3, 4), stride=(2, 1))
    yield "depthwise", small, *convolution(generator, 8, 4, (3, 3), padding=1, groups=4)
    yield "depthwise_strided", small, *convolution(generator, 4, 4, (5, 5), stride=2, padding=2, groups=4)
    yield "groups", small, *convolution(generator, 6, 4, (3, 3), padding=1, groups=2)
    yield "dilated", small, *convolution(generator, 3, 4, (3, 3), padding=(2, 6), dilation=(2, 3))
    yield "uneven", small, uneven[0], lambda x: uneven[1](F.pad(x, (2, 1, 0, 3)))
    yield "transposed_groups", small, *transposed(
        generator, 6, 4, (4, 3), stride=(2, 3), padding=1, output_padding=(1, 0), groups=2, dilation=(1, 2))
    yield "transposed_depthwise", small, *transposed(generator, 4, 4, (4, 4), stride=2, padding=1, groups=4)
    yield "max_pool_ceil", small, {}, lambda x: F.max_pool2d(x, 3, 2, ceil_mode=True)
    yield "max_pool_ceil_padded", small, {}, lambda x: F.max_pool2d(x, (2, 3), 2, padding=(1, 1), ceil_mode=True)
    yield "average_pool", small, {}, lambda x: F.avg_pool2d(x, 3, 2, padding=1, count_include_pad=False)
    yield "average_pool_ceil", small, {}, lambda x: F.avg_pool2d(x, 3, 2, padding=1, ceil_mode=True)
    yield "average_pool_large", small, {}, lambda x: F.avg_pool2d(x, (4, 6), (3, 2), ceil_mode=True)
    yield "nearest", small, *resized(size=(17, 4), mode="nearest")
    yield "nearest_exact", small, *resized(size=(12, 5), mode="nearest-exact")
    yield "bilinear", small, *resized(size=(4, 20), mode="bilinear")
    yield "bilinear_scale", small, *resized(scale_factor=(1.7, 0.6), mode="bilinear")
    yield "aligned", (2, 1, 3, 2), *resized(scale_factor=(16, 1), mode="bilinear", align_corners=True)
    yield "of_one_pixel", (1, 3, 1, 1), *resized(size=(5, 4), mode="bilinear")
    yield "reflect", small, {}, lambda x: F.pad(x, (8, 3, 2, 6), mode="reflect")
    yield "constant", small, {}, lambda x: F.pad(x, (1, 0, 2, 3), value=0.75)
    yield "pixel_shuffle", (2, 12, 3, 4), {}, lambda x: F.pixel_shuffle(x, 2)


def make_windows(save):
    generator = torch.Generator().manual_seed(0)
    tensors = {}
    for name, shape, parameters, function in cases(generator):
        image = torch.randn(shape, generator=generator).requires_grad_(True)
        output = function(image)
        upstream = torch.randn(output.shape, generator=generator)
        (gradient,) = torch.autograd.grad(output, image, upstream)
        parts = {"input": image, "output": output, "upstream": upstream, "gradient": gradient, **parameters}
        tensors |= {f"{name}.{part}": tensor for part, tensor in parts.items()}
        print(f"{name}: output {tuple(output.shape)}")
    save("windows", tensors)
