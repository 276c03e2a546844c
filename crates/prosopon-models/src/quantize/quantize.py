"""Makes a network of 8-bit integers out of one of floats: NETWORK INPUTS METHOD OUT

INPUTS is a folder with inputs that the network was given for real pictures: float32 files whose names end in
their shape, `7-1x3x112x112.f32`. METHOD is `minmax` or `percentile`: which values of a layer are still told apart.
"""
import pathlib
import sys

import numpy
import onnx
from onnx import version_converter
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quantize_static,
)
from onnxruntime.quantization.shape_inference import quant_pre_process

network, inputs, method, out = sys.argv[1:]
# Scales for each channel exist since opset 13.
LEAST_OPSET = 13


class Inputs(CalibrationDataReader):
    def __init__(self, name: str):
        self.name, self.files = name, iter(sorted(pathlib.Path(inputs).glob("*.f32")))

    def get_next(self):
        path = next(self.files, None)
        if path is None:
            return None
        shape = [int(side) for side in path.stem.split("-")[1].split("x")]
        return {self.name: numpy.fromfile(path, numpy.float32).reshape(shape)}


model = onnx.load(network)
if any(o.domain in ("", "ai.onnx") and o.version < LEAST_OPSET for o in model.opset_import):
    model = version_converter.convert_version(model, LEAST_OPSET)
prepared = out + ".prepared"
onnx.save(model, prepared)
quant_pre_process(prepared, prepared, skip_symbolic_shape=True)
quantize_static(
    prepared,
    out,
    Inputs(onnx.load(prepared).graph.input[0].name),
    quant_format=QuantFormat.QDQ,
    per_channel=True,
    activation_type=QuantType.QUInt8,
    weight_type=QuantType.QInt8,
    calibrate_method=CalibrationMethod.MinMax if method == "minmax" else CalibrationMethod.Percentile,
)
