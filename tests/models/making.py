"""Small nets in their publishers' formats, made byte by byte, and a way to run what comes out."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray

Array = NDArray[Any]


def run(net: bytes | Path, x: Array) -> Array:
    """The net's output for one input, without the batch."""
    given = {"model_content": net} if isinstance(net, bytes) else {"model_path": str(net)}
    interpreter = Interpreter(**given, num_threads=1)
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], x.astype(np.float32))
    interpreter.invoke()
    return np.array(interpreter.get_tensor(interpreter.get_output_details()[0]["index"])[0])


def difference(ours: Array, theirs: Array) -> float:
    """Largest difference of an output, relative to the output's norm. What is no number is no likeness."""
    assert ours.size == theirs.size
    assert np.isfinite(ours).all()
    return float(np.abs(ours.ravel() - theirs.ravel()).max() / np.linalg.norm(theirs))


def parity(name: str, differences: list[float]) -> None:
    """Hold a converter to 1e-4 on at least 20 faces, and tell the figure (``pytest -rP`` shows it)."""
    print(f"{name}: largest difference {max(differences):.1e} of the norm, {len(differences)} faces")
    assert len(differences) >= 20
    assert max(differences) <= 1e-4


# ONNX ---------------------------------------------------------------------------------------


def varint(value: int) -> bytes:
    value &= (1 << 64) - 1
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def field(number: int, value: int | bytes | str) -> bytes:
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    value = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(value)) + value


def onnx_node(op: str, inputs: list[str], output: str, **attributes: list[int] | int | float) -> bytes:
    message = b"".join(field(1, name) for name in inputs)
    message += field(2, output) + field(3, f"the_{op}") + field(4, op)
    for name, value in attributes.items():
        if isinstance(value, float):
            body = varint(2 << 3 | 5) + struct.pack("<f", value) + field(20, 1)
        elif isinstance(value, int):
            body = field(3, value) + field(20, 2)
        else:
            body = b"".join(field(8, item) for item in value) + field(20, 7)
        message += field(5, field(1, name) + body)
    return message


def onnx_weights(name: str, values: Array) -> bytes:
    dims = b"".join(field(1, side) for side in values.shape)
    return dims + field(2, 1) + field(8, name) + field(9, values.astype("<f4").tobytes())


def onnx_value(name: str, shape: tuple[int, ...]) -> bytes:
    dims = b"".join(field(1, field(1, side)) for side in shape)
    return field(1, name) + field(2, field(1, field(1, 1) + field(2, dims)))


def onnx_file(
    nodes: list[bytes], weights: dict[str, Array], shape: tuple[int, ...] = (1, 3, 8, 8), output: str = "out"
) -> bytes:
    graph = b"".join(field(1, node) for node in nodes)
    graph += b"".join(field(5, onnx_weights(name, values)) for name, values in weights.items())
    graph += field(11, onnx_value("in", shape)) + field(12, onnx_value(output, (1, 3)))
    return field(1, 8) + field(7, graph) + field(8, field(2, 17))


def small_onnx(seed: int = 0) -> tuple[bytes, dict[str, Array]]:
    """Conv (stride 2, padded), PRelu, global mean, flatten, product: 1x3x8x8 to three scores."""
    random = np.random.default_rng(seed)
    weights: dict[str, Array] = {
        "w": random.normal(size=(4, 3, 3, 3)),
        "b": random.normal(size=4),
        "slope": random.normal(size=(4, 1, 1)),
        "matrix": random.normal(size=(4, 3)),
    }
    nodes = [
        onnx_node("Conv", ["in", "w", "b"], "c", strides=[2, 2], pads=[1, 1, 1, 1], group=1),
        onnx_node("PRelu", ["c", "slope"], "p"),
        onnx_node("GlobalAveragePool", ["p"], "g"),
        onnx_node("Flatten", ["g"], "f", axis=1),
        onnx_node("MatMul", ["f", "matrix"], "out"),
    ]
    return onnx_file(nodes, weights), weights


# OpenVINO -----------------------------------------------------------------------------------


def small_ir(seed: int = 0, op: str = "Sigmoid") -> tuple[bytes, bytes]:
    """Convolution with a bias, ``op``, mean of the whole picture: 1x3x8x8 to four numbers."""
    random = np.random.default_rng(seed)
    w, b = random.normal(size=(4, 3, 3, 3)).astype("<f2"), random.normal(size=(1, 4, 1, 1)).astype("<f2")
    pads = 'pads_begin="1,1" pads_end="1,1"'
    size = w.nbytes
    layers = (
        ("in", "Parameter", 'shape="1,3,8,8" element_type="f32"'),
        ("w16", "Const", f'element_type="f16" shape="4,3,3,3" offset="0" size="{size}"'),
        ("w", "Convert", 'destination_type="f32"'),
        ("conv", "Convolution", f'strides="1,1" dilations="1,1" {pads} auto_pad="explicit"'),
        ("b16", "Const", f'element_type="f16" shape="1,4,1,1" offset="{size}" size="8"'),
        ("b", "Convert", 'destination_type="f32"'),
        ("sum", "Add", 'auto_broadcast="numpy"'),
        ("odd", op, ""),
        ("mean", "AvgPool", 'kernel="8,8" strides="8,8" pads_begin="0,0" pads_end="0,0"'),
        ("out", "Result", ""),
    )
    edges = (
        (0, 3, 0),
        (1, 2, 0),
        (2, 3, 1),
        (3, 6, 0),
        (4, 5, 0),
        (5, 6, 1),
        (6, 7, 0),
        (7, 8, 0),
        (8, 9, 0),
    )
    xml = '<?xml version="1.0"?><net name="small" version="11"><layers>'
    for number, (name, kind, data) in enumerate(layers):
        xml += f'<layer id="{number}" name="{name}" type="{kind}"><data {data}/></layer>'
    xml += "</layers><edges>"
    for source, target, port in edges:
        xml += f'<edge from-layer="{source}" from-port="0" to-layer="{target}" to-port="{port}"/>'
    xml += "</edges></net>"
    return xml.encode(), w.tobytes() + b.tobytes()


# dlib ---------------------------------------------------------------------------------------


def dlib_integer(value: int) -> bytes:
    digits = abs(value).to_bytes(max(1, (abs(value).bit_length() + 7) // 8), "little")
    return bytes([len(digits) | (0x80 if value < 0 else 0)]) + digits


def dlib_integers(*values: int) -> bytes:
    return b"".join(map(dlib_integer, values))


def dlib_text(value: str) -> bytes:
    return dlib_integer(len(value)) + value.encode()


def dlib_tensor(values: Array) -> bytes:
    shape = (*values.shape, 1, 1, 1)[:4] if values.size else (0, 0, 0, 0)
    return dlib_integers(2, *shape) + values.astype("<f4").tobytes()


_ALIAS = dlib_integers(1, 1, 1, 1, 1)
_RATES = dlib_integers(16, -4) * 4
_NOTHING = np.zeros(0)


def dlib_convolution(filters: Array, bias: Array, stride: int, pad: int) -> bytes:
    flat = np.concatenate([filters.ravel(), bias.ravel()])
    sizes = dlib_integers(filters.shape[0], *filters.shape[2:], stride, stride, pad, pad)
    return dlib_text("con_4") + dlib_tensor(flat) + sizes + _ALIAS * 2 + _RATES


def dlib_affine(gain: Array, offset: Array) -> bytes:
    flat = np.concatenate([gain, offset])
    return dlib_text("affine_") + dlib_tensor(flat) + _ALIAS * 2 + dlib_integer(0)


def dlib_pool(name: str, kernel: int, stride: int) -> bytes:
    return dlib_text(name) + dlib_integers(kernel, kernel, stride, stride, 0, 0)


def dlib_dense(matrix: Array) -> bytes:
    sizes = dlib_integers(matrix.shape[1], matrix.shape[0])
    return dlib_text("fc_2") + sizes + dlib_tensor(matrix) + _ALIAS * 2 + dlib_integer(1) + _RATES


def dlib_file(layers: list[tuple[int, bytes]], side: int) -> bytes:
    """Each layer, from input to output, with the number of marks that stand right before it."""
    kinds: list[int] = []
    for marks, _ in layers[1:]:
        kinds += [1] * marks + [2]
    out = dlib_integer(1) + dlib_text("loss_metric_2") + dlib_integers(1, 0, 1, 0)
    out += dlib_integers(*reversed(kinds), 3)
    out += dlib_text("input_rgb_image_sized") + dlib_integers(1, 0) * 3 + dlib_integers(side, side)
    for number, (_, body) in enumerate(layers):
        out += body + b"110" + dlib_tensor(_NOTHING) * 3
        if number == 0:
            out += dlib_integer(1)
    return out


def small_dlib(seed: int = 0, odd: str = "relu_") -> tuple[bytes, dict[str, Array]]:
    """A residual block whose two branches differ in space and in channels: 3x9x9 to five numbers.

    The straight way is an unpadded stride-2 convolution to 4 x 4 pixels, 6 channels; the branch a
    3 x 3 pool of stride 1 over 7 x 7 pixels, 4 channels, to 5 x 5. The sum is 5 x 5 x 6.
    """
    random = np.random.default_rng(seed)
    parts: dict[str, Array] = {
        "first": random.normal(size=(4, 3, 3, 3)),
        "first_bias": random.normal(size=4),
        "gain": random.normal(size=4),
        "offset": random.normal(size=4),
        "second": random.normal(size=(6, 4, 1, 1)),
        "second_bias": random.normal(size=6),
        "matrix": random.normal(size=(6, 5)),
    }
    layers = [
        (0, dlib_convolution(parts["first"], parts["first_bias"], 1, 0)),
        (0, dlib_affine(parts["gain"], parts["offset"])),
        (0, dlib_text(odd)),
        (1, dlib_convolution(parts["second"], parts["second_bias"], 2, 0)),
        (2, dlib_pool("avg_pool_2", 3, 1)),
        (0, dlib_text("add_prev_")),
        (0, dlib_pool("avg_pool_2", 0, 1)),
        (0, dlib_dense(parts["matrix"])),
    ]
    return dlib_file(layers, 9), parts


def small_dlib_output(parts: dict[str, Array], x: Array) -> Array:
    """The same net in plain numpy. ``x``: 9 x 9 x 3."""
    windows = np.lib.stride_tricks.sliding_window_view(x, (3, 3), axis=(0, 1))  # 7 x 7 x 3 x 3 x 3
    first = np.einsum("yxcij,ocij->yxo", windows, parts["first"]) + parts["first_bias"]
    kept = np.maximum(first * parts["gain"] + parts["offset"], 0)
    straight = kept[::2, ::2] @ parts["second"][:, :, 0, 0].T + parts["second_bias"]
    branch = np.lib.stride_tricks.sliding_window_view(kept, (3, 3), axis=(0, 1)).mean(axis=(-2, -1))
    total = np.zeros((5, 5, 6))
    total[:4, :4] += straight
    total[:, :, :4] += branch
    result: Array = total.mean(axis=(0, 1)) @ parts["matrix"]
    return result
