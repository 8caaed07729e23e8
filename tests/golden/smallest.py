"""Attacks for the smallest perturbation with torch's autograd, written from their rules: ALMA-prox (Rony, Pesquet and Ben Ayed,
2023) and PDPGD (Matyasko and Chau, 2021, as adversarial-library has it for segmentation). One image at a time, in float64 or float32.

A pixel is adversarial where it is predicted otherwise than labelled, or, targeted, as labelled. An image is a success where
99 % of the counted pixels are. Pixels whose label is 255 count for nothing.
"""

import math

import torch

from attack import IGNORE, statistics


def ratio_of(logits, labels, targeted, with_spread):
    """The difference of logits, and what ALMA-prox makes of it."""
    ranked = logits.sort(dim=1, descending=True).values
    wanted = logits.gather(1, labels[:, None])[:, 0]
    others = logits.scatter(1, labels[:, None], -math.inf).amax(dim=1)
    sign = -1 if targeted else 1
    difference = wanted - others
    classes = logits.shape[1]
    spread = 1.0
    if with_spread and targeted and classes >= 4:
        spread = ranked[:, 0] - (ranked[:, 2] + ranked[:, 3]) / 2 + 1e-8
    elif with_spread and not targeted and classes >= 3:
        spread = ranked[:, 0] - ranked[:, 2] + 1e-8
    return sign * difference, sign * (difference + 1e-4) / spread


def root(point, clipped, metric, weight):
    """Where the sum over |clipped| > t of metric (|point| − t) falls to the weight, by bisection."""
    def excess(t):
        return (metric * (point.abs() - t))[clipped.abs() > t].sum()

    low, high = 0.0, clipped.abs().max().item()
    if excess(0.0) <= weight:
        return 0.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if excess(middle) > weight else (low, middle)
    return high


class Tracker:
    """The best image so far, and the rows."""

    def __init__(self, source, class_count):
        self.class_count = class_count
        self.best, self.best_iteration, self.best_distance, self.best_percent = source, 0, math.inf, 0.0
        self.first, self.rows = None, []

    def see(self, i, image, source, prediction, labels, targeted, loss, step=0.0):
        counted = labels != IGNORE
        right = ((prediction == labels) & counted).sum().item()
        all_ = counted.sum().item()
        adversarial = right if targeted else all_ - right
        difference = (image - source).double()
        distance = difference.abs().max().item()
        success = 100 * adversarial >= 99 * all_
        better = (success and distance <= self.best_distance) or (
            self.first is None and (success or adversarial >= self.best_percent)
        )
        if success and self.first is None:
            self.first = i
        if better:
            self.best, self.best_iteration = image, i
            self.best_distance, self.best_percent = distance, adversarial
        iou, accuracy = statistics(prediction, labels, range(self.class_count), self.class_count)
        self.rows.append([iou, accuracy, difference.norm().item(), distance, step, loss, adversarial / all_])
        return success


def step_length(i, iterations, tracker, rate):
    """λ of ALMA-prox, once the image of iteration i was seen."""
    middle = iterations // 2
    first = middle if tracker.first is None else min(tracker.first, middle)
    tangent = 0.1 / 0.9 * max(iterations - first, 1)
    return rate * tangent / (max(i - first, 0) + tangent)


def alma_prox(predict, source, labels, settings, movable=None):
    """Returns the tracker and the last image."""
    targeted, published, iterations = settings["targeted"], settings["published"], settings["steps"]
    counted = labels != IGNORE
    labels_in_range = labels * counted
    count = counted.sum().item()
    image, moment, scale = source.clone(), torch.zeros_like(source), 1.0
    tracker = None
    for i in range(iterations + 1):
        image.requires_grad_(True)
        logits = predict(image)
        tracker = tracker or Tracker(source, logits.shape[1])
        prediction = logits.detach().argmax(dim=1)
        difference, ratio = ratio_of(logits, labels_in_range, targeted, True)
        right = ((prediction == labels) & counted).sum().item()
        missing = count - right if targeted else right
        scale = min(max(scale / (1.02 if 100 * missing <= count else 0.98), 0.1), 1.0)
        constraint = scale * ratio
        c = constraint.detach()
        share = min(i / (iterations - 1), 1.0) if iterations > 1 else 0.0
        k = int(torch.tensor(0.01) * count * torch.tensor(share))
        keep = counted
        if k > 0:
            keep = counted & (c <= c[counted].sort(descending=True).values[k - 1])
        adversarial = (prediction == labels) if targeted else (prediction != labels)
        if i == 0:
            mu, rho = torch.ones_like(c), torch.full_like(c, 0.01)
            last, seen = c, torch.zeros_like(adversarial)
        seen = seen | adversarial
        if i > 0 and (i + 1) % 10 == 0:
            improved = c * keep <= 0.95 * last
            rho = torch.where(seen | improved, rho, 2 * rho)
            last, seen = c, torch.zeros_like(seen)

        def slope(c, mu, rho):
            above = (mu * c if published else mu) + 2 * mu * rho * c + rho**2 * c**2 / 2
            below = mu / (1 - rho.clamp(min=1) * c.clamp(max=0)) ** 2
            return torch.where(c >= 0, above, below)

        if i > 0:
            mu = (0.8 * mu + 0.2 * slope(c, mu, rho) * keep).clamp(1e-12, 1)
        above = mu * c + mu * rho * c**2 + rho**2 * c**3 / 6
        below = mu * c / (1 - rho.clamp(min=1) * c.clamp(max=0))
        loss = (torch.where(c >= 0, above, below) * keep).sum().item()
        (gradient,) = torch.autograd.grad((constraint * slope(c, mu, rho) * keep).sum(), image)
        image = image.detach()
        tracker.see(i, image, source, prediction, labels, targeted, loss)
        step = step_length(i, iterations, tracker, settings["rate"])
        tracker.rows[-1][4] = step
        if i == iterations:
            return tracker, image
        if movable is not None:
            gradient = gradient * movable
        moment = 0.8 * moment + 0.2 * gradient**2
        metric = (moment / (1 - 0.8 ** (i + 1))).sqrt().clamp(min=1e-8)
        point = image - source - step / metric * gradient
        clipped = torch.minimum(torch.maximum(point, -source), 1 - source)
        bound = root(point, clipped, metric, step)
        image = (source + clipped.clamp(-bound, bound)).clamp(0, 1)


def pdpgd(predict, source, labels, settings, movable=None):
    """Returns the tracker and the last image."""
    targeted, iterations = settings["targeted"], settings["steps"]
    counted = labels != IGNORE
    labels_in_range = labels * counted
    count = counted.sum().item()
    image = source.clone()
    first, second = torch.zeros_like(source), torch.zeros_like(source)
    tracker = None
    duals = torch.full(labels.shape, -math.log(count), dtype=torch.float64)
    for i in range(iterations + 1):
        image.requires_grad_(True)
        logits = predict(image)
        tracker = tracker or Tracker(source, logits.shape[1])
        prediction = logits.detach().argmax(dim=1)
        difference, _ = ratio_of(logits, labels_in_range, targeted, False)
        powers = duals.exp() * counted
        weights = powers / (1 + powers.sum())
        average = weights if i == 0 else 0.9 * average + 0.1 * weights
        loss = (torch.nn.functional.softplus(difference) * average).sum()
        (gradient,) = torch.autograd.grad(loss, image)
        image = image.detach()
        rate = settings["rate"] * 0.01 ** (i / iterations)
        tracker.see(i, image, source, prediction, labels, targeted, loss.item(), rate)
        if i == iterations:
            return tracker, image
        if movable is not None:
            gradient = gradient * movable
        first = 0.9 * first + 0.1 * gradient
        second = 0.999 * second + 0.001 * gradient**2
        metric = second.sqrt() / math.sqrt(1 - 0.999 ** (i + 1)) + 1e-8
        anchor = (image - rate / (1 - 0.9 ** (i + 1)) * first / metric).clamp(0, 1) - source
        share = average.sum().item()
        weight = (1 - share) / share * rate / metric.max().item()
        z = anchor
        for _ in range(5):
            point = z - metric / metric.max() * (z - anchor)
            bound = root(point, point, torch.ones_like(point), weight)
            before, z = z, (source + point.clamp(-bound, bound)).clamp(0, 1) - source
            if (z - before).norm() <= 1e-2 * z.norm():
                break
        image = source + z
        left = (iterations - 1 - i) / (iterations - 1) if iterations > 1 else 1.0
        duals = duals + 0.1 * (0.9 * left + 0.1) * difference.detach().sign()
        duals = duals.clamp(-math.log(1e12), math.log(1e12))
