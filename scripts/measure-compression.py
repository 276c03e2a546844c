"""prune NETWORK FOLDER PERCENT... | line TITLE MODEL RESULT"""

import gzip
import json
import pathlib
import sys

DESCRIPTION = """role = "embedder"
name = "{name}"
crop_size = 112
channel_order = "bgr"
mean = 127
scale = 0.0078125
"""


def prune(network, folder, percents):
    import numpy as np
    import onnx
    from onnx import numpy_helper

    for percent in percents:
        model = onnx.load(network)
        for tensor in model.graph.initializer:
            values = numpy_helper.to_array(tensor)
            # Kernels and matrices; biases and scales of a channel are few and matter much.
            if values.dtype == np.float32 and values.ndim >= 2:
                values = values.copy()
                values[np.abs(values) < np.percentile(np.abs(values), percent)] = 0
                tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))
        name = f"pruned-{percent}"
        onnx.save(model, f"{folder}/{name}.onnx")
        pathlib.Path(f"{folder}/{name}.toml").write_text(DESCRIPTION.format(name=name))


def line(title, model, result):
    result = json.load(open(result))
    bytes_ = pathlib.Path(model).read_bytes()
    tar = next(tar for far, tar in result["tar_at_far"].items() if float(far) == 1e-3)
    print(f"{title:34} {result['accuracy'] * 100:8.2f} % {tar * 100:10.1f} % {len(bytes_) / 1e6:8.2f} {len(gzip.compress(bytes_)) / 1e6:10.2f}")


command, *arguments = sys.argv[1:]
if command == "prune":
    prune(arguments[0], arguments[1], [int(p) for p in arguments[2:]])
else:
    line(*arguments)
