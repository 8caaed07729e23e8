"""Operators between tensors, norms and functions, each by itself, on the CPU: asma against PyTorch, in turn.

    python benches/peers/tensors.py PATH-OF-THE-BENCH-tensors [--threads 2] [--only TEXT] [--save FILE]

The cases are in the words of `benches/tensors.rs`. For each: the shortest of several times of the forward pass and of the
input gradient with fixed weights. PyTorch's input gradient is that of its own backward pass.
"""

import argparse
import json
import math
import os
import pathlib
import subprocess
import time

CASES = {
    "ReLU": "relu,1,64,256,256",
    "SiLU": "silu,1,32,256,256",
    "SiLU at 8": "silu,1,512,8,8",
    "GELU": "gelu,1,32,256,256",
    "HardSwish": "hardswish,1,32,256,256",
    "sigmoid": "sigmoid,1,32,256,256",
    "tanh": "tanh,1,32,256,256",
    "add": "add,1,32,256,256",
    "add at 16": "add,1,256,16,16",
    "mean and gate": "gate,1,32,256,256",
    "mean and gate at 8": "gate,1,512,8,8",
    "max over channels, gate": "spatial-gate,1,32,256,256",
    "instance norm": "instance,1,32,256,256",
    "group norm": "group,1,32,256,256",
    "layer norm": "layer,1,1,4096,64",
    "transpose": "transpose,1,1,4096,64",
    "matmul": "matmul,1,1,4096,64",
    "softmax of rows": "softmax-rows,1,8,1024,1024",
    "softmax of channels": "softmax-channels,1,21,256,256",
}


def torch_times(torch, case, seconds):
    from torch.nn import functional as F

    kind, *sizes = case.split(",")
    n, c, h, w = map(int, sizes)
    x = (torch.rand(n, c, h, w) - 0.5).mul_(4).requires_grad_(True)
    channels, columns, other = torch.rand(c), torch.rand(w), torch.rand(n, c, h, w)
    factor = torch.rand(w, 4 * w)
    forward = {
        "relu": lambda: F.relu(x),
        "silu": lambda: F.silu(x),
        "gelu": lambda: F.gelu(x),
        "hardswish": lambda: F.hardswish(x),
        "sigmoid": lambda: torch.sigmoid(x),
        "tanh": lambda: torch.tanh(x),
        "add": lambda: x + other,
        "gate": lambda: x * x.mean((2, 3), keepdim=True),
        "spatial-gate": lambda: x * x.max(1, keepdim=True)[0],
        "instance": lambda: F.instance_norm(x, None, None, channels, channels),
        "group": lambda: F.group_norm(x, 8, channels, channels),
        "layer": lambda: F.layer_norm(x, (w,), columns, columns),
        "transpose": lambda: x.transpose(2, 3).contiguous(),
        "matmul": lambda: x @ factor,
        "softmax-rows": lambda: torch.softmax(x, 3),
        "softmax-channels": lambda: torch.softmax(x, 1),
    }[kind]
    with torch.no_grad():
        upstream = torch.rand_like(forward())
    best, start = [math.inf, math.inf], time.perf_counter()
    while time.perf_counter() - start < seconds or best[1] == math.inf:
        begin = time.perf_counter()
        y = forward()
        middle = time.perf_counter()
        torch.autograd.grad(y, x, upstream)
        end = time.perf_counter()
        best = [min(best[0], middle - begin), min(best[1], end - middle)]
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
    print(f"load {os.getloadavg()[0]:.1f}")
    print(f"{'case':24} {'asma forward':>13} {'PyTorch':>8} {'ratio':>6} {'asma gradient':>14} {'PyTorch':>8} {'ratio':>6}  ms")
    for name, case in CASES.items():
        if options.only not in name:
            continue
        mine, theirs = [math.inf] * 2, [math.inf] * 2
        for _ in range(options.rounds):
            command = [options.bench, case, "--seconds", str(options.seconds)]
            found = json.loads(subprocess.run(command, env=environment, capture_output=True, check=True).stdout)
            mine = [min(a, b) for a, b in zip(mine, (found["forward"], found["adjoint"]))]
            theirs = [min(a, b) for a, b in zip(theirs, torch_times(torch, case, options.seconds))]
        of_both = [a / b for a, b in zip(mine, theirs)]
        ratios.append(sum(mine) / sum(theirs))
        rows.append({"name": name, "case": case, "asma": mine, "torch": theirs})
        print(f"{name:24} {mine[0]:13.3f} {theirs[0]:8.3f} {of_both[0]:6.2f} {mine[1]:14.3f} {theirs[1]:8.3f} {of_both[1]:6.2f}", flush=True)
    mean = math.exp(sum(map(math.log, ratios)) / len(ratios))
    print(f"geometric mean of both together: {mean:.3f} times PyTorch's; load {os.getloadavg()[0]:.1f}")
    if options.save:
        found = {"torch": torch.__version__, "threads": options.threads, "load": os.getloadavg()[0], "cases": rows}
        options.save.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
