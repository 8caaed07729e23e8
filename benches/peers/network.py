"""The network's work of one attack iteration on the CPU, asma's executor against others, in turn.

    cargo bench --bench network --no-run
    python benches/peers/network.py target/release/deps/network-* [--base 8] [--threads 1] [--save FILE]

Each round runs asma's bench (a process of its own), then every other form in this process: PyTorch eager, with
channels_last, and compiled, in either layout; and for the forward pass ONNX Runtime and OpenVINO, where they are installed.
PyTorch computes the gradient of the input alone, as asma does. What is reported is the shortest of all rounds, of the wall
clock and of the processor's time of all threads: beside other work, measure on one thread and go by the latter. With several
binaries of asma's bench, all are measured. With one thread, all run on one processor.
"""

import argparse
import json
import math
import os
import platform
import subprocess
import tempfile
import time

parser = argparse.ArgumentParser()
parser.add_argument("binaries", nargs="+")
parser.add_argument("--size", type=int, default=572)
parser.add_argument("--base", type=int, default=32)
parser.add_argument("--depth", type=int, default=5)
parser.add_argument("--threads", type=int, default=os.cpu_count())
parser.add_argument("--rounds", type=int, default=3)
parser.add_argument("--repeats", type=int, default=3, help="of each form in a round")
parser.add_argument("--save")
# Before the libraries start their threads.
OPTIONS = parser.parse_args() if __name__ == "__main__" else None
if OPTIONS:
    os.environ |= {"OMP_NUM_THREADS": str(OPTIONS.threads), "RAYON_NUM_THREADS": str(OPTIONS.threads)}
    if OPTIONS.threads == 1:
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})

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


def clocks():
    return [time.perf_counter(), time.process_time()]


def since(start):
    return [1e3 * (now - then) for then, now in zip(start, clocks())]


def pytorch(network, image):
    """A function that returns the times of the forward pass, and of it with the input gradient."""

    def run():
        x = image.clone(memory_format=torch.preserve_format).requires_grad_(True)
        start = clocks()
        logits = network(x)
        forward = since(start)
        torch.autograd.grad(logits, x, torch.ones_like(logits))
        return {"forward": forward, "both": since(start)}

    return run


def forward_alone(infer):
    def run():
        start = clocks()
        infer()
        return {"forward": since(start)}

    return run


def other_forms(options):
    def network(layout=torch.contiguous_format):
        torch.manual_seed(1)
        made = SimpleUnet(options.base, options.depth).eval().to(memory_format=layout)
        return made.requires_grad_(False)

    image = torch.rand(1, 3, options.size, options.size)
    last = image.contiguous(memory_format=torch.channels_last)
    forms = {
        "PyTorch, eager": pytorch(network(), image),
        "PyTorch, channels_last": pytorch(network(torch.channels_last), last),
        "PyTorch, compiled": pytorch(torch.compile(network()), image),
        "PyTorch, compiled, channels_last": pytorch(torch.compile(network(torch.channels_last)), last),
    }
    file = os.path.join(tempfile.mkdtemp(), "network.onnx")
    try:
        torch.onnx.export(network(), (image,), file, input_names=["x"], output_names=["y"], dynamo=False)
    except (ImportError, torch.onnx.errors.OnnxExporterError) as reason:
        print(f"not exported, so PyTorch alone: {reason}")
        return forms
    try:
        import onnxruntime

        settings = onnxruntime.SessionOptions()
        settings.intra_op_num_threads = options.threads
        session = onnxruntime.InferenceSession(file, settings, providers=["CPUExecutionProvider"])
        forms["ONNX Runtime"] = forward_alone(lambda: session.run(None, {"x": image.numpy()}))
    except ImportError:
        pass
    try:
        import openvino

        wanted = {
            "INFERENCE_NUM_THREADS": options.threads,
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_PRECISION_HINT": "f32",
        }
        request = openvino.Core().compile_model(file, "CPU", wanted).create_infer_request()
        forms["OpenVINO"] = forward_alone(lambda: request.infer({0: image.numpy()}))
    except ImportError:
        pass
    return forms


def asma(options, binary):
    command = [binary, "--device", "cpu", "--repeats", str(options.repeats)]
    for name in ["size", "base", "depth"]:
        command += [f"--{name}", str(getattr(options, name))]
    found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    for sample in found["samples"]:
        forward = [sample["forward_ms"], sample["forward_processor_ms"]]
        adjoint = [sample["input_gradient_ms"], sample["input_gradient_processor_ms"]]
        yield {"forward": forward, "both": [a + b for a, b in zip(forward, adjoint)]}


def main(options):
    torch.set_num_threads(options.threads)
    others, shortest = other_forms(options), {}

    def keep(name, times):
        of_form = shortest.setdefault(name, {})
        for work, found in times.items():
            of_form[work] = [min(pair) for pair in zip(found, of_form.get(work, [math.inf] * 2))]

    for name, run in list(others.items()):
        try:
            run()
            run()
        except Exception as reason:  # Whatever a compiler that is not there raises.
            print(f"{name} does not run here: {reason}")
            del others[name]
    loads = [os.getloadavg()]
    for _ in range(options.rounds):
        for binary in options.binaries:
            for times in asma(options, binary):
                keep(binary, times)
        for name, run in others.items():
            for _ in range(options.repeats):
                keep(name, run())
        loads.append(os.getloadavg())
    print(f"{'':34} forward, wall and processor   with the input gradient   (ms)")
    for name, works in shortest.items():
        row = [f"{wall:9.1f} {processor:9.1f}" for wall, processor in works.values()]
        print(f"{os.path.basename(name):34} {'        '.join(row)}")
    ratios = {}
    for binary in options.binaries:
        for work, mine in shortest[binary].items():
            best = [min(shortest[name][work][i] for name in others if work in shortest[name]) for i in range(2)]
            ratios.setdefault(binary, {})[work] = [a / b for a, b in zip(mine, best)]
            wall, processor = ratios[binary][work]
            print(f"{os.path.basename(binary)}, {work}: {wall:.2f} of the best other's wall time, {processor:.2f} of its processor's")
    if options.save:
        about = {
            "what": "shortest milliseconds of forward pass, and of it and the input gradient (both): wall clock, processor",
            "options": vars(options),
            "torch": torch.__version__,
            "processor": platform.processor() or platform.machine(),
            "loads": loads,
        }
        with open(options.save, "w") as file:
            json.dump(about | {"shortest": shortest, "ratios": ratios}, file, indent=1)


if __name__ == "__main__":
    main(OPTIONS)
