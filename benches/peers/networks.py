"""Any network's forward pass and input gradient on the CPU, asma against PyTorch, in turn.

    cargo bench --bench network --no-run
    python benches/peers/networks.py target/release/deps/network-* NETWORKS FILES [--size 256] [--threads 2] [--only TEXT]

NETWORKS is a Python file with a function `make(name, size)` that returns a module and an input, and a dictionary `NETWORKS` by
name; FILES is a folder with what was exported of each, `NAME.*.onnx`, of which the first that takes the size is timed. For
each network: the shortest of several times of both together, PyTorch's in the better of its two memory layouts. PyTorch computes
the gradient of the input alone, as asma does.
"""

import argparse
import importlib.util
import json
import math
import os
import pathlib
import subprocess
import time

import torch


def torch_times(model, image, seconds):
    """The shortest times of forward pass and input gradient in milliseconds."""
    best = [math.inf, math.inf]
    for layout in (torch.contiguous_format, torch.channels_last):
        here, start = [math.inf, math.inf], time.perf_counter()
        module = model.to(memory_format=layout)
        x = image.clone(memory_format=layout).requires_grad_(True)
        while time.perf_counter() - start < seconds or here[1] == math.inf:
            begin = time.perf_counter()
            y = module(x)
            middle = time.perf_counter()
            torch.autograd.grad(y, x, torch.ones_like(y))
            here = [min(here[0], middle - begin), min(here[1], time.perf_counter() - middle)]
        if sum(here) < sum(best):
            best = here
    return [1e3 * time for time in best]


def asma_times(options, name):
    environment = os.environ | {"RAYON_NUM_THREADS": str(options.threads)}
    for file in sorted(options.files.glob(f"{name}.*.onnx"), key=lambda file: "dyn" not in file.name):
        command = [options.bench, "--device", "cpu", "--weights", file, "--size", str(options.size)]
        found = subprocess.run([*command, "--repeats", str(options.repeats)], env=environment, capture_output=True, text=True)
        if found.returncode == 0:
            found = json.loads(found.stdout)
            columns = [[sample[key] for sample in found["samples"]] for key in ("forward_ms", "input_gradient_ms")]
            return [min(column) for column in columns], found["kernels_ms"]
        print(f"{file.name}: {found.stderr.strip()[-200:]}")
    return None, None


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("bench")
    parser.add_argument("networks", type=pathlib.Path)
    parser.add_argument("files", type=pathlib.Path)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=1.5)
    parser.add_argument("--repeats", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--only", default="")
    parser.add_argument("--save", type=pathlib.Path)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    spec = importlib.util.spec_from_file_location("networks", options.networks)
    networks = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(networks)
    rows, ratios = [], []
    print(f"{'network':32} {'asma':>15} {'PyTorch':>15} {'ratio':>6}  ms of both passes; the kernels that take most")
    for name in networks.NETWORKS:
        if options.only not in name:
            continue
        model, image = networks.make(name, options.size)
        model.requires_grad_(False)
        mine, theirs, kernels = [math.inf] * 2, [math.inf] * 2, {}
        for _ in range(options.rounds):
            found, kernels = asma_times(options, name)
            if found is None:
                break
            mine = [min(a, b) for a, b in zip(mine, found)]
            theirs = [min(a, b) for a, b in zip(theirs, torch_times(model, image, options.seconds))]
        if found is None:
            continue
        ratios.append(sum(mine) / sum(theirs))
        rows.append({"name": name, "asma": mine, "torch": theirs, "kernels_ms": kernels})
        most = sorted(kernels.items(), key=lambda item: -item[1])[:6]
        print(
            f"{name:32} {mine[0]:7.1f} {mine[1]:7.1f} {theirs[0]:7.1f} {theirs[1]:7.1f} {ratios[-1]:6.2f}  "
            + ", ".join(f"{kernel} {ms:.1f}" for kernel, ms in most),
            flush=True,
        )
    mean = math.exp(sum(map(math.log, ratios)) / len(ratios))
    print(f"geometric mean of {len(ratios)}: {mean:.3f} times PyTorch's, largest {max(ratios):.2f}")
    if options.save:
        about = {"torch": torch.__version__, "threads": options.threads, "size": options.size, "load": os.getloadavg()}
        options.save.write_text(json.dumps(about | {"networks": rows}, indent=1))


if __name__ == "__main__":
    main()
