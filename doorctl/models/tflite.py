"""Writes TFLite files: tensors, constants and operators in, a flatbuffer out.

Only numpy and LiteRT's own flatbuffers schema are used. Tensors are float32 and NHWC,
one sub-graph, one input, one output. The same calls give the same bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from numpy.typing import NDArray

from doorctl.errors import ModelError

Floats = NDArray[np.float32]

_SCHEMA_VERSION = 3
_IDENTIFIER = b"TFL3"
_ALIGNMENT = 16
"""The schema's ``force_align`` of a buffer's data; kernels load constants by 16 bytes."""
_MOST_ELEMENTS = 1 << 26
"""No net here has a tensor a hundredth as large; beyond this a shape is a damaged file's."""


@dataclass(frozen=True, slots=True)
class Tensor:
    """A value in the graph: its number in the sub-graph and its shape (NHWC or NC)."""

    index: int
    shape: tuple[int, ...]

    @property
    def channels(self) -> int:
        return self.shape[-1]


class _AlignedBuffer(schema.BufferT):  # type: ignore[misc]  # the schema has no type hints
    """A buffer whose data starts at a multiple of 16; the generated class packs at 1."""

    def Pack(self, builder: Any) -> int:  # noqa: N802 - the generated class's name
        offset = None
        if self.data is not None:
            content = bytes(self.data)
            builder.StartVector(1, len(content), _ALIGNMENT)
            builder.head -= len(content)
            builder.Bytes[builder.head : builder.head + len(content)] = content
            offset = builder.EndVector()
        schema.BufferStart(builder)
        if offset is not None:
            schema.BufferAddData(builder, offset)
        return int(schema.BufferEnd(builder))


class Writer:
    """Collects a sub-graph and writes it out."""

    def __init__(self, description: str) -> None:
        self._description = description
        self._tensors: list[Any] = []
        self._operators: list[Any] = []
        self._codes: list[int] = []
        self._buffers: list[Any] = [_AlignedBuffer()]
        self._inputs: list[int] = []

    def input(self, name: str, shape: tuple[int, ...]) -> Tensor:
        """Declare the graph's input."""
        tensor = self._tensor(name, shape, schema.TensorType.FLOAT32, 0)
        self._inputs.append(tensor.index)
        return tensor

    def constant(self, name: str, values: NDArray[Any]) -> Tensor:
        """Store float32 or int32 values in the file.

        Raises:
            ModelError: a value is not a finite number.
        """
        integer = values.dtype.kind == "i"
        if not integer and not np.isfinite(values).all():
            raise ModelError(f"{self._description}: the weights {name!r} hold a value that is not a number")
        buffer = _AlignedBuffer()
        buffer.data = np.ascontiguousarray(values, dtype="<i4" if integer else "<f4").tobytes()
        self._buffers.append(buffer)
        kind = schema.TensorType.INT32 if integer else schema.TensorType.FLOAT32
        return self._tensor(name, values.shape, kind, len(self._buffers) - 1)

    def operator(
        self, name: str, code: str, inputs: list[Tensor], shape: tuple[int, ...], **options: Any
    ) -> Tensor:
        """Add an operator whose one output has ``shape``.

        Args:
            name: of the output.
            code: the schema's ``BuiltinOperator``, such as ``CONV_2D``; version 1 of each is
                what float32 without dilation needs.
            inputs: in the order that the operator expects.
            shape: of the output.
            options: the fields of the operator's options table, whose name is given as ``table``.
        """
        number = getattr(schema.BuiltinOperator, code)
        if number not in self._codes:
            self._codes.append(number)
        operator = schema.OperatorT()
        operator.opcodeIndex = self._codes.index(number)
        operator.inputs = [tensor.index for tensor in inputs]
        table = options.pop("table", None)
        if table is not None:
            operator.builtinOptionsType = getattr(schema.BuiltinOptions, table)
            operator.builtinOptions = getattr(schema, table + "T")()
            for field, value in options.items():
                setattr(operator.builtinOptions, field, value)
        output = self._tensor(name, shape, schema.TensorType.FLOAT32, 0)
        operator.outputs = [output.index]
        self._operators.append(operator)
        return output

    def finish(self, output: Tensor) -> bytes:
        """The file whose graph ends at ``output``."""
        graph = schema.SubGraphT()
        graph.name = "main"
        graph.tensors = self._tensors
        graph.inputs = self._inputs
        graph.outputs = [output.index]
        graph.operators = self._operators
        model = schema.ModelT()
        model.version = _SCHEMA_VERSION
        model.description = self._description
        model.operatorCodes = [_operator_code(number) for number in self._codes]
        model.subgraphs = [graph]
        model.buffers = self._buffers
        builder = flatbuffers.Builder(1 << 20)
        builder.Finish(model.Pack(builder), file_identifier=_IDENTIFIER)
        return bytes(builder.Output())

    def _tensor(self, name: str, shape: tuple[int, ...], kind: int, buffer: int) -> Tensor:
        elements = 1
        for side in shape:
            elements *= side
            if side < 1 or elements > _MOST_ELEMENTS:
                raise ModelError(f"{self._description}: {name!r} would have the shape {list(shape)}")
        tensor = schema.TensorT()
        tensor.name = name
        tensor.shape = list(shape)
        tensor.type = kind
        tensor.buffer = buffer
        self._tensors.append(tensor)
        return Tensor(len(self._tensors) - 1, tuple(shape))


def _operator_code(number: int) -> Any:
    code = schema.OperatorCodeT()
    code.builtinCode = number
    # Readers that are older than the wide field look at this one; 127 sends them to it.
    code.deprecatedBuiltinCode = min(number, 127)
    code.version = 1
    return code
