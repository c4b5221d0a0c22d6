"""An OpenVINO IR (face-reidentification-retail-0095: ``.xml`` and ``.bin``) as TFLite.

The XML lists layers and the edges between their ports; constants are slices of the
``.bin`` file, here FP16, which become float32.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from xml.etree import ElementTree

import numpy as np

from doorctl.errors import ModelError
from doorctl.models.graph import Graph, Window
from doorctl.models.tflite import Floats, Tensor

_KINDS: dict[str, np.dtype[np.float16 | np.float32]] = {"f16": np.dtype("<f2"), "f32": np.dtype("<f4")}
_PORTS = {str(port) for port in range(8)}
_MOST_DIMENSIONS = 8


def convert(xml: bytes, weights: bytes, name: str) -> bytes:
    """Turn an IR's two files into a TFLite file.

    The graph takes 1 x height x width x channels float32; the output is flat, 1 x n.

    Raises:
        ModelError: a file is truncated, damaged, or holds an op that is not known.
    """
    layers = _read(xml, name)
    net = _Net(name, weights, layers)
    # Constants first, for a convolution takes in the one that the layer after it adds.
    for layer in sorted(layers.values(), key=lambda layer: layer.op not in ("Const", "Convert")):
        net.add(layer)
    if net.output is None:
        raise ModelError(f"{name}: the XML has no Result layer")
    return net.graph.finish(net.graph.flatten("embedding", net.output))


@dataclass(slots=True)
class _Layer:
    number: str
    name: str
    op: str
    data: dict[str, str]
    inputs: dict[int, str] = field(default_factory=dict)
    """The number of the layer that feeds each input port."""


class _Net:
    """The graph as far as it has been built; each layer's value by its number."""

    def __init__(self, file: str, weights: bytes, layers: dict[str, _Layer]) -> None:
        self.graph = Graph(file)
        self.output: Tensor | None = None
        self._file = file
        self._weights = weights
        self._unused = len(weights)
        self._values: dict[str, Tensor] = {}
        self._constants: dict[str, Floats] = {}
        self._absorbed: dict[str, str] = {}
        """The convolution that took in an Add layer's constant, by the Add's number."""
        self._users: defaultdict[str, list[_Layer]] = defaultdict(list)
        for layer in layers.values():
            for feeder in layer.inputs.values():
                self._users[feeder].append(layer)
        self._builders: dict[str, Callable[[_Layer], Tensor | None]] = {
            "Parameter": self._parameter,
            "Const": self._constant,
            "Convert": self._conversion,
            "Convolution": self._convolution,
            "GroupConvolution": self._depthwise,
            "PReLU": lambda n: self.graph.prelu(n.name, self._value(n, 0), self._weight(n, 1)),
            "Sigmoid": lambda n: self.graph.sigmoid(n.name, self._value(n, 0)),
            "Add": lambda n: self._combine(n, self.graph.add),
            "Multiply": lambda n: self._combine(n, self.graph.multiply),
            "AvgPool": self._average,
            "Result": self._result,
        }

    def add(self, layer: _Layer) -> None:
        """Add one layer and remember its value."""
        if layer.op not in self._builders:
            raise ModelError(
                f"{self._file}: layer {layer.name!r} is {layer.op!r}, an op that the converter does not know"
            )
        value = self._builders[layer.op](layer)
        if value is not None:
            self._values[layer.number] = value

    def _parameter(self, layer: _Layer) -> Tensor:
        shape = self._integers(layer, "shape", 4)
        if shape[0] != 1 or self._values:
            raise self._odd(layer, "a batch, or is a second input")
        return self.graph.input(shape[2], shape[3], shape[1])

    def _constant(self, layer: _Layer) -> None:
        shape = self._integers(layer, "shape", None)
        (offset,), (size,) = self._integers(layer, "offset", 1), self._integers(layer, "size", 1)
        kind = _KINDS.get(layer.data.get("element_type", ""))
        if kind is None:
            raise self._odd(layer, f"weights of type {layer.data.get('element_type')!r}")
        if len(shape) > _MOST_DIMENSIONS or 0 in shape or kind.itemsize * math.prod(shape) != size:
            raise self._odd(layer, f"{size} bytes for the shape {shape}")
        if offset + size > len(self._weights):
            raise self._odd(layer, "weights beyond the end of the .bin file: truncated?")
        # Each byte is used once, so that a small file cannot name itself a thousand times over.
        self._unused -= size
        if self._unused < 0:
            raise self._odd(layer, "weights that other layers hold already")
        values = np.frombuffer(self._weights, kind, math.prod(shape), offset)
        self._constants[layer.number] = values.astype(np.float32).reshape(shape)

    def _conversion(self, layer: _Layer) -> None:
        if layer.data.get("destination_type") != "f32":
            raise self._odd(layer, "a destination that is not f32")
        self._constants[layer.number] = self._weight(layer, 0)

    def _convolution(self, layer: _Layer) -> Tensor:
        weights = self._weight(layer, 1)
        if weights.ndim != 4:
            raise self._odd(layer, f"weights of {weights.ndim} dimensions")
        window = self._window(layer, weights)
        bias = self._bias(layer, weights.shape[0])
        return self.graph.convolution(layer.name, self._value(layer, 0), weights, bias, window)

    def _depthwise(self, layer: _Layer) -> Tensor:
        x, weights = self._value(layer, 0), self._weight(layer, 1)
        if weights.ndim != 5 or weights.shape[:3] != (x.channels, 1, 1):
            raise self._odd(layer, f"weights {list(weights.shape)} for {x.channels} channels")
        window = self._window(layer, weights)
        return self.graph.depthwise(layer.name, x, weights[:, 0, 0], self._bias(layer, x.channels), window)

    def _bias(self, layer: _Layer, channels: int) -> Floats | None:
        """The constant that the next layer adds, where nothing else uses the bare value."""
        users = self._users[layer.number]
        if len(users) != 1 or users[0].op != "Add":
            return None
        others = [feeder for feeder in users[0].inputs.values() if feeder != layer.number]
        values = self._constants.get(others[0]) if len(others) == 1 else None
        if values is None or values.shape != (1, channels, 1, 1):
            return None
        self._absorbed[users[0].number] = layer.number
        return values.reshape(-1)

    def _combine(self, layer: _Layer, operator: Callable[[str, Tensor, Tensor], Tensor]) -> Tensor:
        if layer.number in self._absorbed:
            return self._values[self._absorbed[layer.number]]
        x = self._value(layer, 0)
        feeder = layer.inputs.get(1, "")
        if feeder in self._constants:
            values = self._constants[feeder]
            if values.shape != (1, x.channels, 1, 1):
                raise self._odd(layer, f"a constant of shape {list(values.shape)} for {x.channels} channels")
            return operator(layer.name, x, self.graph.per_channel(layer.name + "/constant", x, values))
        return operator(layer.name, x, self._value(layer, 1))

    def _average(self, layer: _Layer) -> Tensor:
        x = self._value(layer, 0)
        kernel = self._integers(layer, "kernel", 2)
        if [*kernel] != [*x.shape[1:3]] or any(
            self._integers(layer, "pads_begin", 2) + self._integers(layer, "pads_end", 2)
        ):
            raise self._odd(layer, "a window that is not the whole picture")
        return self.graph.mean(layer.name, x)

    def _result(self, layer: _Layer) -> None:
        if self.output is not None:
            raise self._odd(layer, "another Result before it, where one is known")
        self.output = self._value(layer, 0)

    def _window(self, layer: _Layer, weights: Floats) -> Window:
        if layer.data.get("auto_pad", "explicit") != "explicit":
            raise self._odd(layer, f"the padding {layer.data['auto_pad']!r}")
        if self._integers(layer, "dilations", 2) != [1, 1]:
            raise self._odd(layer, "dilations")
        down, right = self._integers(layer, "strides", 2)
        pads = self._integers(layer, "pads_begin", 2) + self._integers(layer, "pads_end", 2)
        rows, columns = weights.shape[-2:]
        return Window((rows, columns), (down, right), (pads[0], pads[1], pads[2], pads[3]))

    def _value(self, layer: _Layer, port: int) -> Tensor:
        feeder = layer.inputs.get(port, "")
        if feeder not in self._values:
            raise self._odd(layer, f"an input {port} that no earlier layer makes")
        return self._values[feeder]

    def _weight(self, layer: _Layer, port: int) -> Floats:
        feeder = layer.inputs.get(port, "")
        if feeder not in self._constants:
            raise self._odd(layer, f"an input {port} that is not a constant")
        return self._constants[feeder]

    def _integers(self, layer: _Layer, name: str, count: int | None) -> list[int]:
        words = layer.data.get(name, "").replace(",", " ").split()
        if not all(word.isascii() and word.isdigit() and len(word) < 12 for word in words) or (
            count is not None and len(words) != count
        ):
            raise self._odd(layer, f"{name}={layer.data.get(name)!r}")
        return [int(word) for word in words]

    def _odd(self, layer: _Layer, what: str) -> ModelError:
        return ModelError(f"{self._file}: layer {layer.name!r} ({layer.op}) has {what}")


def _read(xml: bytes, file: str) -> dict[str, _Layer]:
    """The layers in the file's order, which is one in which each can be computed."""
    # No IR declares a document type, and entities are how a small XML grows without bound.
    if b"<!DOCTYPE" in xml or b"<!ENTITY" in xml:
        raise ModelError(f"{file}: the XML declares a document type, which no IR does")
    try:
        root = ElementTree.fromstring(xml.decode("utf-8"))
    except (ElementTree.ParseError, ValueError) as error:
        raise ModelError(f"{file}: the XML cannot be read ({error}): truncated?") from error
    layers = {}
    for item in root.iterfind("layers/layer"):
        data = item.find("data")
        number = item.get("id", "")
        layers[number] = _Layer(
            number, item.get("name", ""), item.get("type", ""), dict(data.attrib) if data is not None else {}
        )
    for edge in root.iterfind("edges/edge"):
        target, port = layers.get(edge.get("to-layer", "")), edge.get("to-port", "")
        if target is None or port not in _PORTS or edge.get("from-layer") not in layers:
            raise ModelError(f"{file}: an edge of the XML joins layers that are not there")
        target.inputs[int(port)] = edge.get("from-layer", "")
    return layers
