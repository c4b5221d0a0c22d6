"""The little of ONNX's protobuf that a net needs, read by its wire format.

A message is a row of fields: a varint with the field's number and kind, then a varint,
4 or 8 bytes, or a length and that many bytes. Field numbers are those of ``onnx.proto``.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from doorctl.errors import ModelError
from doorctl.models.tflite import Floats

_FLOAT = 1
"""``TensorProto.FLOAT``, the one kind of weights that is known."""
_MOST_DIMENSIONS = 8


@dataclass(slots=True)
class Node:
    """A layer: ``op`` is ONNX's operator, inputs and outputs are names of values."""

    op: str = ""
    name: str = ""
    inputs: list[str] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)
    attributes: dict[str, list[int] | float] = field(default_factory=dict)
    """Integers, alone or several, as a list; a float as itself."""


@dataclass(slots=True)
class Onnx:
    """A net as its file tells it."""

    nodes: list[Node] = field(default_factory=list)
    weights: dict[str, Floats] = field(default_factory=dict)
    inputs: list[tuple[str, tuple[int, ...]]] = field(default_factory=list)
    """Name and shape; a side without a fixed size is 0."""
    outputs: list[tuple[str, tuple[int, ...]]] = field(default_factory=list)


def read_onnx(content: bytes, file: str) -> Onnx:
    """Read an ONNX file.

    Args:
        content: the file's bytes.
        file: its name, for messages.

    Raises:
        ModelError: the file is truncated or damaged, or holds weights that are not float32.
    """
    reader = _Reader(file)
    graphs = [body for number, body in reader.fields(content) if number == 7]
    if len(graphs) != 1:
        raise ModelError(f"{file}: {len(graphs)} graphs where an ONNX file has one: truncated, or not ONNX?")
    net = Onnx()
    for number, body in reader.fields(reader.block(graphs[0])):
        if number == 1:
            net.nodes.append(reader.node(reader.block(body)))
        elif number == 5:
            name, values = reader.tensor(reader.block(body))
            net.weights[name] = values
        elif number in (11, 12):
            (net.inputs if number == 11 else net.outputs).append(reader.value(reader.block(body)))
    net.inputs = [(name, shape) for name, shape in net.inputs if name not in net.weights]
    return net


class _Reader:
    """Reads messages; every short or odd value is a ``ModelError`` that names the file."""

    def __init__(self, file: str) -> None:
        self._file = file

    def fields(self, message: bytes) -> Iterator[tuple[int, int | bytes]]:
        """Each field's number with its value: an integer, or the bytes."""
        at = 0
        while at < len(message):
            key, at = self._varint(message, at)
            kind = key & 7
            if kind == 0:
                value, at = self._varint(message, at)
                yield key >> 3, value
                continue
            if kind == 2:
                size, at = self._varint(message, at)
            elif kind in (1, 5):
                size = 8 if kind == 1 else 4
            else:
                raise ModelError(f"{self._file}: a field of the unknown kind {kind}: damaged?")
            if size > len(message) - at:
                raise ModelError(f"{self._file}: a field of {size} bytes reaches beyond its end: truncated?")
            yield key >> 3, message[at : at + size]
            at += size

    def block(self, value: int | bytes) -> bytes:
        if isinstance(value, int):
            raise ModelError(f"{self._file}: a number where a block of bytes should stand: damaged?")
        return value

    def text(self, value: int | bytes) -> str:
        return self.block(value).decode("utf-8", "replace")

    def integer(self, value: int | bytes) -> int:
        if not isinstance(value, int):
            raise ModelError(f"{self._file}: a block of bytes where a number should stand: damaged?")
        return _signed(value)

    def integers(self, value: int | bytes) -> list[int]:
        """One integer, or several packed; ONNX's are signed, 64 bits."""
        if isinstance(value, int):
            return [_signed(value)]
        found, at = [], 0
        while at < len(value):
            number, at = self._varint(value, at)
            found.append(_signed(number))
        return found

    def node(self, message: bytes) -> Node:
        node = Node()
        for number, value in self.fields(message):
            if number == 1:
                node.inputs.append(self.text(value))
            elif number == 2:
                node.outputs.append(self.text(value))
            elif number == 3:
                node.name = self.text(value)
            elif number == 4:
                node.op = self.text(value)
            elif number == 5:
                self._attribute(self.block(value), node)
        return node

    def _attribute(self, message: bytes, node: Node) -> None:
        name, integers, real = "", list[int](), None
        for number, value in self.fields(message):
            if number == 1:
                name = self.text(value)
            elif number == 2:
                real = self._float(self.block(value))
            elif number in (3, 8):
                integers += self.integers(value)
        node.attributes[name] = integers if real is None else real

    def tensor(self, message: bytes) -> tuple[str, Floats]:
        """A name and its float32 weights."""
        name, shape, raw, kind = "", list[int](), b"", 0
        for number, value in self.fields(message):
            if number == 1:
                shape += self.integers(value)
            elif number == 2:
                kind = self.integer(value)
            elif number in (4, 9):
                raw += self.block(value)
            elif number == 8:
                name = self.text(value)
        if kind != _FLOAT:
            raise ModelError(f"{self._file}: the weights {name!r} are of kind {kind}; only float32 is known")
        if len(shape) > _MOST_DIMENSIONS or min(shape, default=1) < 1 or 4 * math.prod(shape) != len(raw):
            raise ModelError(f"{self._file}: the weights {name!r} of shape {shape} have {len(raw)} bytes")
        return name, np.frombuffer(raw, "<f4").astype(np.float32).reshape(shape)

    def value(self, message: bytes) -> tuple[str, tuple[int, ...]]:
        """A graph's input or output: its name and shape."""
        name, shape = "", list[int]()
        for number, value in self.fields(message):
            if number == 1:
                name = self.text(value)
            elif number == 2:
                # TypeProto.tensor_type (1) . shape (2) . dim (1) . dim_value (1)
                dims = [self.block(value)]
                for step in (1, 2, 1):
                    dims = [self.block(v) for dim in dims for n, v in self.fields(dim) if n == step]
                for dim in dims:
                    sizes = [self.integer(v) for n, v in self.fields(dim) if n == 1]
                    shape.append(sizes[-1] if sizes else 0)
        return name, tuple(shape)

    def _float(self, value: bytes) -> float:
        if len(value) != 4:
            raise ModelError(f"{self._file}: a float of {len(value)} bytes: damaged?")
        return float(struct.unpack("<f", value)[0])

    def _varint(self, message: bytes, at: int) -> tuple[int, int]:
        value = 0
        for shift in range(0, 70, 7):
            if at >= len(message):
                raise ModelError(f"{self._file}: it ends within a number: truncated?")
            byte = message[at]
            at += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value, at
        raise ModelError(f"{self._file}: a number of more than ten bytes: damaged?")


def _signed(value: int) -> int:
    value &= (1 << 64) - 1
    return value - (1 << 64) if value >> 63 else value
