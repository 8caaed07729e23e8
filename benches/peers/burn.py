"""ASMA on a tiny network: asma on a GPU adapter against burn's wgpu backend on the same, in turn.

    cargo build --release
    cargo build --release --manifest-path benches/peers/burn/Cargo.toml      (20 minutes)
    python benches/peers/burn.py target/release/asma benches/peers/burn/target/release/burn-peer \\
        tests/golden/unet_valid.safetensors --device llvmpipe [--save FILE]

First both run the same iterations of the one-forward schedule on the same image and target, and their traces are
compared; then each is timed in turn, as a process of its own, and the ratio is taken pair by pair. burn keeps its
statistics on the device and reads them once a round; what it compiles and tunes in its first round is not counted.
"""

import argparse
import csv
import datetime
import json
import math
import pathlib
import statistics
import struct
import subprocess
import tempfile
import zlib


def write_png(path, width, height, channels, value):
    rows = b"".join(
        b"\0" + bytes(value(y, x, c) for x in range(width) for c in range(channels)) for y in range(height)
    )

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, {1: 0, 3: 2}[channels], 0, 0, 0)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    )


def run(command):
    result = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    if result.returncode:
        raise SystemExit(f"{command[0]} failed:\n{result.stderr}")
    return result.stdout


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("asma")
    parser.add_argument("burn")
    parser.add_argument("weights")
    parser.add_argument("--device", default="gpu", help="as asma takes it; burn takes the adapter wgpu prefers")
    parser.add_argument("--size", type=int, default=92)
    parser.add_argument("--window", type=int, default=52, help="rows and columns of the network's output")
    parser.add_argument("--iterations", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--save")
    arguments = parser.parse_args()
    size, window = arguments.size, arguments.window

    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        image, target, out = folder / "image.png", folder / "target.png", folder / "out"
        write_png(image, size, size, 3, lambda y, x, c: int(127 + 90 * math.sin(0.3 * y + 0.2 * x * (c + 1))))
        # asma cuts the network's window out of a target of the image's size, burn gets it cut.
        whole = folder / "whole.png"
        for path, extent in [(target, window), (whole, size)]:
            middle = extent / 2
            write_png(
                path,
                extent,
                extent,
                1,
                lambda y, x, c: 255 * (9 * ((y - middle) ** 2 + (x - middle) ** 2) < window * window),
            )
        run(
            [arguments.asma, "attack", "--weights", arguments.weights, "--image", image, "--target", whole]
            + ["--device", arguments.device, "--iterations", arguments.iterations, "--out", out]
            + ["--tau", "1e-7", "--beta", "1e-6"]
        )
        with open(out / "trace.csv", newline="") as file:
            rows = [
                [float(row[name]) for name in ["iou", "pixel_accuracy", "l2", "linf", "multiplier"]]
                for row in csv.DictReader(file)
            ]
        bench = [arguments.asma, "bench", "--weights", arguments.weights, "--size", f"{size}x{size}"]
        bench += ["--device", arguments.device, "--json"]
        peer = [arguments.burn, arguments.weights, image, target, arguments.iterations, arguments.rounds]
        pairs, device = [], None
        for number in range(arguments.pairs):
            ours = json.loads(run(bench))
            theirs = json.loads(run(peer))
            if number == 0:
                assert len(rows) == len(theirs["trace"]) == arguments.iterations
                for index, (a, b) in enumerate(zip(rows, theirs["trace"])):
                    for name, left, right in zip(["IoU", "accuracy", "L2", "Linf", "multiplier"], a, b):
                        close = abs(left - right) <= 1e-7 + 2e-3 * abs(right)
                        assert close, f"iteration {index}: {name} is {left}, burn has {right}"
                print(f"traces agree; last row {rows[-1]}")
            device = ours["device"]
            seconds = statistics.median(theirs["seconds"])
            pairs.append({"asma": ours["one_forward_iteration"], "burn": seconds})
            print(f"asma {1e3 * pairs[-1]['asma']:8.2f} ms   burn {1e3 * seconds:8.2f} ms   an iteration", flush=True)
        ratio = statistics.median(pair["burn"] / pair["asma"] for pair in pairs)
        print(f"asma is {ratio:.2f} times as fast (median of {arguments.pairs} pairs)")
        if arguments.save:
            record = {
                "command": "python benches/peers/burn.py … " + f"--device {arguments.device} --size {size}",
                "date": datetime.date.today().isoformat(),
                "device": device,
                "burn": "0.22.1, wgpu with fusion and autotune",
                "seconds_an_iteration": pairs,
                "ratio": ratio,
            }
            pathlib.Path(arguments.save).write_text(json.dumps(record, indent=2) + "\n")


if __name__ == "__main__":
    main()
