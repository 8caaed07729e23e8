"""asma changes a medical image as slightly as it can, until a segmentation network draws the mask that is asked for, and
says how robust the network is. It needs neither CUDA nor libtorch: networks run on any GPU that Vulkan, Metal or DX12
reaches, or on the CPU.

    import asma

    model = asma.load("unet.onnx")                                  # or weights of a known U-Net
    result = asma.attack(model, images, targets, "pgd", eps=8 / 255, steps=40)
    result.adversarial                                              # images, as many, as large
    asma.figure(result)                                             # a picture of all of it

Images are N×C×H×W (another layout is said by its name) from 0 to 1 (other bounds are said), of numpy or of anything that
has `__array__` or DLPack, such as a CPU tensor of torch. Masks are N×H×W class indices; 255 is left out of everything.

Python's lock is released while asma computes, and threads may share a model. Ctrl-C ends an attack and keeps what is done
(`Interrupted`). A process that is forked from one in which asma has computed is refused, as threads and GPU stay behind: let
`multiprocessing` spawn.
"""

from ._asma import __version__
from .attacking import AttackResult, Progress, attack
from .errors import (
    DeviceError,
    Error,
    FileError,
    Interrupted,
    LimitError,
    NetworkError,
    NotFiniteError,
    UsageError,
)
from .evaluation import Evaluation, evaluate
from .model import Model, attacks, devices, from_torch, load
from .pictures import figure

__all__ = [
    "AttackResult",
    "DeviceError",
    "Error",
    "Evaluation",
    "FileError",
    "Interrupted",
    "LimitError",
    "Model",
    "NetworkError",
    "NotFiniteError",
    "Progress",
    "UsageError",
    "__version__",
    "attack",
    "attacks",
    "devices",
    "evaluate",
    "figure",
    "from_torch",
    "load",
]
