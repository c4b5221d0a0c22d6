"""One net on LiteRT: checked when it is loaded, told apart from the library by its errors."""

from __future__ import annotations

import contextlib
import os
import tempfile
import threading
from collections.abc import Iterator

import cv2
import numpy as np
from ai_edge_litert.interpreter import Interpreter

from doorctl.core.card import InstalledModel
from doorctl.core.records import Image, Vector
from doorctl.errors import ModelError

_REINSTALL = "run 'doorctl models install' again"
_CHATTER = b"INFO: "
_stderr = threading.Lock()


class Net:
    """A net and the card that says how to feed it.

    One interpreter, so *not* thread-safe: give each thread a ``Net`` of its own.

    Args:
        model: the file and its card.
        threads: CPU threads that one run may use, at least 1.

    Raises:
        ModelError: the file is missing, damaged, or not what its card says.
    """

    def __init__(self, model: InstalledModel, threads: int = 1) -> None:
        self.card = model.card
        self.runs = 0
        """How often the net has run."""
        try:
            with _chatter_held_back():
                self._interpreter = Interpreter(model_path=str(model.path), num_threads=threads)
                self._interpreter.allocate_tensors()
            given = self._interpreter.get_input_details()[0]
            taken = self._interpreter.get_output_details()
        except (ValueError, RuntimeError, OSError, IndexError) as error:
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise ModelError(f"{model.path}: cannot be loaded: {reason}", _REINSTALL) from error
        expected = (1, self.card.height, self.card.width, 3)
        if tuple(given["shape"]) != expected or given["dtype"] is not np.float32:
            takes = f"{tuple(int(n) for n in given['shape'])} of {given['dtype'].__name__}"
            raise ModelError(f"{model.path}: takes {takes}, its card says {expected}", _REINSTALL)
        self._input = int(given["index"])
        self._outputs = tuple(int(output["index"]) for output in taken)
        self.shapes = tuple(tuple(int(n) for n in output["shape"]) for output in taken)
        """Shapes of the outputs, in order."""
        self._path = model.path
        mean = np.asarray(self.card.mean, np.float32)
        self._scale = np.float32(self.card.scale)
        self._offset = np.tile(-mean * self._scale, self.card.width) if mean.any() else None
        self._swap = self.card.colour == "RGB"

    def prepare(self, crop: Image) -> Vector:
        """Turn a BGR crop of the net's size into its input, as its card says.

        Returns:
            1 x height x width x 3, float32.

        Raises:
            ModelError: the crop is not height x width x 3 of bytes.
        """
        fed = np.empty((1, self.card.height, self.card.width, 3), np.float32)
        self._write(crop, fed)
        return fed

    def judge(self, crop: Image) -> tuple[Vector, ...]:
        """Run the net on a BGR crop of its size: ``prepare`` and the call in one, without a copy between.

        Returns:
            the outputs in the file's order, each a copy that stays valid.

        Raises:
            ModelError: the crop is not height x width x 3 of bytes, or the runtime fails.
        """
        try:
            # The view must be gone when the net runs, so it gets no name.
            self._write(crop, self._interpreter.tensor(self._input)())
            return self._run()
        except (ValueError, RuntimeError) as error:
            raise self._failed(error) from error

    def __call__(self, pixels: Vector) -> tuple[Vector, ...]:
        """Run the net.

        Args:
            pixels: 1 x height x width x 3, float32, as ``prepare`` makes it.

        Returns:
            the outputs in the file's order, each a copy that stays valid.

        Raises:
            ModelError: the input does not fit, or the runtime fails.
        """
        try:
            self._interpreter.set_tensor(self._input, pixels)
            return self._run()
        except (ValueError, RuntimeError) as error:
            raise self._failed(error) from error

    def invoke(self) -> None:
        """Let the interpreter run on what its input holds: what a net costs without anything round it."""
        self._interpreter.invoke()

    def _run(self) -> tuple[Vector, ...]:
        self.runs += 1
        self.invoke()
        return tuple(self._interpreter.get_tensor(output) for output in self._outputs)

    def _write(self, crop: Image, fed: Vector) -> None:
        shape = (self.card.height, self.card.width, 3)
        if crop.shape != shape or crop.dtype != np.uint8:
            raise ModelError(f"{self.card.name} takes {shape} of uint8, not {crop.shape} of {crop.dtype}")
        pixels = cv2.cvtColor(crop, cv2.COLOR_BGR2RGB) if self._swap else crop
        # A row of the picture at a time: numpy is slow on an inner loop of three channels.
        rows = fed.reshape(shape[0], -1)
        np.multiply(pixels.reshape(shape[0], -1), self._scale, out=rows, dtype=np.float32)
        if self._offset is not None:
            rows += self._offset

    def _failed(self, error: Exception) -> ModelError:
        return ModelError(f"{self._path}: the net cannot be run: {error}", _REINSTALL)


@contextlib.contextmanager
def _chatter_held_back() -> Iterator[None]:
    """Drop the notes that the native library writes past Python to stderr while it loads a file.

    It has no switch for them. Whatever else was written meanwhile, by this or any other
    thread, is written again afterwards.
    """
    with _stderr, contextlib.ExitStack() as stack:
        try:
            held = stack.enter_context(tempfile.TemporaryFile())
            real = os.dup(2)
        except OSError:  # no stderr, or nowhere to hold it: then the notes may pass
            yield
            return
        os.dup2(held.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(real, 2)
            os.close(real)
            held.seek(0)
            rest = b"".join(line for line in held if not line.startswith(_CHATTER))
            if rest:
                os.write(2, rest)
