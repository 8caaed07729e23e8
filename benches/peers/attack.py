"""ASMA on the authors' network: asma against PyTorch in four forms, on the CPU or a CUDA device, in turn.

    python benches/peers/attack.py target/release/asma --device gpu --torch cuda [--save FILE] \\
        [--asma-form "split=--variant 'split matrix'"] [--asma-form "half=--precision f16"]

asma runs as it would unasked (or as `asma bench --tune` has measured it), and once more in each further form that is
named, with the options after the equals sign. PyTorch's forms:
  authors    their published loop: two forward passes, gradients of all weights too, images and masks copied to the
             host and back in each iteration
  strict     the same mathematics in one-forward order, the gradient of the image alone, nothing copied, float32
             throughout (no TF32); on CUDA channels_last and cudnn.benchmark, on the CPU contiguous unless
             --channels-last says otherwise
  tf32       strict with TF32 allowed
  fp16       tf32 under autocast to float16, which casts the weights anew in each iteration
On the CPU the last two do not exist. None is compiled (torch.compile) or captured (CUDA graphs).
The authors' form is compared with asma's two-forward schedule, the others with one-forward. No pixel of the image is
clipped, so that asma's two-forward leaves every second forward pass but the first out: its best case. All start from
the same weights, image and target. Traces are compared before any time is taken: `strict` and `authors` must agree with
asma as it runs unasked; how far the other forms of both are from that is reported.
"""

import argparse
import csv
import datetime
import json
import pathlib
import shlex
import statistics
import struct
import subprocess
import tempfile
import time

import numpy
import torch
from network import SimpleUnet
from torch.nn import functional

# Steps large enough that the traces move within a few iterations.
TAU, BETA, LAMBDA = 1e-3, 1e-2, 1.0


def named_tensors(network, depth):
    """The network's parameters by the authors' names."""
    parts = {f"conv{level + 1}_block": block for level, block in enumerate(network.down)}
    parts |= {f"conv_up_{level + 1}": block for level, block in enumerate(network.join)}
    tensors = {}
    for name, block in parts.items():
        for index in (0, 2):
            tensors |= {f"{name}.{index}.{kind}": value for kind, value in block[index].named_parameters()}
    for level, up in enumerate(network.up):
        tensors |= {f"up_{level + 1}.{kind}": value for kind, value in up.named_parameters()}
    return tensors | {f"conv_final.{kind}": value for kind, value in network.final.named_parameters()}


def write_safetensors(path, tensors):
    header, body = {"__metadata__": {"family": "simple_unet", "padding": "valid"}}, b""
    for name, tensor in tensors.items():
        data = tensor.detach().cpu().numpy().astype("<f4").tobytes()
        header[name] = {"dtype": "F32", "shape": list(tensor.shape), "data_offsets": [len(body), len(body) + len(data)]}
        body += data
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + body)


def write_png(path, pixels):
    """Rows × columns of grey, or rows × columns × 3."""
    import zlib

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    height, width = pixels.shape[:2]
    rows = b"".join(b"\0" + row.astype(numpy.uint8).tobytes() for row in pixels)
    header = struct.pack(">IIBBBBB", width, height, 8, 2 if pixels.ndim == 3 else 0, 0, 0, 0)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    )


def iou_of(predicted, target):
    both = (predicted & target).sum()
    return both / torch.clamp((predicted | target).sum(), min=1)


class OneForward:
    """One iteration with nothing copied to the host; rows stay on the device until they are asked for."""

    def __init__(self, network, source, target, form, channels_last):
        self.half = form == "fp16"
        layout = torch.channels_last if channels_last else torch.contiguous_format
        self.network = network.to(memory_format=layout)
        for parameter in self.network.parameters():
            parameter.requires_grad_(False)
        self.source = source.contiguous(memory_format=layout)
        self.image = self.source.clone()
        self.wanted = target.bool()
        self.planes = torch.stack([~self.wanted, self.wanted])[None].float()
        self.rows = []
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = form != "strict"
        torch.backends.cudnn.benchmark = True

    def iterate(self):
        image = self.image.detach().requires_grad_(True)
        with torch.autocast("cuda", torch.float16, enabled=self.half):
            logits = self.network(image)
        logits = logits.float()
        predicted = logits.detach().argmax(1)[0].bool()
        wrong = torch.stack([predicted, ~predicted])[None]
        (gradient,) = torch.autograd.grad((logits * (self.planes * wrong)).sum(), image)
        with torch.no_grad():
            iou = iou_of(predicted, self.wanted)
            difference = self.source - self.image
            alpha = TAU if not self.rows else BETA * iou + TAU
            self.rows.append(
                torch.stack(
                    [iou, (predicted == self.wanted).float().mean(), difference.norm(), difference.abs().max()]
                )
            )
            self.image = torch.clamp(self.image + alpha * (gradient + 2 * LAMBDA * difference), 0, 1)

    def trace(self):
        return torch.stack(self.rows).tolist()


class Authors:
    """Their loop: gradients of everything, a second forward pass on the unclipped image, numbers through the host."""

    def __init__(self, network, source, target):
        self.network = network.to(memory_format=torch.contiguous_format)
        for parameter in self.network.parameters():
            parameter.requires_grad_(True)
        self.device = source.device
        self.source = source.cpu().clone()
        self.image = self.source.clone()
        self.target = target.cpu().bool()
        self.alpha = TAU
        self.rows = []
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
        torch.backends.cudnn.benchmark = False

    def iterate(self):
        image = self.image.clone().to(self.device).requires_grad_(True)
        source = self.source.to(self.device)
        logits = self.network(image)
        predicted = logits.argmax(1)[0].bool().cpu()
        loss = 0
        for label in (0, 1):
            mask = ((self.target == bool(label)) & (predicted != bool(label))).float().to(self.device)
            loss = loss + (mask * logits[0, label]).sum()
        loss = loss - LAMBDA * ((source - image) ** 2).sum()
        self.network.zero_grad()
        loss.backward()
        step = self.alpha * image.grad.cpu()
        unclipped = self.image + step
        with torch.no_grad():
            predicted = self.network(unclipped.to(self.device)).argmax(1)[0].bool().cpu()
        iou = float(iou_of(predicted, self.target))
        difference = self.source - unclipped
        accuracy = float((predicted == self.target).float().mean())
        self.rows.append([iou, accuracy, float(difference.norm()), float(difference.abs().max())])
        self.alpha = BETA * iou + TAU
        self.image = torch.clamp(unclipped, 0, 1)

    def trace(self):
        return self.rows


def run(command):
    result = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    if result.returncode:
        raise SystemExit(f"{command[0]} failed:\n{result.stderr}")
    return result.stdout


def schedule_of(form):
    return "two_forward" if form == "authors" else "one_forward"


def seconds_an_iteration(attack, device, budget):
    def timed(count):
        start = time.perf_counter()
        for _ in range(count):
            attack.iterate()
        if device.type == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter() - start

    timed(1)
    count = max(1, int(budget / timed(1)))
    return timed(count) / count


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("asma")
    parser.add_argument("--device", default="auto", help="as asma takes it")
    parser.add_argument("--torch", default="cpu", help="cpu or cuda")
    parser.add_argument("--size", type=int, default=572)
    parser.add_argument("--base", type=int, default=32)
    parser.add_argument("--depth", type=int, default=5)
    parser.add_argument("--iterations", type=int, default=5, help="that are compared")
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=1.0, help="that a sample takes")
    parser.add_argument("--channels-last", action="store_true", help="on the CPU too")
    parser.add_argument("--asma-form", action="append", default=[], metavar="NAME=OPTIONS")
    parser.add_argument("--save")
    arguments = parser.parse_args()
    device = torch.device(arguments.torch)
    forms = ["authors", "strict"] + (["tf32", "fp16"] if device.type == "cuda" else [])
    torch.manual_seed(1)
    network = SimpleUnet(arguments.base, arguments.depth)
    size = arguments.size
    grid = numpy.indices((size, size))
    colours = numpy.stack([127 + 90 * numpy.sin(0.05 * grid[0] + 0.03 * (c + 1) * grid[1]) for c in range(3)], -1)
    pixels = colours.astype(numpy.uint8)
    with torch.no_grad():
        window = network(torch.zeros(1, 3, size, size)).shape[-1]
    first = (size - window) // 2
    disc = 9 * ((grid[0] - size // 2) ** 2 + (grid[1] - size // 2) ** 2) < window**2
    source = torch.from_numpy(pixels.astype(numpy.float32) / 255).permute(2, 0, 1)[None].contiguous().to(device)
    target = torch.from_numpy(disc[first : first + window, first : first + window].copy()).to(device)

    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        weights, image, mask = folder / "weights.safetensors", folder / "image.png", folder / "target.png"
        write_safetensors(weights, named_tensors(network, arguments.depth))
        write_png(image, pixels)
        write_png(mask, 255 * disc)
        network = network.to(device)

        def attack(form):
            if form == "authors":
                return Authors(network, source, target)
            return OneForward(network, source, target, form, device.type == "cuda" or arguments.channels_last)

        asma_forms = {"asma": []}
        for named in arguments.asma_form:
            name, _, options = named.partition("=")
            asma_forms[f"asma {name}"] = shlex.split(options)

        def trace_of(name, schedule):
            out = folder / name / schedule
            if not out.exists():
                out.parent.mkdir(exist_ok=True)
                run(
                    [arguments.asma, "attack", "--weights", weights, "--image", image, "--target", mask]
                    + ["--device", arguments.device, "--iterations", arguments.iterations, "--out", out]
                    + ["--schedule", schedule.replace("_", "-"), "--tau", TAU, "--beta", BETA]
                    + asma_forms[name]
                )
            with open(out / "trace.csv", newline="") as file:
                names = ["iou", "pixel_accuracy", "l2", "linf"]
                return [[float(row[name]) for name in names] for row in csv.DictReader(file)]

        errors = {}

        def compare(form, found, schedule):
            wanted = trace_of("asma", schedule)
            pairs = [(a, b) for left, right in zip(wanted, found) for a, b in zip(left, right)]
            errors[form] = max(abs(a - b) / max(abs(b), 1e-3) for a, b in pairs)
            print(f"{form:14} largest relative difference of the traces {errors[form]:.2e}", flush=True)
            if form in ("authors", "strict"):
                assert errors[form] < 2e-2, f"{form}: {wanted} and {found}"

        for form in forms:
            theirs = attack(form)
            for _ in range(arguments.iterations):
                theirs.iterate()
            compare(form, theirs.trace(), schedule_of(form))
        for name in list(asma_forms)[1:]:
            compare(name, trace_of(name, "one_forward"), "one_forward")

        bench = [arguments.asma, "bench", "--weights", weights, "--size", f"{size}x{size}", "--rounds", 3]
        bench += ["--step-size", 16, "--device", arguments.device, "--json"]
        samples = []
        for _ in range(arguments.pairs):
            sample = {}
            for name, options in asma_forms.items():
                ours = json.loads(run(bench + options))
                device_name = ours["device"]
                for schedule in ["one_forward", "two_forward"]:
                    sample[f"{name} {schedule}"] = ours[f"{schedule}_iteration"]
            for form in forms:
                sample[form] = seconds_an_iteration(attack(form), device, arguments.seconds)
            samples.append(sample)
            print("  ".join(f"{name} {1e3 * seconds:.2f} ms" for name, seconds in sample.items()), flush=True)
        ratios = {}
        for name in asma_forms:
            for form in forms:
                ours = f"{name} {schedule_of(form)}"
                ratio = statistics.median(sample[form] / sample[ours] for sample in samples)
                ratios.setdefault(name, {})[form] = ratio
                print(f"{ours} takes 1/{ratio:.2f} of the time of {form}")
        if arguments.save:
            record = {
                "command": f"python benches/peers/attack.py … --device {arguments.device} --torch {arguments.torch}"
                f" --size {size} --base {arguments.base} --depth {arguments.depth}",
                "date": datetime.date.today().isoformat(),
                "asma_device": device_name,
                "asma_forms": asma_forms,
                "torch": torch.__version__,
                "torch_device": torch.cuda.get_device_name() if device.type == "cuda" else "cpu",
                "torch_threads": torch.get_num_threads(),
                "largest_relative_difference_of_traces": errors,
                "seconds_an_iteration": samples,
                "times_asma": ratios,
            }
            pathlib.Path(arguments.save).write_text(json.dumps(record, indent=2) + "\n")


if __name__ == "__main__":
    main()
