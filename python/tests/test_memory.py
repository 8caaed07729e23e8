"""How much memory arrays cost: what goes in is read where it stands, what comes out is handed over."""

import subprocess
import sys
from pathlib import Path

import pytest

from conftest import WEIGHTS

SCRIPT = """
import sys
import numpy as np
import asma

def most():
    # Of this program alone: getrusage counts what its parent held, too.
    with open("/proc/self/status") as status:
        return next(1024 * int(line.split()[1]) for line in status if line.startswith("VmHWM:"))

model = asma.load(sys.argv[1], device="cpu")
images = np.full((64, 3, 192, 192), 0.5, np.float32)
work, most_grown = {
    # A byte for each pixel comes out.
    "predict": (model.predict, images.nbytes / 2),
    # Two floats for each pixel come out.
    "logits": (model.logits, images.nbytes * 2 / 3 + images.nbytes / 2),
}[sys.argv[2]]
work(images[:1])
before = most()
found = work(images)
grown = most() - before
assert len(found) == len(images)
print(f"{sys.argv[2]}: {images.nbytes / 1e6:.1f} MB in, {found.nbytes / 1e6:.1f} MB out, {grown / 1e6:.1f} MB more in use")
assert grown < most_grown, grown
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the system does not tell")
@pytest.mark.parametrize("work", ["predict", "logits"])
def test_images_are_not_held_twice(work):
    subprocess.run([sys.executable, "-c", SCRIPT, str(WEIGHTS), work], check=True, timeout=300)


def test_what_comes_back_is_the_library_s_own_memory(model, images):
    for array in (model.logits(images), model.input_gradient(images, model.logits(images)), model.predict(images)):
        assert not array.flags.owndata and array.flags.c_contiguous and array.flags.writeable
        assert not isinstance(array.base, type(array)), "no view of another array"
