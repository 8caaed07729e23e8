"""One table of attacks, run by the command line, from Rust, from Python and from C: every number is the same, to the bit.

Where the programs are is told by ASMA_COMMAND (`asma`), ASMA_RUST (the example `batch`) and ASMA_C (the example `attack`);
with ASMA_REQUIRE_PARITY=1 one that is missing fails.
"""

import csv
import json
import os
import struct
import subprocess

import numpy as np
import pytest

import asma
from conftest import WEIGHTS, lesions

COUNT, SIZE = 2, (32, 40)

# The attack, its options by the names of the command line, and what is wanted: masks, words, or nothing.
TABLE = [
    ("asma", {"steps": "25"}, "masks"),
    ("asma", {"steps": "60", "stop-iou": "0.6", "refine": "on"}, "masks"),
    ("asma", {"steps": "8", "published": "on", "tau": "1e-4", "beta": "1e-3"}, "masks"),
    ("asma", {"steps": "10", "mask": "static", "multiplier": "static", "cap": "0.05"}, "class:1"),
    ("fgsm", {"untargeted": "on"}, None),
    ("pgd", {"steps": "6", "eps": "8/255"}, "masks"),
    ("pgd", {"steps": "6", "eps": "0.5", "norm": "l2", "untargeted": "on"}, "masks"),
    ("pgd", {"steps": "3", "minimise": "linf", "rate": "0.6", "untargeted": "on"}, None),
    ("segpgd", {"steps": "6", "alpha": "2/255"}, "masks"),
    ("cospgd", {"steps": "6", "untargeted": "on"}, None),
    ("apgd", {"steps": "8", "random-start": "on", "seed": "3", "untargeted": "on"}, None),
    ("sea", {"steps": "6", "untargeted": "on"}, None),
    ("padam", {"steps": "6", "loss": "js-avg", "untargeted": "on"}, None),
    ("dag", {"steps": "8"}, "masks"),
    ("alma-prox", {"steps": "8", "untargeted": "on"}, None),
    ("pdpgd", {"steps": "8"}, "masks"),
]

STOPS = ["all iterations done", "IoU reached", "goal reached", "no progress", "interrupted", "nothing to attack"]


def program(variable):
    path = os.environ.get(variable)
    if path is None:
        if os.environ.get("ASMA_REQUIRE_PARITY") == "1":
            pytest.fail(f"{variable} does not say where the program is")
        pytest.skip(f"{variable} does not say where the program is")
    return path


@pytest.fixture(scope="module")
def given(tmp_path_factory):
    """The images and masks, as arrays and as files of every kind."""
    folder = tmp_path_factory.mktemp("parity")
    images = np.ascontiguousarray(lesions(COUNT, seed=5)[:, :, : SIZE[0], : SIZE[1]])
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
    masks = np.stack([np.hypot(rows - 14, columns - x) < 8 for x in (12, 24)]).astype(np.uint8)
    images.tofile(folder / "images.f32")
    masks.tofile(folder / "masks.u8")
    length = images.nbytes
    header = json.dumps(
        {
            "images": {"dtype": "F32", "shape": images.shape, "data_offsets": [0, length]},
            "masks": {"dtype": "U8", "shape": masks.shape, "data_offsets": [length, length + masks.nbytes]},
        }
    ).encode()
    header += b" " * (-len(header) % 8)
    tensors = struct.pack("<Q", len(header)) + header + images.tobytes() + masks.tobytes()
    (folder / "pairs.safetensors").write_bytes(tensors)
    return folder, images, masks


def hashed(image):
    value = 0xCBF29CE484222325
    for byte in np.ascontiguousarray(image, "<f4").tobytes():
        value = ((value ^ byte) * 0x100000001B3) & (2**64 - 1)
    return f"{value:016x}"


TRACE = ("iteration", "iou", "pixel_accuracy", "l2", "linf", "step", "loss", "success_rate")


def described(results, saved, iterations, best_iteration, stop, trace, image):
    """All numbers of one image, float32 as such."""
    scores = {
        name: [np.float32(results[key][number]) for number in ("iou", "pixel_accuracy", "l2", "linf")]
        for name, key in [
            ("before", "before"),
            ("last", "last"),
            ("best", "best"),
            ("adversarial", saved),
            ("rounded", "rounded_to_8_bits"),
        ]
    }
    trace = {("step" if name == "multiplier" else name): column for name, column in trace.items()}
    rows = len(trace["iteration"])
    nothing = [np.nan] * rows
    columns = [[np.float32(number) for number in trace.get(name, nothing)] for name in TRACE]
    return {
        "scores": scores,
        "iterations": (iterations, best_iteration),
        "stop": stop,
        "trace": [list(row) for row in zip(*columns)],
        "hash": hashed(image),
    }


def by_python(given, attack, options, wanted):
    _, images, masks = given
    model = asma.load(WEIGHTS, device="cpu")
    named = {name.replace("-", "_"): text for name, text in options.items() if name != "untargeted"}
    targets = masks if wanted == "masks" else wanted
    result = asma.attack(model, images, targets, attack, targeted="untargeted" not in options, **named)
    summaries = result.summaries
    return [
        described(
            summary["results"],
            summary["saved"],
            summary["iterations"],
            summary["best_iteration"],
            stop,
            trace,
            image,
        )
        for summary, stop, trace, image in zip(summaries, result.stops, result.traces, result.adversarial)
    ]


def by_command(given, attack, options, wanted):
    folder, images, _ = given
    found = []
    for number in range(COUNT):
        out = folder / f"out-{number}"
        arguments = [program("ASMA_COMMAND"), "attack", "--device", "cpu", "--model", str(WEIGHTS), "--out", str(out)]
        arguments += ["--image", f"{folder}/pairs.safetensors:images[{number}]", "--attack", attack]
        for name, text in options.items():
            arguments += [f"--{name}"] if text == "on" and name in ("untargeted", "published") else [f"--{name}", text]
        if wanted is not None:
            masks = f"{folder}/pairs.safetensors:masks[{number}]"
            role = "--label" if "untargeted" in options else "--target"
            arguments += [role, masks if wanted == "masks" else wanted]
        subprocess.run(arguments, check=True, capture_output=True, timeout=300)
        summary = json.loads((out / "summary.json").read_text())
        with open(out / "trace.csv") as file:
            rows = list(csv.DictReader(file))
        trace = {name: [row[name] for row in rows] for name in rows[0]}
        stored = (out / "adversarial.safetensors").read_bytes()
        image = np.frombuffer(stored[-images[0].nbytes :], "<f4")
        found.append(
            described(
                summary["results"],
                summary["saved"],
                summary["iterations"],
                summary["best_iteration"],
                summary["stop_reason"],
                trace,
                image,
            )
        )
    return found


def by_program(path, given, attack, options, wanted):
    """From the lines that the examples in Rust and C print."""
    folder, images, _ = given
    shape = "x".join(str(size) for size in images.shape)
    target = {"masks": str(folder / "masks.u8"), None: "-"}.get(wanted, wanted)
    arguments = [path, str(WEIGHTS), str(folder / "images.f32"), shape, target, attack]
    arguments += [f"{name}={text}" for name, text in options.items()]
    printed = subprocess.run(arguments, check=True, capture_output=True, text=True, timeout=300).stdout
    found = [{"scores": {}, "trace": []} for _ in range(COUNT)]
    for kind, image, *fields in csv.reader(printed.splitlines()):
        one = found[int(image)]
        if kind == "scores":
            one["scores"][fields[0]] = [np.float32(number) for number in fields[1:]]
        elif kind == "iterations":
            one["iterations"] = (int(fields[0]), int(fields[1]))
            one["stop"] = STOPS[int(fields[2])]
        elif kind == "trace":
            one["trace"].append([np.float32(number) for number in fields])
        else:
            one["hash"] = fields[0]
    return found


@pytest.mark.filterwarnings("ignore:.*plain difference")
@pytest.mark.parametrize("attack, options, wanted", TABLE, ids=[f"{row[0]}-{place}" for place, row in enumerate(TABLE)])
def test_every_number_is_the_same(given, attack, options, wanted):
    rows = {
        "command": by_command(given, attack, options, wanted),
        "Rust": by_program(program("ASMA_RUST"), given, attack, options, wanted),
        "C": by_program(program("ASMA_C"), given, attack, options, wanted),
    }
    for number, found in enumerate(by_python(given, attack, options, wanted)):
        assert len(found["trace"]) > 1 and found["scores"]["adversarial"][2] > 0, "something was attacked"
        for name, others in rows.items():
            other = others[number]
            for part in ("scores", "iterations", "stop", "hash"):
                assert other[part] == found[part], (name, number, part)
            assert np.array_equal(other["trace"], found["trace"], equal_nan=True), (name, number)
