"""A ``.tflite`` net as ONNX, so that ONNX Runtime can be timed on the very same weights.

Just the operators that doorctl's nets have. Pictures are NCHW here, as that runtime likes
them. The protobuf fields are numbered as in ``onnx.proto``.
"""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from numpy.typing import NDArray

_OPSET, _IR = 13, 8
_FLOAT, _INT64 = 1, 7
_NAMES = {number: name for name, number in vars(schema.BuiltinOperator).items() if not name.startswith("_")}
_TYPES = {0: np.float32, 1: np.float16, 2: np.int32}
_FUSED = {1: "Relu", 3: "Relu6"}
_PLAIN = {"ADD": "Add", "MUL": "Mul", "RELU": "Relu", "LOGISTIC": "Sigmoid"}


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def _field(number: int, value: int | bytes | str) -> bytes:
    if isinstance(value, int):
        return _varint(number << 3) + _varint(value)
    body = value.encode() if isinstance(value, str) else value
    return _varint(number << 3 | 2) + _varint(len(body)) + body


def _attribute(name: str, value: int | float | list[int]) -> bytes:
    if isinstance(value, float):
        return _field(1, name) + _varint(2 << 3 | 5) + struct.pack("<f", value) + _field(20, 1)
    if isinstance(value, int):
        return _field(1, name) + _field(3, value) + _field(20, 2)
    return _field(1, name) + b"".join(_field(8, v) for v in value) + _field(20, 7)


def _value(name: str, shape: list[int]) -> bytes:
    sides = b"".join(_field(1, _field(1, side)) for side in shape)
    return _field(1, name) + _field(2, _field(1, _field(1, _FLOAT) + _field(2, sides)))


class Converter:
    """Rewrites the operators of one file."""

    def __init__(self, content: bytes) -> None:
        self._model = schema.ModelT.InitFromPackedBuf(content, 0)
        self._graph = self._model.subgraphs[0]
        self._nodes: list[bytes] = []
        self._weights: list[bytes] = []
        self._constants = {
            i: c for i in range(len(self._graph.tensors)) if (c := self._constant(i)) is not None
        }

    def convert(self) -> bytes:
        """The ONNX file. Outputs come in the file's order; four-dimensional ones as NCHW.

        Raises:
            NotImplementedError: the net has an operator that is not known here.
        """
        for operator in self._graph.operators:
            code = self._model.operatorCodes[operator.opcodeIndex]
            self._rewrite(_NAMES[max(code.builtinCode, code.deprecatedBuiltinCode)], operator)
        (given,) = self._graph.inputs
        _, height, width, channels = self._shape(given)
        graph = b"".join(_field(1, node) for node in self._nodes) + _field(2, "net")
        graph += b"".join(_field(5, weight) for weight in self._weights)
        graph += _field(11, _value(f"t{given}", [1, channels, height, width]))
        graph += b"".join(
            _field(12, _value(f"t{i}", self._turned(self._shape(i)))) for i in self._graph.outputs
        )
        return _field(1, _IR) + _field(7, graph) + _field(8, _field(1, "") + _field(2, _OPSET))

    def _rewrite(self, name: str, operator: Any) -> None:
        x, *rest = operator.inputs
        (y,) = operator.outputs
        options, out = operator.builtinOptions, f"t{y}"
        fused = _FUSED.get(getattr(options, "fusedActivationFunction", 0))
        raw = out + "raw" if fused else out
        match name:
            case "DEQUANTIZE":
                self._constants[y] = self._constants[x].astype(np.float32)
            case "CONV_2D" | "DEPTHWISE_CONV_2D":
                order, group = ((0, 3, 1, 2), 1) if name == "CONV_2D" else ((3, 0, 1, 2), self._shape(x)[3])
                kernel = self._constants[rest[0]].transpose(order)
                inputs = [f"t{x}", self._weight(kernel), self._weight(self._constants[rest[1]])]
                window = self._window(x, y, options, list(kernel.shape[2:]))
                self._node("Conv", inputs, raw, group=group, **window)
            case "MAX_POOL_2D" | "AVERAGE_POOL_2D":
                kind = "MaxPool" if name == "MAX_POOL_2D" else "AveragePool"
                self._node(
                    kind,
                    [f"t{x}"],
                    raw,
                    **self._window(x, y, options, [options.filterHeight, options.filterWidth]),
                )
            case "PRELU":
                slope = self._constants[rest[0]].reshape(-1, 1, 1)
                self._node("PRelu", [f"t{x}", self._weight(slope)], out)
            case "PAD":
                before, after = self._constants[rest[0]][[0, 3, 1, 2]].T
                self._node("Pad", [f"t{x}", self._weight(np.concatenate([before, after]))], out)
            case "ADD" | "MUL" | "RELU" | "LOGISTIC":
                self._node(_PLAIN[name], [self._operand(i) for i in (x, *rest)], raw)
            case "MEAN":
                self._node("GlobalAveragePool", [f"t{x}"], out)
            case "SOFTMAX":
                self._node("Softmax", [f"t{x}"], out, axis=1)
            case "CONCATENATION":
                self._node("Concat", [f"t{i}" for i in (x, *rest)], out, axis=options.axis)
            case "FULLY_CONNECTED":
                inputs = [f"t{x}", *(self._weight(self._constants[i]) for i in rest)]
                self._node("Gemm", inputs, raw, transB=1)
            case "RESHAPE":
                self._node("Transpose", [f"t{x}"], out + "turned", perm=[0, 2, 3, 1])
                shape = self._weight(np.array(self._shape(y), np.int32))
                self._node("Reshape", [out + "turned", shape], out)
            case _:
                raise NotImplementedError(f"{name} is not known here")
        if fused == "Relu6":
            limits = [self._weight(np.array(v, np.float32)) for v in (0, 6)]
            self._node("Clip", [raw, *limits], out)
        elif fused:
            self._node(fused, [raw], out)

    def _window(self, x: int, y: int, options: Any, kernel: list[int]) -> dict[str, list[int]]:
        strides, pads = [options.strideH, options.strideW], [0, 0, 0, 0]
        if options.padding == schema.Padding.SAME:
            for i in (0, 1):
                room = (self._shape(y)[1 + i] - 1) * strides[i] + kernel[i] - self._shape(x)[1 + i]
                pads[i], pads[2 + i] = max(0, room) // 2, max(0, room) - max(0, room) // 2
        return {"kernel_shape": kernel, "strides": strides, "pads": pads}

    def _operand(self, i: int) -> str:
        if i not in self._constants:
            return f"t{i}"
        values = self._constants[i]
        return self._weight(values.transpose(0, 3, 1, 2) if values.ndim == 4 else values)

    def _node(self, kind: str, inputs: list[str], output: str, **attributes: int | float | list[int]) -> None:
        body = b"".join(_field(1, name) for name in inputs) + _field(2, output) + _field(4, kind)
        self._nodes.append(body + b"".join(_field(5, _attribute(k, v)) for k, v in attributes.items()))

    def _weight(self, values: NDArray[Any]) -> str:
        kind, dtype = (_FLOAT, "<f4") if values.dtype.kind == "f" else (_INT64, "<i8")
        name = f"w{len(self._weights)}"
        sides = b"".join(_field(1, side) for side in values.shape)
        content = np.ascontiguousarray(values, dtype).tobytes()
        self._weights.append(sides + _field(2, kind) + _field(8, name) + _field(9, content))
        return name

    def _constant(self, i: int) -> NDArray[Any] | None:
        tensor = self._graph.tensors[i]
        data = self._model.buffers[tensor.buffer].data
        if data is None or not len(data):
            return None
        return np.frombuffer(bytes(data), _TYPES[tensor.type]).reshape(self._shape(i))

    def _shape(self, i: int) -> list[int]:
        return [int(side) for side in self._graph.tensors[i].shape]

    @staticmethod
    def _turned(shape: list[int]) -> list[int]:
        return [shape[0], shape[3], shape[1], shape[2]] if len(shape) == 4 else shape
