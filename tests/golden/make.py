"""Makes the golden files: what PyTorch computes, for asma to be compared with.

    python make.py

writes beside itself `*.safetensors` and `*.csv`; needs torch, numpy and safetensors. Each case is tried with
one seed after the other until rounding decides nothing: all values keep a distance from the points where a
gradient or a prediction jumps.
"""

import csv
import itertools
import json
from pathlib import Path

import safetensors.torch
import torch

from attack import IGNORE, attack, logits_of_classes, step_size
from budget import budget
from smallest import alma_prox, pdpgd
from networks import Margin, Mixed, SimpleUnet, Tensors
from training import train
from windows import make_windows

HERE = Path(__file__).parent


def save(name, tensors, metadata=None):
    """Writes a safetensors file; the same contents give the same bytes, as the metadata is sorted."""
    tensors = {key: tensor.detach().float().contiguous() for key, tensor in tensors.items()}
    file = safetensors.torch.save(tensors, metadata)
    end = 8 + int.from_bytes(file[:8], "little")
    header = json.loads(file[8:end])
    if metadata:
        header["__metadata__"] = dict(sorted(metadata.items()))
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    (HERE / f"{name}.safetensors").write_bytes(len(text).to_bytes(8, "little") + text + file[end:])


def smooth_image(generator, channels, height, width):
    """Coarse noise and a little fine noise, some of it beyond black and white and clipped."""
    coarse = torch.randn(1, channels, 6, 6, generator=generator)
    coarse = torch.nn.functional.interpolate(coarse, (height, width), mode="bicubic")
    fine = torch.randn(1, channels, height, width, generator=generator)
    return (0.5 + 0.3 * coarse + 0.05 * fine).clamp(0, 1)


def seeds(name):
    """Generators, one after the other; the caller stops at one that will do."""
    for seed in itertools.count():
        assert seed < 3000, f"{name}: no seed will do"
        yield seed, torch.Generator().manual_seed(seed)


def make_gradient(name, make_network, shape, least_margin):
    """Output for an input, and the input's gradient for a random gradient of the output."""
    for seed, generator in seeds(name):
        network, margin = make_network(generator), Margin()
        image = torch.cat([smooth_image(generator, *shape[1:]) for _ in range(shape[0])])
        image.requires_grad_(True)
        output = network(image, margin)
        upstream = torch.randn(output.shape, generator=generator)
        (gradient,) = torch.autograd.grad(output, image, upstream)
        if margin.smallest > least_margin:
            break
    print(f"{name}: seed {seed}, margin {margin.smallest:.1e}, output {tuple(output.shape)}, "
          f"|output| {output.abs().max():.3g}, |gradient| {gradient.abs().max():.3g}")
    save(f"{name}_results", {"input": image, "output": output, "upstream": upstream, "gradient": gradient})
    return network


def make_simple_unet(name, shape, **member):
    network = make_gradient(name, lambda generator: SimpleUnet(generator, **member), shape, 5e-6)
    save(name, network.weights, network.metadata())


def make_mixed():
    network = make_gradient("mixed", Mixed, (2, 3, 29, 34), 2e-6)
    weights = dict(network.weights)
    for norm in ["stem_norm", "residual_norm", "up_norm"]:
        gamma, beta, mean, var = (
            weights.pop(f"{norm}.{part}").double()
            for part in ["weight", "bias", "running_mean", "running_var"]
        )
        scale = gamma / torch.sqrt(var + 1e-5)
        weights[f"{norm}.scale"], weights[f"{norm}.shift"] = scale, beta - mean * scale
    save("mixed", weights)


def make_tensors():
    network = make_gradient("tensors", Tensors, (2, 3, 13, 12), 2e-5)
    save("tensors", network.weights)


def target_of(prediction, generator, ignored):
    """The prediction mirrored left to right, with a rectangle of the next class, and maybe a corner ignored."""
    target = prediction.flip(2)
    classes = int(prediction.max()) + 1
    h, w = target.shape[1:]
    part = target[:, h // 4 : h // 2, w // 4 : w // 2]
    target[:, h // 4 : h // 2, w // 4 : w // 2] = (part + 1) % max(2, classes)
    if ignored:
        target[:, : h // 3, : w // 3] = IGNORE
    return target


DEFAULTS = {
    "schedule": "one-forward",
    "mask": "adaptive",
    "objective": "logit",
    "multiplier": "dynamic",
    "lambda": 1.0,
    "iterations": 16,
    "region": False,
}


def make_attacks(name, member, size, ignored, absent, cases):
    """Attacks on one network and image, of every kind in `cases`; all must raise the IoU visibly."""
    least_gains = {case: 0.02 if changes.get("region") else 0.05 for case, changes in cases.items()}
    for seed, generator in seeds(name):
        network = SimpleUnet(generator, **member)
        source = smooth_image(generator, member["channels"], *size)
        # Every class somewhere, but for the absent ones.
        logits = network(source, Margin())
        bias = network.weights["conv_final.bias"]
        bias -= logits.mean(dim=(0, 2, 3))
        for c in absent:
            bias[c] = -100.0
        logits = network(source, Margin())
        prediction = logits.argmax(dim=1) if logits.shape[1] > 1 else (logits[:, 0] > 0).long()
        class_count = max(2, member["classes"])
        shares = [(prediction == c).float().mean().item() for c in range(class_count) if c not in absent]
        if min(shares) < 0.15:
            continue
        target = target_of(prediction, generator, ignored)
        region = torch.zeros(1, 1, *size)
        region[:, :, 3:-5, 2 : size[1] * 2 // 3] = 1
        results = {}
        margins = Margin(), Margin()
        for case, changes in cases.items():
            settings = {"classes": list(range(class_count)), **DEFAULTS, **changes}
            settings["tau"] = step_size(network, (Margin(), Margin()), source, target, settings, 5e-3)
            if settings["tau"] is None:
                break
            settings["beta"] = float(f"{2 * settings['tau']:.2g}")
            mask = region if settings["region"] else None
            results[case] = settings, *attack(network, margins, source, target, settings, mask)
            rows = results[case][1]
            if margins[0].smallest < 5e-7 or margins[1].smallest < 1e-5:
                break
            if rows[-1][0] < rows[0][0] + least_gains[case]:
                break
        else:
            break
    print(f"{name}: seed {seed}, margins {margins[0].smallest:.1e} {margins[1].smallest:.1e}")
    save(name, network.weights, network.metadata())
    save(f"{name}_input", {"source": source, "target": target, "region": region})
    for case, (settings, rows, last) in results.items():
        print(f"  {case}: tau {settings['tau']}, IoU {rows[0][0]:.3f} to {rows[-1][0]:.3f}, "
              f"L2 {rows[-1][2]:.3f}, Linf {rows[-1][3]:.3f}")
        texts = {key: str(value) for key, value in settings.items() if key != "classes"}
        texts["classes"] = ",".join(map(str, settings["classes"]))
        save(f"attack_{case}", {"last": last}, {"network": name, **texts})
        with open(HERE / f"attack_{case}.csv", "w", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(["iteration", "iou", "pixel_accuracy", "l2", "linf", "multiplier"])
            writer.writerows([n, *(f"{value:.9g}" for value in row)] for n, row in enumerate(rows))


SMALLEST = {
    "alma_prox": ("four_classes", alma_prox, {"targeted": True}),
    "alma_prox_published": ("four_classes", alma_prox, {"published": True}),
    "alma_prox_region": ("four_classes", alma_prox, {"region": True, "rate": 3e-3}),
    "alma_prox_two_classes": ("two_classes_one_forward", alma_prox, {"steps": 24, "rate": 3e-2}),
    "alma_prox_one_channel": ("one_channel", alma_prox, {"targeted": True}),
    "pdpgd": ("four_classes", pdpgd, {}),
    "pdpgd_two_classes": ("two_classes_two_forward", pdpgd, {}),
    "pdpgd_one_channel_region": ("one_channel", pdpgd, {"region": True, "targeted": True}),
}


def make_smallest():
    """Attacks for the smallest perturbation on the networks of the other attacks. Float32 must find what float64 does."""
    defaults = {"targeted": False, "published": False, "region": False, "steps": 14}
    rates = {alma_prox: 1e-3, pdpgd: 1e-2}
    for case, (name, run, changes) in SMALLEST.items():
        settings = {**defaults, "rate": rates[run], **changes}
        weights = safetensors.torch.load_file(HERE / f"{name}.safetensors")
        with safetensors.safe_open(HERE / f"{name}.safetensors", "pt") as file:
            padding = file.metadata()["padding"]
        input = safetensors.torch.load_file(HERE / f"{name}_input.safetensors")

        def results(dtype):
            network = SimpleUnet.of({key: weight.to(dtype) for key, weight in weights.items()}, padding)
            movable = input["region"].to(dtype) if settings["region"] else None
            predict = lambda image: logits_of_classes(network(image, Margin()))
            return run(predict, input["source"].to(dtype), input["target"].long(), settings, movable)

        (tracker, last), (rounded, last_rounded) = results(torch.float64), results(torch.float32)
        apart = (torch.tensor(tracker.rows) - torch.tensor(rounded.rows)).abs().amax(dim=0)
        image = (last - last_rounded).abs().max()
        print(f"{case}: success {tracker.rows[0][6]:.3f} to {tracker.rows[-1][6]:.3f}, best {tracker.best_iteration}, "
              f"first {tracker.first}, Linf {tracker.rows[-1][3]:.4f}; float32 apart by {apart.max():.1e}, image {image:.1e}")
        assert image < 1e-7 * settings["steps"] and (apart[[0, 1, 6]] < 1e-12).all(), f"{case}: rounding decides something"
        texts = {key: str(value) for key, value in settings.items()}
        texts |= {"network": name, "method": run.__name__.replace("_", "-"), "best": str(tracker.best_iteration)}
        save(f"smallest_{case}", {"last": last}, texts)
        with open(HERE / f"smallest_{case}.csv", "w", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(["iteration", "iou", "pixel_accuracy", "l2", "linf", "multiplier", "loss", "success_rate"])
            writer.writerows([n, *(f"{value:.9g}" for value in row)] for n, row in enumerate(tracker.rows))


BUDGETS = {
    "pgd": ("four_classes", {}),
    "pgd_l2_targeted_region": ("four_classes", {"norm": "l2", "eps": 0.6, "alpha": 0.2, "targeted": True, "region": True}),
    "segpgd": ("four_classes", {"loss": "segpgd"}),
    "cospgd_l2": ("four_classes", {"loss": "cospgd", "norm": "l2", "eps": 0.6, "alpha": 0.2}),
    "cospgd_one_channel": ("one_channel", {"loss": "cospgd", "targeted": True}),
    "tsallis": ("four_classes", {"loss": "tsallis"}),
    "cosine_l2": ("four_classes", {"loss": "cos", "norm": "l2", "eps": 0.6, "alpha": 0.2}),
    "ratio_l2_targeted": ("four_classes", {"loss": "dlr", "norm": "l2", "eps": 0.6, "alpha": 0.2, "targeted": True}),
    "apgd": ("four_classes", {"loss": "mask-ce-avg", "rule": "momentum", "alpha": 0.04, "steps": 12}),
    "apgd_l2": ("four_classes", {"loss": "js-avg", "rule": "momentum", "norm": "l2", "eps": 0.5, "alpha": 1.0, "steps": 12}),
    "sea": ("four_classes", {"loss": "mask-ce-bal", "rule": "momentum", "alpha": 0.04, "steps": 10, "shrinking": True}),
    "padam": ("two_classes_one_forward", {"rule": "adam", "alpha": 0.002}),
    "dag": ("four_classes", {"loss": "dag", "rule": "largest", "alpha": 0.02}),
    "dag_targeted": ("two_classes_two_forward", {"loss": "dag", "rule": "largest", "alpha": 0.02, "targeted": True}),
}


def make_budgets():
    """Attacks with a budget on the networks of the other attacks. Float32 must find what float64 does."""
    defaults = {"targeted": False, "region": False, "steps": 6, "norm": "linf", "loss": "ce", "rule": "steepest", "eps": 0.02,
                "alpha": 0.005, "shrinking": False, "weights": [0.5, 1.0, 2.0, 0.25]}
    for case, (name, changes) in BUDGETS.items():
        settings = {**defaults, **changes}
        weights = safetensors.torch.load_file(HERE / f"{name}.safetensors")
        with safetensors.safe_open(HERE / f"{name}.safetensors", "pt") as file:
            padding = file.metadata()["padding"]
        input = safetensors.torch.load_file(HERE / f"{name}_input.safetensors")

        def results(dtype):
            network = SimpleUnet.of({key: weight.to(dtype) for key, weight in weights.items()}, padding)
            movable = input["region"].to(dtype) if settings["region"] else None
            predict = lambda image: logits_of_classes(network(image, Margin()))
            return budget(predict, input["source"].to(dtype), input["target"].long(), settings, movable)

        (rows, best, last), (rounded, best_rounded, last_rounded) = results(torch.float64), results(torch.float32)
        apart = (torch.tensor(rows) - torch.tensor(rounded)).abs().amax(dim=0)
        image = (last - last_rounded).abs().max()
        print(f"{case}: success {rows[0][6]:.3f} to {rows[-1][6]:.3f}, best {best}, L2 {rows[-1][2]:.3f}, Linf "
              f"{rows[-1][3]:.4f}; float32 apart by {apart.max():.1e}, image {image:.1e}")
        assert image < 2e-6 and (apart[[0, 1, 6]] < 1e-12).all() and best == best_rounded, f"{case}: rounding decides something"
        texts = {key: str(value) for key, value in settings.items() if key != "weights"}
        texts |= {"weights": ",".join(map(str, settings["weights"])), "network": name, "best": str(best)}
        save(f"budget_{case}", {"last": last}, texts)
        with open(HERE / f"budget_{case}.csv", "w", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(["iteration", "iou", "pixel_accuracy", "l2", "linf", "multiplier", "loss", "success_rate"])
            writer.writerows([n, *(f"{value:.9g}" for value in row)] for n, row in enumerate(rows))


def make_training(name, member, size, ignored, settings):
    """Three optimiser steps on a batch of two."""
    for seed, generator in seeds(name):
        network = SimpleUnet(generator, **member)
        initial = {key: weight.clone() for key, weight in network.weights.items()}
        image = torch.cat([smooth_image(generator, member["channels"], *size) for _ in range(2)])
        output = network(image, Margin())
        noise = torch.nn.functional.interpolate(
            torch.randn(2, member["classes"], 5, 5, generator=generator), output.shape[2:], mode="bicubic"
        )
        labels = noise.argmax(dim=1)
        if ignored:
            labels[torch.rand(labels.shape, generator=generator) < 0.1] = IGNORE
        margin, steps, weights = train(network, image, labels, settings)
        if margin.smallest > 2e-6:
            break
    print(f"{name}: seed {seed}, margin {margin.smallest:.1e}, losses {[step[0].item() for step in steps]}, "
          f"norms {[step[1].item() for step in steps]}")
    results = {"image": image, "labels": labels}
    for step, (loss, norm, gradient) in enumerate(steps, 1):
        results[f"step{step}.loss"], results[f"step{step}.norm"] = loss.reshape(1), norm.reshape(1)
        results.update({f"step{step}.{key}": tensor for key, tensor in gradient.items()})
    results.update({f"after.{key}": tensor for key, tensor in weights.items()})
    save(name, initial, network.metadata())
    texts = {key: ",".join(map(str, value)) if isinstance(value, list) else str(value or 0)
             for key, value in settings.items()}
    save(f"{name}_results", results, texts)


def main():
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    print(f"torch {torch.__version__}")
    three = dict(channels=3, base=4)
    make_simple_unet("unet_valid", (1, 3, 47, 52), **three, depth=3, classes=2, padding="valid")
    make_simple_unet("unet_same", (1, 3, 45, 52), **three, depth=3, classes=3, padding="same")
    make_mixed()
    make_tensors()
    two_classes = dict(**three, depth=2, classes=2, padding="valid")
    for schedule in ["one-forward", "two-forward"]:
        prefix = schedule.replace("-", "_")
        cases = {
            prefix: {},
            f"{prefix}_static_mask": {"mask": "static"},
            f"{prefix}_static_multiplier": {"multiplier": "static", "lambda": 20.0},
        }
        cases = {case: {"schedule": schedule, **changes} for case, changes in cases.items()}
        make_attacks(f"two_classes_{prefix}", two_classes, (30, 29), False, [], cases)
    make_attacks(
        "four_classes", dict(**three, depth=2, classes=4, padding="same"), (21, 26), True, [3],
        {
            "some_classes": {"classes": [0, 2, 3]},
            "some_classes_region": {"classes": [1, 2], "schedule": "two-forward", "region": True},
            "margin": {"classes": [0, 1, 2], "objective": "margin"},
            "margin_static_mask": {"classes": [1, 2], "objective": "margin", "mask": "static"},
        },
    )
    make_attacks(
        "one_channel", dict(channels=1, base=4, depth=2, classes=1, padding="valid"), (29, 32), True, [],
        {
            "one_channel": {"schedule": "two-forward"},
            "one_channel_margin": {"objective": "margin"},
            "one_channel_region": {"region": True, "lambda": 0.0},
        },
    )
    make_smallest()
    make_budgets()
    make_training(
        "training_two_classes", dict(**three, depth=3, classes=2, padding="same"), (16, 20), False,
        {"learning_rate": 3e-3, "weight_decay": 0.0, "most_norm": 0.5, "cross_entropy": 1.0, "dice": 1.0,
         "class_weights": None},
    )
    make_training(
        "training_three_classes", dict(**three, depth=2, classes=3, padding="valid"), (22, 24), True,
        {"learning_rate": 1e-2, "weight_decay": 0.1, "most_norm": 0.0, "cross_entropy": 1.0, "dice": 0.5,
         "class_weights": [0.25, 1.0, 2.0]},
    )
    make_windows(save)


if __name__ == "__main__":
    main()
