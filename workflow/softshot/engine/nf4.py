"""A base model whose linear layers are rounded to NF4, four bits a weight. Dettmers et al. 2023, "QLoRA".

Every 64 weights in a row of memory share a scale, the largest of them in float32, and each is the nearest of sixteen
levels times it. Head and embeddings stay as they are; the scales are not quantised again. The layers compute in the
model's precision.

Two ways to the same function. *Packed*: bitsandbytes keeps the four bits and multiplies by them. *Dequantised*: the
rounded weights in the model's precision, in the layers as they were. This is the reference that tests hold the packed
way to; it needs no bitsandbytes, saves no memory, and everything that an ordinary model has works on it.
"""

import logging

import torch
from torch import Tensor, nn
from torch.nn.functional import pad
from transformers import PreTrainedModel
from transformers.pytorch_utils import Conv1D

from softshot.errors import UserError

BLOCK = 64
LEVELS = (  # appendix E of the paper: quantiles of the normal distribution, 0 among them
    *(-1.0, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453),
    *(-0.28444138169288635, -0.18477343022823334, -0.09105003625154495, 0.0),
    *(0.07958029955625534, 0.16093020141124725, 0.24611230194568634, 0.33791524171829224),
    *(0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1.0),
)
LEAST = 1e-38  # that a scale is divided by: a block of zeros stays one


class NF4Linear(nn.Linear):
    """A linear layer of packed weights in another's place.

    Not bitsandbytes' own layer: on processors with bfloat16 instructions that one computes in bfloat16 whatever it is
    given, and fetches code.
    """

    def __init__(self, layer: nn.Linear | Conv1D, device: str):
        """`layer`: whose weights are packed, on `device`. Raises UserError for one that bitsandbytes would get wrong:
        on processors it takes scales of other weights where a row of the matrix ends within a block (0.50.2)."""
        weight = matrix(layer).detach()
        if device == "cpu" and weight.shape[1] % BLOCK:
            raise UserError(
                f"models.base: nf4: on a processor bitsandbytes computes wrongly with layers of {weight.shape[1]}"
                f" inputs, which is no multiple of {BLOCK}. Write `nf4-dequantised`: the same model in as much memory"
                " as the whole one takes."
            )
        super().__init__(*reversed(weight.shape), bias=False, device="meta")
        packed, self.state = bitsandbytes().functional.quantize_4bit(
            weight.contiguous().to(device), blocksize=BLOCK, compress_statistics=False, quant_type="nf4"
        )
        self.weight = nn.Parameter(packed, requires_grad=False)  # [out * in / 2, 1] bytes
        self.bias = None if layer.bias is None else nn.Parameter(layer.bias.detach().to(device), requires_grad=False)

    def forward(self, x: Tensor) -> Tensor:
        """[..., in] to [..., out]; differentiable in x."""
        return bitsandbytes().matmul_4bit(x, self.weight, self.state, bias=self.bias)

    def dequantised(self) -> Tensor:
        """The weights that it computes with: [out, in]."""
        return bitsandbytes().functional.dequantize_4bit(self.weight, self.state)


def bitsandbytes():
    """The library. Raises UserError where it is not installed."""
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)  # else it warns of kernels that nothing here uses
    try:
        import bitsandbytes as library
    except ImportError as error:
        raise UserError(
            f"models.base: nf4 needs the package bitsandbytes, which cannot be imported here ({error}). Install it, or"
            " write `nf4-dequantised`: the same model in as much memory as the whole one takes."
        ) from None
    return library


def matrix(layer: nn.Linear | Conv1D) -> Tensor:
    """A layer's weight as [out, in]: a view, or of a packed one what it computes with."""
    if isinstance(layer, NF4Linear):
        return layer.dequantised()
    return layer.weight.T if isinstance(layer, Conv1D) else layer.weight


def rounded(weight: Tensor) -> Tensor:
    """`weight` [out, in] with every number replaced by what NF4 keeps of it, in the precision of `weight`."""
    numbers = weight.reshape(-1).float()
    blocks = pad(numbers, (0, -len(numbers) % BLOCK)).view(-1, BLOCK)
    levels = torch.tensor(LEVELS, device=weight.device)
    scales = blocks.abs().amax(1, keepdim=True)
    nearest = torch.bucketize(blocks * (1 / scales.clamp(min=LEAST)), (levels[1:] + levels[:-1]) / 2)
    return (levels[nearest] * scales).view(-1)[: len(numbers)].view_as(weight).to(weight.dtype)


@torch.no_grad()
def quantise(model: PreTrainedModel, packed: bool, device: str) -> int:
    """Round the linear layers of a model but its head; packed ones are put on `device`. How many weights these are.

    A layer that a model calls by another name than a linear layer's, as the experts of some are, stays as it is.
    """
    head, quantised = model.get_output_embeddings(), 0
    for parent in list(model.modules()):
        for name, layer in parent.named_children():
            if layer is head or not isinstance(layer, nn.Linear | Conv1D):
                continue
            quantised += layer.weight.numel()
            if packed:
                setattr(parent, name, NF4Linear(layer, device))
            else:
                matrix(layer).copy_(rounded(matrix(layer)))
    if packed:  # what is left would keep the whole of its file in memory, which it is a part of
        for parameter in model.parameters():
            parameter.data = parameter.data.clone()
    if not quantised:
        raise UserError("models.base: this model has no linear layers that could be rounded to NF4; write `full`.")
    return quantised
