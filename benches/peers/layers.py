"""Layers of networks, each by itself, on the CPU: asma against PyTorch, in turn.

    python benches/peers/layers.py PATH-OF-THE-BENCH-layers [--threads 2] [--only TEXT] [--save FILE]

The layers are those of the networks that people bring (ResNet, EfficientNet, DeepLab, U-Nets at 256×256), in the words of
`benches/layers.rs`. For each: the shortest of several times of the forward pass and of the input gradient with fixed
weights, PyTorch's in the better of its two memory layouts. PyTorch's input gradient is that of its own backward pass.
"""

import argparse
import json
import math
import os
import pathlib
import subprocess
import time

LAYERS = {
    "stem 7×7 s2": "conv,3,64,7,2,3,1,1,256",
    "stem 3×3 s2": "conv,3,32,3,2,1,1,1,256",
    "3×3 at 256": "conv,64,64,3,1,1,1,1,256",
    "3×3 at 128": "conv,64,64,3,1,1,1,1,128",
    "3×3 at 64": "conv,64,64,3,1,1,1,1,64",
    "3×3 at 32": "conv,128,128,3,1,1,1,1,32",
    "3×3 at 16": "conv,256,256,3,1,1,1,1,16",
    "3×3 at 8": "conv,512,512,3,1,1,1,1,8",
    "3×3 s2 at 64": "conv,64,128,3,2,1,1,1,64",
    "3×3 s2 at 16": "conv,256,512,3,2,1,1,1,16",
    "3×3 of a join at 64": "conv,384,128,3,1,1,1,1,64",
    "3×3 to 16 channels": "conv,32,16,3,1,1,1,1,256",
    "1×1 at 64": "conv,64,256,1,1,0,1,1,64",
    "1×1 at 16": "conv,1024,256,1,1,0,1,1,16",
    "1×1 at 8": "conv,512,2048,1,1,0,1,1,8",
    "1×1 s2 at 64": "conv,64,128,1,2,0,1,1,64",
    "1×1 s2 at 32": "conv,512,1024,1,2,0,1,1,32",
    "1×1 head": "conv,64,2,1,1,0,1,1,256",
    "1×1 of a vector": "conv,960,240,1,1,0,1,1,1",
    "depthwise 3×3 at 128": "conv,32,32,3,1,1,1,32,128",
    "depthwise 3×3 at 64": "conv,144,144,3,1,1,1,144,64",
    "depthwise 3×3 s2 at 128": "conv,96,96,3,2,1,1,96,128",
    "depthwise 5×5 at 32": "conv,240,240,5,1,2,1,240,32",
    "depthwise 5×5 s2 at 64": "conv,144,144,5,2,2,1,144,64",
    "depthwise 5×5 at 16": "conv,672,672,5,1,2,1,672,16",
    "depthwise 5×5 at 8": "conv,1152,1152,5,1,2,1,1152,8",
    "groups of 4 at 64": "conv,128,128,3,1,1,1,32,64",
    "groups of 16 at 16": "conv,512,512,3,1,1,1,32,16",
    "groups of 32 at 8": "conv,1024,1024,3,1,1,1,32,8",
    "dilated 12 at 32": "conv,960,256,3,1,12,12,1,32",
    "dilated 2 at 32": "conv,512,512,3,1,2,2,1,32",
    "dilated 36 at 32": "conv,256,256,3,1,36,36,1,32",
    "transposed 2×2 at 32": "convt,256,128,2,2,0,1,1,32",
    "transposed 2×2 at 128": "convt,64,32,2,2,0,1,1,128",
    "transposed 4×4 at 16": "convt,256,256,4,2,1,1,1,16",
    "max pool 2×2": "max,64,64,2,2,0,1,1,256",
    "max pool 3×3 s2": "max,64,64,3,2,1,1,1,128",
    "average pool 2×2": "average,64,64,2,2,0,1,1,128",
    "linear ×2 at 64": "linear,128,128,1,2,0,1,1,64",
    "linear ×4 at 64": "linear,21,21,1,4,0,1,1,64",
    "linear ×16 at 16": "linear,21,21,1,16,0,1,1,16",
    "nearest ×2 at 64": "nearest,128,128,1,2,0,1,1,64",
    "nearest ×2 at 8": "nearest,512,512,1,2,0,1,1,8",
}


def torch_times(torch, layer, seconds):
    from torch.nn import functional as F

    kind, *sizes = layer.split(",")
    ins, outs, kernel, stride, padding, dilation, groups, size = map(int, sizes)
    best = [math.inf, math.inf]
    for layout in (torch.contiguous_format, torch.channels_last):
        x = (torch.rand(1, ins, size, size) - 0.5).contiguous(memory_format=layout).requires_grad_(True)
        shape = {"conv": (outs, ins // groups, kernel, kernel), "convt": (ins, outs // groups, kernel, kernel)}
        weight = torch.rand(shape.get(kind, (1, 1, 1, 1))).contiguous(memory_format=layout)
        forward = {
            "conv": lambda: F.conv2d(x, weight, None, stride, padding, dilation, groups),
            "convt": lambda: F.conv_transpose2d(x, weight, None, stride, padding, 0, groups, dilation),
            "max": lambda: F.max_pool2d(x, kernel, stride, padding),
            "average": lambda: F.avg_pool2d(x, kernel, stride, padding),
            "linear": lambda: F.interpolate(x, scale_factor=stride, mode="bilinear"),
            "nearest": lambda: F.interpolate(x, scale_factor=stride, mode="nearest"),
        }[kind]
        with torch.no_grad():
            upstream = torch.rand_like(forward())
        here, start = [math.inf, math.inf], time.perf_counter()
        while time.perf_counter() - start < seconds or here[1] == math.inf:
            begin = time.perf_counter()
            y = forward()
            middle = time.perf_counter()
            torch.autograd.grad(y, x, upstream)
            end = time.perf_counter()
            here = [min(here[0], middle - begin), min(here[1], end - middle)]
        if sum(here) < sum(best):
            best = here
    return [1e3 * time for time in best]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("bench")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=0.3)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--only", default="")
    parser.add_argument("--save", type=pathlib.Path)
    options = parser.parse_args()
    import torch

    torch.set_num_threads(options.threads)
    environment = os.environ | {"RAYON_NUM_THREADS": str(options.threads)}
    rows, ratios = [], []
    print(f"{'layer':24} {'asma forward':>13} {'PyTorch':>8} {'ratio':>6} {'asma gradient':>14} {'PyTorch':>8} {'ratio':>6}  ms")
    for name, layer in LAYERS.items():
        if options.only not in name:
            continue
        mine, theirs = [math.inf] * 2, [math.inf] * 2
        for _ in range(options.rounds):
            command = [options.bench, layer, "--seconds", str(options.seconds)]
            found = json.loads(subprocess.run(command, env=environment, capture_output=True, check=True).stdout)
            mine = [min(a, b) for a, b in zip(mine, (found["forward"], found["adjoint"]))]
            theirs = [min(a, b) for a, b in zip(theirs, torch_times(torch, layer, options.seconds / 2))]
        of_both = [a / b for a, b in zip(mine, theirs)]
        total = sum(mine) / sum(theirs)
        ratios.append(total)
        rows.append({"name": name, "layer": layer, "asma": mine, "torch": theirs})
        print(f"{name:24} {mine[0]:13.3f} {theirs[0]:8.3f} {of_both[0]:6.2f} {mine[1]:14.3f} {theirs[1]:8.3f} {of_both[1]:6.2f}", flush=True)
    mean = math.exp(sum(map(math.log, ratios)) / len(ratios))
    print(f"geometric mean of both together: {mean:.3f} times PyTorch's")
    if options.save:
        options.save.write_text(json.dumps({"torch": torch.__version__, "threads": options.threads, "layers": rows}, indent=1))


if __name__ == "__main__":
    main()
