"""What several tests need: the network for lesions that the repository has, and images that it can be attacked on."""

import signal
from pathlib import Path

import numpy as np
import pytest

import asma

ROOT = Path(__file__).resolve().parents[2]
WEIGHTS = ROOT / "weights" / "lesion.safetensors"
SIZE = (48, 64)


@pytest.fixture(autouse=True)
def ctrl_c_is_heard():
    """What a shell starts in the background ignores it from the start."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(scope="session")
def model():
    return asma.load(WEIGHTS, device="cpu")


def lesions(count, seed=0):
    """Skin with a dark spot, N×3×H×W of float32 from 0 to 1."""
    random = np.random.default_rng(seed)
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]].astype(np.float32)
    images = np.empty((count, 3, *SIZE), np.float32)
    for image in images:
        y, x = random.uniform(0.35, 0.65, 2) * SIZE
        spot = 1 / (1 + np.exp((np.hypot(rows - y, columns - x) - random.uniform(8, 13)) / 2))
        skin = np.array([0.85, 0.65, 0.55])[:, None, None] + random.normal(0, 0.01, (3, *SIZE))
        image[:] = np.clip(skin - 0.45 * spot, 0, 1)
    return images


@pytest.fixture(scope="session")
def images():
    return lesions(3)


@pytest.fixture(scope="session")
def targets():
    """Discs elsewhere."""
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
    return np.stack([np.hypot(rows - 20, columns - x) < 10 for x in (15, 30, 45)]).astype(np.uint8)
