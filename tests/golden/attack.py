"""The adaptive segmentation mask attack with torch's autograd, written from its equations:

    J(X_n)  = Σ_c Σ_p 1[Y_p = c] · 1[M_n,p ≠ c] · g(X_n)_c,p − λ‖X − X_n‖²
    X_n+1   = clip(X_n + α_n ∇J(X_n)),   α_n = β · IoU + τ,   α_0 = τ

with M_n the prediction argmax_c g(X_n)_c and Y the target. Pixels whose target is 255 count for nothing.
The objective `margin` has g(X_n)_c,p − max_k≠c g(X_n)_k,p for g(X_n)_c,p.
"""

import torch

IGNORE = 255


def logits_of_classes(logits):
    """A network with one channel z separates two classes with the logits −z and z."""
    return torch.cat([-logits, logits], dim=1) if logits.shape[1] == 1 else logits


def statistics(prediction, target, classes, class_count):
    """IoU and pixel accuracy; for two classes the foreground's IoU, else the mean over those of `classes` that are there."""
    counted = target != IGNORE
    ious = []
    for c in [1] if class_count == 2 else classes:
        found, wanted = (prediction == c) & counted, (target == c) & counted
        union = (found | wanted).sum().item()
        if union:
            ious.append((found & wanted).sum().item() / union)
    correct = ((prediction == target) & counted).sum().item()
    return sum(ious) / len(ious) if ious else 1.0, correct / counted.sum().item()


def attack(network, margins, source, target, settings, region=None):
    """Runs the attack; returns the rows (IoU, pixel accuracy, L2, L∞, multiplier) and the last image.

    `margins` are two: for the gradient's jumps, and for how close two classes' logits come to each other.
    """
    kinks, classes_margin = margins
    tau, beta, adaptive = settings["tau"], settings["beta"], settings["mask"] == "adaptive"
    two_forward = settings["schedule"] == "two-forward"
    movable = torch.ones_like(source) if region is None else region.expand_as(source)
    image, multiplier, rows = source.clone(), tau, []

    def predict(image):
        logits = logits_of_classes(network(image, kinks))
        # Of a margin all logits matter: which of the others is largest decides where it pulls.
        ranked = logits.detach().sort(dim=1, descending=True).values
        compared = None if settings["objective"] == "margin" else 2
        classes_margin.see((ranked[:, :-1] - ranked[:, 1:])[:, : compared and compared - 1])
        return logits, logits.detach().argmax(dim=1)

    def row(prediction, image):
        class_count = max(2, network.weights["conv_final.bias"].shape[0])
        scores = statistics(prediction, target, settings["classes"], class_count)
        difference = (source - image).double()
        return [*scores, difference.norm().item(), difference.abs().max().item()]

    for iteration in range(settings["iterations"]):
        image.requires_grad_(True)
        logits, prediction = predict(image)
        objective = -settings["lambda"] * ((source - image) ** 2).sum()
        for c in settings["classes"]:
            mask = target == c
            if adaptive:
                mask = mask & (prediction != c)
            raised = logits[:, c]
            if settings["objective"] == "margin":
                others = [k for k in range(logits.shape[1]) if k != c]
                raised = raised - logits[:, others].amax(dim=1)
            objective = objective + (raised * mask).sum()
        (gradient,) = torch.autograd.grad(objective, image)
        image = image.detach()
        if not two_forward:
            numbers = row(prediction, image)
            if settings["multiplier"] == "dynamic" and iteration > 0:
                multiplier = beta * numbers[0] + tau
        stepped = torch.where(movable > 0, image + multiplier * gradient, image)
        if two_forward:
            with torch.no_grad():
                numbers = row(predict(stepped)[1], stepped)
        rows.append([*numbers, multiplier])
        if two_forward and settings["multiplier"] == "dynamic":
            multiplier = beta * numbers[0] + tau
        image = stepped.clamp(0, 1)
    return rows, image


def step_size(network, margins, source, target, settings, first_step):
    """τ, to two digits, that gives the first step this root mean square; None if nothing moves the image."""
    trial = {**settings, "iterations": 1, "tau": 1e-3, "beta": 0.0, "multiplier": "static"}
    grey = source.clamp(0.1, 0.9)
    _, image = attack(network, margins, grey, target, trial)
    moved = (image - grey).square().mean().sqrt().item() / 1e-3
    return float(f"{first_step / moved:.2g}") if moved > 0 else None
