"""An iteration of each attack of asma in turn with the code that its authors published, on the same network and threads, CPU.

    cargo bench --no-run --bench attacks        # says where the binary is
    python benches/peers/attacks.py BINARY [--size 572] [--base 32] [--channels-last] [--save FILE]

It needs torch, and on PYTHONPATH what is to be compared; what is not found is left out: `cospgd`
(https://github.com/shashankskagnihotri/cospgd: PGD, SegPGD, CosPGD), `adv_lib` (https://github.com/jeromerony/adversarial-library:
ASMA, DAG, ALMA-prox, PDPGD) and the folder of https://github.com/nmndeep/Robust-Segmentation (`semseg/attacker.py`: APGD, SEA). The
network has random weights and four classes: times do not depend on them. adv_lib's and SEA's loops are run as they are; CosPGD's package
has no loop but what it is made of, in the order that its documentation has it. The time of the published code is the shorter of
two runs of a few whole steps, one before and one after asma's; its last pass in APGD and in each part of SEA has no gradient, and is
counted as the others. asma's is the sum of what the network, the head and the attack's own kernels take at least, host left out.
"""

import argparse
import datetime
import importlib.util
import json
import os
import pathlib
import platform
import subprocess
import sys
import time
import types

import torch
from network import SimpleUnet
from torch.nn.functional import cross_entropy

CLASSES = 4
EPS, ALPHA = 8 / 255, 2 / 255
LEAST_STEPS, STEPS = 2, 3
# Of SEA, whose budgets share them out in parts of 0.3, 0.3 and 0.4.
SEA_STEPS = 10


def of_cospgd(net, image, labels):
    from cospgd import functions

    def loop(weigh, step, eps, alpha):
        def run(steps):
            x = image.clone()
            for i in range(steps):
                x.requires_grad_(True)
                logits = net(x)
                loss = weigh(logits, cross_entropy(logits, labels, reduction="none"), i, steps)
                loss.mean().backward()
                x = step(x, eps, x.grad, image, alpha, False)
            return steps

        return run

    def plain(_, loss, __, ___):
        return loss

    def segpgd(logits, loss, i, steps):
        return functions.segpgd_scale(logits, labels, loss, i, steps)

    def cospgd(logits, loss, _, __):
        return functions.cospgd_scale(logits, labels, loss, num_classes=CLASSES)

    return {
        ("pgd", "linf"): loop(plain, functions.step_inf, EPS, ALPHA),
        ("pgd", "l2"): loop(plain, functions.step_l2, 0.5, 0.1),
        ("segpgd", "linf"): loop(segpgd, functions.step_inf, EPS, ALPHA),
        ("cospgd", "linf"): loop(cospgd, functions.step_inf, EPS, ALPHA),
    }


def of_adv_lib(net, image, labels):
    from adv_lib.attacks.segmentation.alma_prox import alma_prox
    from adv_lib.attacks.segmentation.asma import asma
    from adv_lib.attacks.segmentation.dense_adversary import dag
    from adv_lib.attacks.segmentation.primal_dual_gradient_descent import pdpgd

    counted = torch.ones_like(labels, dtype=torch.bool)

    def loop(attack, steps_name, **settings):
        def run(steps):
            attack(net, image, labels, masks=counted, **{steps_name: steps}, **settings)
            return steps

        return run

    return {
        ("asma", "linf"): loop(asma, "num_steps", targeted=True),
        ("dag", "linf"): loop(dag, "max_iter"),
        ("alma-prox", "linf"): loop(alma_prox, "num_steps"),
        ("pdpgd", "linf"): loop(pdpgd, "num_steps", norm=float("inf")),
    }


class Silent:
    def __init__(self, _):
        pass

    def log(self, _):
        pass


def sea_module():
    """`semseg/attacker.py` alone, with the three helpers that it takes from AutoAttack."""
    for folder in sys.path:
        path = pathlib.Path(folder) / "semseg" / "attacker.py"
        if path.exists():
            break
    else:
        raise ImportError("no semseg/attacker.py on PYTHONPATH")
    helpers = types.ModuleType("autoattack.other_utils")
    helpers.Logger = Silent
    helpers.L0_norm = helpers.L1_norm = None

    def l2_norm(x, keepdim=False):
        norm = x.flatten(1).norm(dim=1)
        return norm.view(-1, *[1] * (x.dim() - 1)) if keepdim else norm

    helpers.L2_norm = l2_norm
    sys.modules.setdefault("autoattack", types.ModuleType("autoattack"))
    sys.modules.setdefault("autoattack.other_utils", helpers)
    spec = importlib.util.spec_from_file_location("sea_attacker", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def of_sea(net, image, labels):
    sea = sea_module()

    def apgd(norm, eps):
        def run(steps):
            sea.apgd_train(
                net,
                image,
                labels,
                norm,
                eps,
                n_iter=steps,
                loss="mask-ce-avg",
                track_loss="ce-avg",
                num_classes=CLASSES,
            )
            return steps + 1

        return run

    def worst_case(_):
        losses = ("mask-ce-avg", "mask-ce-bal", "js-avg")
        for loss in losses:
            sea.apgd_largereps(
                net,
                image,
                labels,
                torch.ones(CLASSES),
                eps=EPS,
                n_iter=SEA_STEPS,
                loss=loss,
                track_loss="ce-avg",
                num_classes=CLASSES,
            )
        return len(losses) * (SEA_STEPS + 3)

    return {
        ("apgd", "linf"): apgd("Linf", EPS),
        ("apgd", "l2"): apgd("L2", 0.5),
        ("sea", "linf"): worst_case,
    }


def seconds(run, steps):
    start = time.perf_counter()
    passes = run(steps)
    return (time.perf_counter() - start) / passes


def own(arguments, name, norm):
    command = [
        *(arguments.binary, "--device", "cpu", "--attack", name, "--repeats", "3"),
        *("--size", str(arguments.size), "--base", str(arguments.base), "--classes", str(CLASSES)),
    ]
    environment = os.environ | {"RAYON_NUM_THREADS": str(arguments.threads)}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    lines = done.stdout.splitlines()
    for line in lines:
        if line.split()[:2] == [name, norm]:
            return json.loads(line[line.index("{") :])
    raise SystemExit(f"{' '.join(command)} says nothing of {name} within {norm}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary", help="asma's bench `attacks`")
    parser.add_argument("--size", type=int, default=572)
    parser.add_argument("--base", type=int, default=32)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--channels-last", action="store_true", help="a layout that the published code does not ask for")
    parser.add_argument("--save", type=pathlib.Path)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    layout = torch.channels_last if arguments.channels_last else torch.contiguous_format
    net = SimpleUnet(arguments.base, 5, CLASSES).eval().to(memory_format=layout)
    for parameter in net.parameters():
        parameter.requires_grad_(False)
    image = torch.rand(1, 3, arguments.size, arguments.size)
    with torch.no_grad():
        labels = torch.randint(0, CLASSES, (1, *net(image).shape[2:]))
    published = {}
    for package in (of_cospgd, of_adv_lib, of_sea):
        try:
            published.update(package(net, image, labels))
        except ImportError as missing:
            print(f"left out: {missing}", file=sys.stderr)
    rows = []
    for (name, norm), run in published.items():
        run(LEAST_STEPS)
        before = seconds(run, STEPS)
        asma = own(arguments, name, norm)
        peer = min(before, seconds(run, STEPS))
        row = {
            "attack": name,
            "norm": norm,
            "published_ms": round(1e3 * peer, 1),
            "asma_ms": round(1e3 * asma["iteration"], 1),
            "ratio": round(asma["iteration"] / peer, 3),
            "own_share": round(asma["own_share"], 4),
        }
        rows.append(row)
        print(row, flush=True)
    if arguments.save:
        record = {
            "script": "benches/peers/attacks.py",
            "size": arguments.size,
            "base": arguments.base,
            "classes": CLASSES,
            "layout": "channels_last" if arguments.channels_last else "PyTorch's own",
            "date": datetime.date.today().isoformat(),
            "device": f"CPU, {arguments.threads} threads, {platform.processor() or platform.machine()}",
            "torch": torch.__version__,
            "attacks": rows,
        }
        arguments.save.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
