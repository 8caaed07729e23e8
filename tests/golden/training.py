"""Three optimiser steps as PyTorch takes them, for asma's training to be compared with.

Weights and inputs are float32 numbers; what follows from them is computed in float64, so that the comparison
sees asma's rounding and not PyTorch's.
"""

import torch
import torch.nn.functional as F

from attack import IGNORE
from networks import Margin

STEPS = 3


def dice_loss(logits, labels, smoothing):
    """1 − mean soft Dice of the foreground classes, of the batch as a whole; ignored pixels left out."""
    seen = (labels != IGNORE).unsqueeze(1)
    probabilities = logits.softmax(dim=1) * seen
    classes = logits.shape[1]
    hot = F.one_hot(torch.where(labels == IGNORE, 0, labels), classes).movedim(3, 1) * seen
    overlap, sizes = (probabilities * hot).sum((0, 2, 3)), (probabilities + hot).sum((0, 2, 3))
    return 1 - ((2 * overlap + smoothing) / (sizes + smoothing))[1:].mean()


def train(network, image, labels, settings):
    """Loss, gradient and norm of each step and the weights after the last; changes the network's weights."""
    weights = {name: weight.double().requires_grad_(True) for name, weight in network.weights.items()}
    network.weights = weights
    class_weights = settings["class_weights"]
    if class_weights is not None:
        class_weights = torch.tensor(class_weights, dtype=torch.float64)
    optimiser = torch.optim.AdamW(
        weights.values(), lr=settings["learning_rate"], betas=(0.9, 0.999), eps=1e-8,
        weight_decay=settings["weight_decay"],
    )
    margin, steps = Margin(), []
    for _ in range(STEPS):
        logits = network(image.double(), margin)
        loss = settings["cross_entropy"] * F.cross_entropy(
            logits, labels, weight=class_weights, ignore_index=IGNORE
        ) + settings["dice"] * dice_loss(logits, labels, 1.0)
        optimiser.zero_grad()
        loss.backward()
        gradient = {name: weight.grad.clone() for name, weight in weights.items()}
        norm = torch.linalg.vector_norm(torch.stack([g.norm() for g in gradient.values()]))
        if settings["most_norm"] > 0:
            torch.nn.utils.clip_grad_norm_(weights.values(), settings["most_norm"])
        optimiser.step()
        steps.append((loss.detach(), norm, gradient))
    return margin, steps, weights
