"""CosPGD's own functions, in the loop that they are made for, beside asma from Python: the same network, images, settings.

    PYTHONPATH=FOLDER_OF_COSPGD python benches/peers/python_attack.py [--rounds N] [--save FILE]

It needs torch, onnx, safetensors, the authors' package `cospgd` (https://github.com/shashankskagnihotri/cospgd) and asma's
wheel. The network is `weights/lesion.safetensors` as a torch module, which `asma.from_torch` takes by way of ONNX; images are
skin with a dark spot, and the attacks lead away from what is predicted. Compared are

- single steps: from each of asma's iterates one of CosPGD's, beside asma's own next iterate, and beside it in float64;
- the images after all steps, and beside them how far CosPGD's in float32 and in float64 are apart: a step by signs makes a
  gradient's rounding as large as the step where the gradient is next to nothing, and ReLU and max pooling hand that on;
- whole attacks in turn on as many threads, wall time and processor time; on a machine that is busy with other things take one
  thread of each (`OMP_NUM_THREADS=1 RAYON_NUM_THREADS=1`) and their processor time.
"""

import argparse
import datetime
import inspect
import json
import pathlib
import statistics
import time
import warnings

import asma
import numpy as np
import torch
from cospgd import functions
from safetensors.torch import load_file
from torch.nn.functional import conv2d, conv_transpose2d, cross_entropy, max_pool2d, relu

WEIGHTS = pathlib.Path(__file__).resolve().parents[2] / "weights" / "lesion.safetensors"
IMAGES, SIZE, STEPS = 4, 160, 20
CASES = [
    ("pgd", "linf", 8 / 255, 0.01),
    ("cospgd", "linf", 8 / 255, 0.01),
    ("pgd", "l2", 128 / 255, 0.2),
    ("cospgd", "l2", 128 / 255, 0.2),
]


class SimpleUnet(torch.nn.Module):
    def __init__(self, path):
        super().__init__()
        for name, tensor in load_file(path).items():
            self.register_buffer(name.replace(".", "-"), tensor)

    def block(self, x, name):
        for place in (0, 2):
            weight, bias = (getattr(self, f"{name}-{place}-{part}") for part in ("weight", "bias"))
            x = relu(conv2d(x, weight, bias, padding=1))
        return x

    def forward(self, x):
        skips = []
        for level in range(1, 6):
            x = self.block(x, f"conv{level}_block")
            if level < 5:
                skips.append(x)
                x = max_pool2d(x, 2)
        for level in range(1, 5):
            up = [getattr(self, f"up_{level}-{part}") for part in ("weight", "bias")]
            x = torch.cat([conv_transpose2d(x, *up, stride=2), skips.pop()], 1)
            x = self.block(x, f"conv_up_{level}")
        return conv2d(x, getattr(self, "conv_final-weight"), getattr(self, "conv_final-bias"))


def photographs(count):
    random = np.random.default_rng(0)
    rows, columns = np.mgrid[:SIZE, :SIZE]
    images = np.empty((count, 3, SIZE, SIZE), np.float32)
    for image in images:
        y, x = random.uniform(0.35, 0.65, 2) * SIZE
        spot = 1 / (1 + np.exp((np.hypot(rows - y, columns - x) - random.uniform(25, 45)) / 4))
        skin = np.array([0.85, 0.65, 0.55])[:, None, None] + random.normal(0, 0.01, (3, SIZE, SIZE))
        image[:] = np.clip(skin - 0.45 * spot, 0, 1)
    return images


def loss_of(attack, logits, labels):
    loss = cross_entropy(logits, labels, reduction="none")
    if attack == "cospgd":
        loss = functions.cospgd_scale(predictions=logits, labels=labels, loss=loss, num_classes=logits.shape[1])
    return loss.mean()


def theirs(attack, norm, eps, alpha, module, images, labels):
    step = {"linf": functions.step_inf, "l2": functions.step_l2}[norm]
    adversarial = images.clone()
    for _ in range(STEPS):
        adversarial.requires_grad_(True)
        loss_of(attack, module(adversarial), labels).backward()
        adversarial = step(adversarial.detach(), eps, adversarial.grad, images, alpha, targeted=False)
    return adversarial


def ours(attack, norm, eps, alpha, model, images, labels, steps=STEPS):
    return asma.attack(
        model, images, labels, attack, targeted=False, norm=norm, eps=eps, alpha=alpha, steps=steps
    ).adversarial


def one_step(case, module, point, images, labels):
    """CosPGD's next iterate, and its gradient as a share of each image's mean."""
    attack, norm, eps, alpha = case
    step = {"linf": functions.step_inf, "l2": functions.step_l2}[norm]
    point = point.clone().requires_grad_(True)
    loss_of(attack, module(point), labels).backward()
    gradient = point.grad.abs()
    relative = (gradient / gradient.mean((1, 2, 3), keepdim=True)).numpy()
    return step(point.detach(), eps, point.grad, images, alpha, targeted=False).numpy(), relative


def step_by_step(case, module, double, model, images, labels):
    """From each of asma's iterates one step of CosPGD's, beside asma's own and beside the same step in float64."""
    iterates = [images.numpy(), *(ours(*case, model, images, labels, steps=done + 1) for done in range(STEPS))]
    found = {"ours_theirs": [], "theirs_float64": [], "ours_float64": []}
    for now, following in zip(iterates, iterates[1:]):
        point = torch.from_numpy(now)
        single, relative = one_step(case, module, point, images, labels)
        exact, _ = one_step(case, double, point.double(), images.double(), labels)
        for name, one, other in [
            ("ours_theirs", following, single),
            ("theirs_float64", single, exact),
            ("ours_float64", following, exact),
        ]:
            difference = np.abs(one - other)
            beyond = difference > 1e-6
            found[name].append((beyond.mean(), difference.max(), relative[beyond].max(initial=0)))
    names = ("share_beyond_1e-6", "largest", "largest_gradient_there_of_the_mean")
    return {
        pair: {
            "mean_share_beyond_1e-6": float(np.mean([row[0] for row in rows])),
            **{f"most_{name}": float(max(row[place] for row in rows)) for place, name in enumerate(names)},
        }
        for pair, rows in found.items()
    }


def apart(one, other):
    difference = np.abs(one.astype(np.float64) - other)
    return {
        "share_beyond_1e-6": float(np.mean(difference > 1e-6)),
        "largest": float(difference.max()),
    }


def lines(*of):
    text = [line for function in of for line in inspect.getsource(function).splitlines()]
    return sum(bool(line.strip()) and not line.strip().startswith('"""') for line in text)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--save", type=pathlib.Path)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    module = SimpleUnet(WEIGHTS).eval()
    double = SimpleUnet(WEIGHTS).eval().double()
    images = torch.from_numpy(photographs(IMAGES))
    with torch.no_grad():
        labels = module(images).argmax(1)
    model = asma.from_torch(module, images, device="cpu")
    lesion = float(labels.float().mean())
    print(f"{IMAGES} images of {SIZE}x{SIZE}, {100 * lesion:.1f} % of the pixels lesion, {STEPS} steps")
    report = {
        "date": datetime.date.today().isoformat(),
        "versions": {"asma": asma.__version__, "torch": torch.__version__},
        "lines_of_code": {"theirs": lines(loss_of, theirs), "ours": lines(ours)},
        "images": IMAGES,
        "size": SIZE,
        "steps": STEPS,
        "threads": torch.get_num_threads(),
        "cases": [],
    }
    for case in CASES:
        times = {theirs: [], ours: []}
        for _ in range(arguments.rounds):
            for run, network in ((theirs, module), (ours, model)):
                start = time.perf_counter(), time.process_time()
                found = run(*case, network, images, labels)
                times[run].append((time.perf_counter() - start[0], time.process_time() - start[1]))
                if run is theirs:
                    wanted = found.numpy()
        exact = theirs(*case, double, images.double(), labels).numpy()
        with torch.no_grad():
            accuracy = [float((module(torch.from_numpy(x)).argmax(1) == labels).float().mean()) for x in (wanted, found)]
        row = {
            "attack": case[0],
            "norm": case[1],
            "one_step_from_equal_iterates": step_by_step(case, module, double, model, images, labels),
            "after_all_steps": apart(found, wanted),
            "after_all_steps_theirs_in_float32_and_float64": apart(wanted, exact),
            "pixels_predicted_as_before": accuracy,
        }
        for name, run in (("theirs", theirs), ("ours", ours)):
            wall, processor = zip(*times[run])
            row[f"{name}_seconds"] = {"wall": statistics.median(wall), "processor": statistics.median(processor)}
        report["cases"].append(row)
        print(json.dumps(row, indent=1), flush=True)
    if arguments.save:
        arguments.save.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
