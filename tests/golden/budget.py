"""Attacks with a budget with torch's autograd, written from their rules: PGD and its kin, APGD (Croce and Hein, 2020), SEA's
phases (Croce, Singh and Hein, 2023), AMSGrad, DAG (Xie et al., 2017). One image at a time, in float64 or float32.

Every loss is summed over the counted pixels and stepped up, targeted down; what is weighed by is a constant.
"""

import math

import torch

from attack import IGNORE, statistics


def loss_of(logits, labels, counted, settings, share):
    """What is stepped up, the loss of the trace, and the cross-entropy, all as sums."""
    targeted = settings["targeted"]
    classes = logits.shape[1]
    p = logits.softmax(dim=1)
    logarithm = logits.log_softmax(dim=1).gather(1, labels[:, None])[:, 0]
    own = p.gather(1, labels[:, None])[:, 0]
    wanted = logits.gather(1, labels[:, None])[:, 0]
    others = logits.scatter(1, labels[:, None], -math.inf).amax(dim=1)
    agrees = logits.detach().argmax(dim=1) == labels
    meant = agrees != targeted
    name = settings["loss"]
    if name == "ce":
        loss = -logarithm
    elif name == "segpgd":
        loss = torch.where(meant, 1 - share / 2, share / 2) * -logarithm
    elif name == "cospgd":
        cosine = (own / p.square().sum(dim=1).sqrt()).detach()
        loss = (1 - cosine if targeted else cosine) * -logarithm
    elif name == "mask-ce-avg":
        loss = meant * -logarithm
    elif name == "mask-ce-bal":
        loss = meant * torch.tensor(settings["weights"], dtype=logits.dtype)[labels] * -logarithm
    elif name == "js-avg":
        loss = math.log(2) + (own * logarithm - (1 + own) * (1 + own).log()) / 2
    elif name == "tsallis":
        q = -2 + 3 * share
        loss = (1 - own ** (1 - q)) / (1 - q) if q != 1 else -logarithm
    elif name == "cos":
        loss = 1 - wanted / logits.square().sum(dim=1).sqrt()
    elif name == "dlr":
        ranked = logits.sort(dim=1, descending=True).values
        lower = (ranked[:, 2] + ranked[:, 3]) / 2 if targeted else ranked[:, 2]
        loss = (wanted - others) / (ranked[:, 0] - lower + 1e-8)
    elif name == "dag":
        loss = (others - wanted if targeted else wanted - others).clamp(min=0)
    falls = {"dag": True, "dlr": not targeted}.get(name, targeted)
    total = (loss * counted).sum()
    return -total if falls else total, total.item(), -(logarithm * counted).sum().item()


def checks(steps):
    window, least, less = max(int(0.22 * steps), 1), max(int(0.06 * steps), 1), max(int(0.03 * steps), 1)
    found, count = {}, 0
    while count + window <= steps:
        count += window
        found[count] = window
        window = max(window - less, least)
    return found


def budget(predict, source, labels, settings, movable=None):
    """Returns the rows, the best iteration and the last image."""
    targeted, norm, rule = settings["targeted"], settings["norm"], settings["rule"]
    counted = labels != IGNORE
    in_range = labels * counted
    movable = torch.ones_like(source) if movable is None else movable.expand_as(source)
    phases = [(settings["steps"], 1.0)]
    if settings["shrinking"]:
        third = 3 * settings["steps"] // 10
        phases = [(third, 2.0), (third, 1.5), (settings["steps"] - 2 * third, 1.0)]
    rows, image, best, best_iteration = [], source.clone(), source, 0

    def within(value, radius):
        distance = value - source
        if norm == "linf":
            distance = distance.clamp(-radius, radius)
        elif distance.norm() > radius:
            distance = distance * (radius / distance.norm())
        return source + ((source + distance).clamp(0, 1) - source) * movable

    for number, (steps, factor) in enumerate(phases):
        radius, step = factor * settings["eps"], factor * settings["alpha"]
        best_score, highest, halved, rises, before = -1, -math.inf, True, 0, image
        mean, square, largest = (torch.zeros_like(source) for _ in range(3))
        for i in range(steps + 1):
            image = image.detach().requires_grad_(True)
            logits = predict(image)
            total, shown, entropy = loss_of(logits, in_range, counted, settings, i / steps)
            (gradient,) = torch.autograd.grad(total, image)
            image, gradient = image.detach(), gradient * movable
            prediction = logits.detach().argmax(dim=1)
            right = ((prediction == labels) & counted).sum().item()
            score = right if targeted else counted.sum().item() - right
            if score >= best_score:
                best, best_score, best_iteration = image, score, len(rows)
            tracked = -entropy if targeted else entropy
            if i == 0:
                last, checked = tracked, tracked
            rises += i > 0 and tracked > last
            last = tracked
            if tracked > highest:
                highest, top, slope = tracked, image, gradient
            if rule == "momentum" and i in checks(steps):
                goes_back = rises <= 0.75 * checks(steps)[i] or (not halved and highest == checked)
                halved, checked, rises = goes_back, highest, 0
                if goes_back:
                    step, image_from, gradient = step / 2, top, slope
            at = top if rule == "momentum" and i in checks(steps) and goes_back else image
            used = step
            if rule == "adam":
                used = step / (1 - 0.9 ** (i + 1))
            iou, accuracy = statistics(prediction, labels, range(logits.shape[1]), logits.shape[1])
            difference = (image - source).double()
            scale = 1 if settings["loss"] == "dag" else prediction.numel()
            rows.append([iou, accuracy, difference.norm().item(), difference.abs().max().item(), used, shown / scale,
                         score / counted.sum().item()])
            if i == steps:
                break
            if rule == "adam":
                scaled = gradient / prediction.numel()
                mean = 0.9 * mean + 0.1 * scaled
                square = 0.999 * square + 0.001 * scaled**2
                largest = torch.maximum(largest, square)
                direction = mean / (largest.sqrt() / math.sqrt(1 - 0.999 ** (i + 1)) + 1e-8)
            elif rule == "largest":
                direction = gradient / gradient.abs().max().clamp(min=1e-8)
            elif norm == "linf":
                direction = gradient.sign()
            else:
                direction = gradient / gradient.norm().clamp(min=1e-12)
            moved = within(at + used * direction, radius) if rule != "largest" else (at + used * direction).clamp(0, 1)
            if rule == "momentum":
                a = 1.0 if i == 0 else 0.75
                moved = within(at + a * (moved - at) + (1 - a) * (at - before), radius)
            before, image = at, moved
        if number + 1 < len(phases):
            image = within(best, phases[number + 1][1] * settings["eps"])
    return rows, best_iteration, image
