"""Tiny members of the families, by their own packages, as users have them; and other files that `torch.save` writes."""

import importlib
import json
import os
import shutil
import sys
from pathlib import Path

import safetensors.torch
import torch
from torch import nn

import interpreter

HERE = Path(__file__).parent
FOLDER = HERE / "families"
REFERENCES = {}


def randomise(model, generator):
    """Statistics and scales as training leaves them."""
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.running_mean.copy_(0.05 * torch.randn(module.running_mean.shape, generator=generator))
                module.running_var.copy_(0.75 + 0.5 * torch.rand(module.running_var.shape, generator=generator))
            if isinstance(module, (nn.BatchNorm2d, nn.InstanceNorm2d)) and module.affine:
                module.weight.copy_(0.8 + 0.4 * torch.rand(module.weight.shape, generator=generator))
                module.bias.copy_(0.05 * torch.randn(module.bias.shape, generator=generator))
    return model.eval()


def put(name, model, size, channels=3, wrap=lambda state: state, legacy=False, safetensors_too=False):
    generator = torch.Generator().manual_seed(1)
    randomise(model, generator)
    # The older form is smaller.
    torch.save(wrap(model.state_dict()), FOLDER / f"{name}.pth", _use_new_zipfile_serialization=not legacy)
    if safetensors_too:
        safetensors.torch.save_model(model, str(FOLDER / f"{name}.safetensors"))
    x = interpreter.image((1, channels, *size))
    # In double precision: the norms of few pixels are sensitive.
    model = model.double()
    given = x.double().requires_grad_(True)
    y = model(given)
    w = interpreter.seed(y.shape)
    (dx,) = torch.autograd.grad((y * w.double()).sum(), given)
    for key, tensor in {"y": y, "dx": dx}.items():
        REFERENCES[f"{name}/{key}"] = tensor.detach().float().contiguous()


def from_source(folder, file, replaced):
    """A module of a repository, with other numbers in its text."""
    package = Path(os.environ[folder])
    text = (package / file).read_text()
    for old, new in replaced:
        text = text.replace(old, new)
    scope = {"__name__": "source", "__package__": None}
    exec(text, scope)
    return scope


def milesial(**options):
    parts = from_source("MILESIAL", "unet/unet_parts.py", [])
    text = (Path(os.environ["MILESIAL"]) / "unet/unet_model.py").read_text().replace("from .unet_parts import *", "")
    for wide in (1024, 512, 256, 128, 64):
        text = text.replace(str(wide), str(wide // 64))
    exec(text, parts)
    return parts["UNet"](**options)


def narrow_resnets():
    """ResNets of a thirty-second of their channels."""
    resnet = importlib.import_module("torchvision.models.resnet")
    make_layer = resnet.ResNet._make_layer

    def narrow(self, block, planes, *arguments, **options):
        if planes == 64:
            self.inplanes = 2
            self.conv1 = nn.Conv2d(3, 2, 7, 2, 3, bias=False)
            self.bn1 = nn.BatchNorm2d(2)
        return make_layer(self, block, planes // 32, *arguments, **options)

    resnet.ResNet._make_layer = narrow
    smp = importlib.import_module("segmentation_models_pytorch")
    encoders = importlib.import_module("segmentation_models_pytorch.encoders").encoders
    for name in ("resnet18", "resnet34", "resnet50"):
        width = 4 if name == "resnet50" else 1
        encoders[name]["params"]["out_channels"] = [3, 2, 2 * width, 4 * width, 8 * width, 16 * width]
    return smp


class Classic(nn.Module):
    """Of no family."""

    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(1, 2, 3, padding=1)
        self.last = nn.Conv2d(2, 2, 1)

    def forward(self, x):
        return self.last(torch.relu(self.first(x)))


def make():
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir()
    torch.manual_seed(0)
    put("milesial", milesial(n_channels=3, n_classes=2), (19, 22), wrap=lambda s: {**s, "mask_values": [0, 255]}, legacy=True)
    put("milesial_bilinear", milesial(n_channels=1, n_classes=1, bilinear=True), (16, 24), 1, wrap=lambda s: {"state_dict": {"module." + k: v for k, v in s.items()}}, legacy=True)
    mateuszbuda = from_source("MATEUSZBUDA", "unet.py", [])["UNet"]
    put("mateuszbuda", mateuszbuda(3, 1, 1), (16, 32), legacy=True)
    monai = importlib.import_module("monai.networks.nets")
    put("monai_basic", monai.BasicUNet(spatial_dims=2, in_channels=1, out_channels=2, features=(2, 2, 2, 4, 4, 2)), (20, 34), 1, legacy=True)
    put("monai_residual", monai.UNet(spatial_dims=2, in_channels=1, out_channels=2, channels=(2, 4, 6), strides=(2, 2), num_res_units=2), (12, 16), 1, wrap=lambda s: {"state_dict": {"net." + k: v for k, v in s.items()}})
    put("monai_plain", monai.UNet(spatial_dims=2, in_channels=1, out_channels=3, channels=(2, 4, 6), strides=(2, 2), num_res_units=0), (12, 16), 1)
    put("monai_batch", monai.UNet(spatial_dims=2, in_channels=2, out_channels=2, channels=(2, 4), strides=(2,), num_res_units=1, norm="batch"), (10, 12), 2)
    smp = narrow_resnets()
    put("smp_18", smp.Unet("resnet18", encoder_weights=None, classes=2, decoder_channels=(6, 4, 4, 2, 2)), (32, 32), wrap=lambda s: {"model": {"module." + k: v for k, v in s.items()}}, legacy=True)
    from dynamic_network_architectures.architectures.unet import PlainConvUNet, ResidualEncoderUNet

    common = dict(input_channels=1, n_stages=2, features_per_stage=(2, 4), conv_op=nn.Conv2d, kernel_sizes=3, strides=(1, 2), num_classes=2, n_conv_per_stage_decoder=1, conv_bias=True, norm_op=nn.InstanceNorm2d, norm_op_kwargs={"eps": 1e-5, "affine": True}, nonlin=nn.LeakyReLU, nonlin_kwargs={"inplace": True})
    nn_unet = lambda s: {"network_weights": s, "optimizer_state": {"state": {}}, "current_epoch": 3, "init_args": {"plans": {"a": 1}}, "trainer_name": "nnUNetTrainer"}
    put("nn_unet_plain", PlainConvUNet(n_conv_per_stage=2, **common), (12, 16), 1, wrap=nn_unet, safetensors_too=True)
    put("nn_unet_residual", ResidualEncoderUNet(n_blocks_per_stage=1, **common), (12, 16), 1, wrap=nn_unet, legacy=True)
    safetensors.torch.save_file(dict(sorted(REFERENCES.items())), HERE / "families.safetensors")

    # What `torch.save` writes of a network of no family.
    sys.modules["__main__"].Classic = Classic
    Classic.__module__ = "__main__"
    classic = Classic().eval()
    other = FOLDER / "of_none"
    other.mkdir()
    torch.save(classic.state_dict(), other / "state_dict.pth")
    torch.save(classic.state_dict(), other / "legacy.pth", _use_new_zipfile_serialization=False)
    torch.save({"epoch": 3, "state_dict": classic.state_dict(), "hyper_parameters": {"lr": 0.1}}, other / "lightning.ckpt")
    torch.save(classic, other / "whole_module.pt")
    torch.save(classic, other / "whole_module_legacy.pt", _use_new_zipfile_serialization=False)
    torch.jit.save(torch.jit.trace(classic, torch.rand(1, 1, 8, 8)), other / "torchscript.pt")
    # One network in the many ways in which its tensors may be stored.
    state = monai.UNet(spatial_dims=2, in_channels=1, out_channels=2, channels=(2, 4), strides=(2,), num_res_units=1, norm="batch").eval().state_dict()
    stored = FOLDER / "stored"
    stored.mkdir()
    torch.save({k: v.half() if v.is_floating_point() else v for k, v in state.items()}, stored / "half.pth")
    torch.save({k: v.bfloat16() if v.is_floating_point() else v for k, v in state.items()}, stored / "bfloat16.pth")
    torch.save({k: v.contiguous(memory_format=torch.channels_last) if v.dim() == 4 else v for k, v in state.items()}, stored / "channels_last.pth")
    torch.save({"model": state, "optimizer": {"state": {}, "param_groups": [{"lr": 0.1}]}}, stored / "nested.bin")
    torch.save({"_orig_mod." + k: v for k, v in state.items()}, stored / "compiled.pth")
    torch.save(state, stored / "plain.pth", _use_new_zipfile_serialization=False)
