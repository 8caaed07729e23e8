"""The network's work of one attack iteration, asma's CPU executor against PyTorch on the CPU, in turn.

    cargo bench --bench network --no-run
    python benches/peers/network.py target/release/deps/network-* [--pairs 3]

Each pair runs asma's bench (a process of its own), then PyTorch in this process, both with all cores; the
ratio is taken pair by pair. PyTorch computes the gradient of the input alone, as asma does.
"""

import argparse
import json
import platform
import statistics
import subprocess
import time

import torch
from torch import nn


class SimpleUnet(nn.Module):
    """The authors' network: valid 3x3 convolutions, centre-cropped skips, cat([up, skip])."""

    def __init__(self, base, depth, classes=2):
        super().__init__()
        widths = [base << level for level in range(depth)]

        def block(channels, width):
            return nn.Sequential(nn.Conv2d(channels, width, 3), nn.ReLU(), nn.Conv2d(width, width, 3), nn.ReLU())

        self.down = nn.ModuleList(block(c, w) for c, w in zip([3] + widths, widths))
        self.up = nn.ModuleList(nn.ConvTranspose2d(w, w // 2, 2, 2) for w in widths[:0:-1])
        self.join = nn.ModuleList(block(w, w // 2) for w in widths[:0:-1])
        self.final = nn.Conv2d(base, classes, 1)

    def forward(self, x):
        skips = []
        for level, block in enumerate(self.down):
            x = block(nn.functional.max_pool2d(x, 2) if level else x)
            skips.append(x)
        for up, join, skip in zip(self.up, self.join, skips[-2::-1]):
            x = up(x)
            top, left = (skip.shape[2] - x.shape[2]) // 2, (skip.shape[3] - x.shape[3]) // 2
            x = join(torch.cat([x, skip[:, :, top : top + x.shape[2], left : left + x.shape[3]]], 1))
        return self.final(x)


def pytorch_ms(network, image):
    x = image.clone().requires_grad_(True)
    start = time.perf_counter()
    logits = network(x)
    torch.autograd.grad(logits, x, torch.ones_like(logits))
    return 1e3 * (time.perf_counter() - start)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("binary")
    parser.add_argument("--size", type=int, default=572)
    parser.add_argument("--base", type=int, default=32)
    parser.add_argument("--depth", type=int, default=5)
    parser.add_argument("--pairs", type=int, default=3)
    arguments = parser.parse_args()
    network = SimpleUnet(arguments.base, arguments.depth)
    for parameter in network.parameters():
        parameter.requires_grad_(False)
    image = torch.rand(1, 3, arguments.size, arguments.size)
    pytorch_ms(network, image)
    command = [arguments.binary, "--device", "cpu", "--repeats", "1"]
    for name in ["size", "base", "depth"]:
        command += [f"--{name}", str(getattr(arguments, name))]
    pairs = []
    for _ in range(arguments.pairs):
        found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        sample = found["samples"][0]
        ours = sample["forward_ms"] + sample["input_gradient_ms"]
        theirs = pytorch_ms(network, image)
        pairs.append({"asma_ms": ours, "pytorch_ms": theirs, "ratio": ours / theirs})
        print(f"asma {ours:8.0f} ms   PyTorch {theirs:8.0f} ms   ratio {ours / theirs:.2f}", flush=True)
    print(
        json.dumps(
            {
                "pairs": pairs,
                "median_ratio": statistics.median(pair["ratio"] for pair in pairs),
                "torch": torch.__version__,
                "threads": torch.get_num_threads(),
                "processor": platform.processor() or platform.machine(),
                "size": arguments.size,
                "base": arguments.base,
            }
        )
    )


if __name__ == "__main__":
    main()
