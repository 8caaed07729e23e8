"""What can go wrong. Every message says what was found, what was wanted and what to do."""

from __future__ import annotations

from typing import Any


class Error(Exception):
    """Base of all exceptions of asma."""


class UsageError(Error, ValueError):
    """Something was asked for that cannot be: an array of another shape, a negative step, a class out of range."""


class FileError(Error):
    """A file could not be read or understood."""


class NetworkError(Error):
    """A network that cannot be built, or cannot take images of this size."""


class LimitError(Error):
    """A tensor that the device's limits do not allow."""


class DeviceError(Error, RuntimeError):
    """No such device, or the device failed."""


class NotFiniteError(Error, ArithmeticError):
    """Numbers left the finite range, so that nothing computed from there on would mean anything."""


class Interrupted(KeyboardInterrupt):
    """Ctrl-C ended an attack or an evaluation. What was done by then is in `result`.

    It is a `KeyboardInterrupt`, so that a program that does not catch it ends, as on every other Ctrl-C.
    """

    def __init__(self, what: str, result: Any) -> None:
        super().__init__(f"{what} was interrupted; what is done is in this exception's `result`")
        self.result = result
