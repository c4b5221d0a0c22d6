"""An ONNX file (MiniFASNet) as TFLite.

Only the operators of these nets are known; any other is refused by name.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from doorctl.errors import ModelError
from doorctl.models.graph import Graph, Window
from doorctl.models.protobuf import Node, read_onnx
from doorctl.models.tflite import Floats, Tensor


def convert(content: bytes, name: str) -> bytes:
    """Turn an ONNX file's bytes into a TFLite file.

    The graph takes 1 x height x width x channels float32. The published files end at
    raw scores; a softmax is added, so that the output is 1 x 3 probabilities.

    Raises:
        ModelError: the file is truncated, damaged, or holds an op that is not known.
    """
    read = read_onnx(content, name)
    if len(read.inputs) != 1 or len(read.outputs) != 1:
        raise ModelError(
            f"{name}: {len(read.inputs)} inputs and {len(read.outputs)} outputs, not one of each"
        )
    (input_name, input_shape), (output_name, _) = read.inputs[0], read.outputs[0]
    if len(input_shape) != 4 or input_shape[0] != 1:
        raise ModelError(
            f"{name}: the input has the shape {list(input_shape)}, not 1 x channels x rows x columns"
        )
    net = _Net(Graph(name), name, read.weights)
    _, channels, rows, columns = input_shape
    net.values[input_name] = net.graph.input(rows, columns, channels)
    for node in read.nodes:
        net.add(node)
    if output_name not in net.values:
        raise ModelError(f"{name}: no layer makes the output {output_name!r}")
    output = net.values[output_name]
    if len(output.shape) != 2:
        raise ModelError(f"{name}: the output has the shape {list(output.shape)}, not 1 x classes")
    if read.nodes[-1].op != "Softmax":
        output = net.graph.softmax("probabilities", output)
    return net.graph.finish(output)


class _Net:
    """The graph as far as it has been built, with every value by its ONNX name."""

    def __init__(self, graph: Graph, file: str, weights: dict[str, Floats]) -> None:
        self.graph = graph
        self.values: dict[str, Tensor] = {}
        self._file = file
        self._weights = weights
        self._builders: dict[str, Callable[[Node], Tensor]] = {
            "Conv": self._convolution,
            "PRelu": lambda n: self.graph.prelu(n.name, self._value(n, 0), self._weight(n, 1)),
            "Relu": lambda n: self.graph.relu(n.name, self._value(n, 0)),
            "Sigmoid": lambda n: self.graph.sigmoid(n.name, self._value(n, 0)),
            "Softmax": lambda n: self.graph.softmax(n.name, self._value(n, 0)),
            "Add": lambda n: self.graph.add(n.name, self._value(n, 0), self._value(n, 1)),
            "Mul": lambda n: self.graph.multiply(n.name, self._value(n, 0), self._value(n, 1)),
            "GlobalAveragePool": lambda n: self.graph.mean(n.name, self._value(n, 0)),
            "Flatten": lambda n: self.graph.flatten(n.name, self._value(n, 0)),
            "MatMul": self._product,
            "BatchNormalization": self._normalisation,
        }

    def add(self, node: Node) -> None:
        """Add one node and remember what it makes."""
        if node.op not in self._builders:
            raise ModelError(
                f"{self._file}: layer {node.name!r} is {node.op!r}, an op that the converter does not know"
            )
        if len(node.outputs) != 1:
            raise ModelError(f"{self._file}: layer {node.name!r} has {len(node.outputs)} outputs, not 1")
        self.values[node.outputs[0]] = self._builders[node.op](node)

    def _convolution(self, node: Node) -> Tensor:
        x, weights = self._value(node, 0), self._weight(node, 1)
        bias = self._weight(node, 2) if len(node.inputs) > 2 else None
        if weights.ndim != 4:
            raise self._odd(node, f"weights of {weights.ndim} dimensions")
        strides = self._integers(node, "strides", [1, 1])
        pads = self._integers(node, "pads", [0, 0, 0, 0])
        groups = self._integers(node, "group", [1])
        if self._integers(node, "dilations", [1, 1]) != [1, 1]:
            raise self._odd(node, "dilations")
        window = Window(
            (weights.shape[2], weights.shape[3]),
            (strides[0], strides[1]),
            (pads[0], pads[1], pads[2], pads[3]),
        )
        if groups == [1]:
            return self.graph.convolution(node.name, x, weights, bias, window)
        if groups != [x.channels] or weights.shape[1] != 1:
            raise self._odd(node, f"{groups[0]} groups of {x.channels} channels")
        return self.graph.depthwise(node.name, x, weights[:, 0], bias, window)

    def _product(self, node: Node) -> Tensor:
        weights = self._weight(node, 1)
        if weights.ndim != 2:
            raise self._odd(node, f"weights of {weights.ndim} dimensions")
        return self.graph.dense(node.name, self._value(node, 0), np.ascontiguousarray(weights.T), None)

    def _normalisation(self, node: Node) -> Tensor:
        """Batch normalisation at rest: one product and one sum a channel."""
        x = self._value(node, 0)
        gain, offset, mean, variance = (self._weight(node, place).astype(np.float64) for place in range(1, 5))
        epsilon = node.attributes.get("epsilon", 1e-5)
        if not isinstance(epsilon, float) or {part.shape for part in (gain, offset, mean, variance)} != {
            (x.channels,)
        }:
            raise self._odd(node, "parameters that do not fit its input")
        if (variance < 0).any() or not epsilon > 0:
            raise self._odd(node, "a negative variance")
        # What overflows is told by the graph, which takes finite numbers only.
        with np.errstate(over="ignore", invalid="ignore"):
            scale = gain / np.sqrt(variance + epsilon)
            factors, shifts = scale.astype(np.float32), (offset - mean * scale).astype(np.float32)
        factor = self.graph.per_channel(node.name + "/gain", x, factors)
        scaled = self.graph.multiply(node.name + "/scaled", x, factor)
        shift = self.graph.per_channel(node.name + "/offset", x, shifts)
        return self.graph.add(node.name, scaled, shift)

    def _value(self, node: Node, place: int) -> Tensor:
        try:
            return self.values[node.inputs[place]]
        except (IndexError, KeyError) as error:
            raise self._odd(node, f"an input {place} that no earlier layer makes") from error

    def _weight(self, node: Node, place: int) -> Floats:
        try:
            return self._weights[node.inputs[place]]
        except (IndexError, KeyError) as error:
            raise self._odd(node, f"an input {place} that is not among the weights") from error

    def _integers(self, node: Node, name: str, default: list[int]) -> list[int]:
        values = node.attributes.get(name, default)
        if not isinstance(values, list) or len(values) != len(default):
            raise self._odd(node, f"an attribute {name!r} of another kind")
        return values

    def _odd(self, node: Node, what: str) -> ModelError:
        return ModelError(f"{self._file}: layer {node.name!r} ({node.op}) has {what}")
