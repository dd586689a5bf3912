"""Weights in the files and the layout of PyTorch, for tests/apps/interchange_test.cpp.
   torch_interchange.py MODEL STATE LOGITS   a model with statistics of its own as state_dict() has it; a batch of
                                             images (NHWC) and the logits that it gives them"""
import sys

import torch
from torch_check import write_safetensors
from torch_models import make_model

CLASSES = 5


def logits(model, images):
    model.eval()
    with torch.no_grad():
        return model(torch.from_numpy(images.transpose(0, 3, 1, 2).copy())).numpy()


def write(name, path, golden):
    torch.manual_seed(1)
    model = make_model(name, 3, CLASSES)
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            for values in (module.running_mean, module.bias.data):
                values.normal_(0, 0.5)
            for values in (module.running_var, module.weight.data):
                values.uniform_(0.5, 1.5)
    images = torch.randn(2, 8, 8, 3).numpy()
    state = {n: t.numpy() for n, t in model.state_dict().items() if t.ndim > 0}
    if name.startswith("resnet"):  # as other public code names and saves it
        rename = lambda n: "module." + n.replace("downsample", "shortcut").replace("fc.", "linear.")
        state = {rename(n): t for n, t in state.items()}
    write_safetensors(path, state)
    write_safetensors(golden, {"images": images, "logits": logits(model, images)})


if __name__ == "__main__":
    write(*sys.argv[1:])
