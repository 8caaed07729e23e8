"""Makes the networks of these tests and what they give, with PyTorch.

    python make.py [operators] [families]

writes `operators/*.onnx` and `operators.safetensors` beside itself, and `families/`. Needs torch, onnx, onnxruntime,
numpy and safetensors; for the families also monai, segmentation_models_pytorch and dynamic_network_architectures, and the
repositories of milesial and mateuszbuda in the folders that MILESIAL and MATEUSZBUDA name.
"""

import sys

if __name__ == "__main__":
    wanted = sys.argv[1:] or ["operators", "families"]
    if "operators" in wanted:
        import operators

        operators.make()
    if "families" in wanted:
        import families

        families.make()
