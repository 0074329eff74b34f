"""GGUF to safetensors: a quantised file becomes an ordinary model, once, on this machine."""

from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedTokenizerBase
from transformers.modeling_gguf_pytorch_utils import GGUF_SUPPORTED_ARCHITECTURES

from softshot.errors import UserError
from softshot.files import as_any_other
from softshot.models import gguf_header

# What conversions of tokenizers get wrong: white space, digits, scripts, special tokens, brackets.
PROBES = [
    "The quick brown fox",
    " leading and  double blanks ",
    "lines\n\nand\ttabs\r\n",
    "1, 23, 456 and 2024-05-17",
    "naïve café, 日本語, Привет, 🎉",
    "Paris : country : France | France : area : 643,801 =>",
    "[IN:GET_WEATHER [SL:LOCATION New York ] ]",
    "<|im_start|>user<|im_end|>",
]


def convert(file: Path, folder: Path) -> None:
    """Write the model and tokenizer of a GGUF file to `folder` as safetensors in float32.

    Raises UserError where transformers does not read its architecture, or its tokenizer would change.

    float32, because the values `scale * level + minimum` of a quantised tensor are products of two rounded
    numbers: float16 is too coarse for them (211 of SmolLM2's 272 tensors would change).
    """
    kind = gguf_header.read(file).get("architecture")
    if kind not in GGUF_SUPPORTED_ARCHITECTURES:
        known = sorted({*GGUF_SUPPORTED_ARCHITECTURES} - {"general", "tokenizer"})
        raise UserError(
            f"{file} is a model of the architecture {kind}, which transformers cannot read from GGUF, only"
            f" {', '.join(known)}. Name a folder with the model's safetensors."
        )
    place = {"gguf_file": file.name, "local_files_only": True, "trust_remote_code": False}
    tokenizer = AutoTokenizer.from_pretrained(file.parent, **place)
    loaded = AutoModelForCausalLM.from_pretrained(file.parent, dtype=torch.float32, **place)

    # A model that came from GGUF refuses to be saved: its values go into a fresh one.
    config = loaded.config
    del config.quantization_config
    model = AutoModelForCausalLM.from_config(config, dtype=torch.float32, trust_remote_code=False)
    model.load_state_dict(loaded.state_dict())
    model.generation_config = loaded.generation_config
    model.save_pretrained(folder)
    as_any_other(folder / "model.safetensors")
    tokenizer.save_pretrained(folder)
    _check_tokenizer(file, tokenizer, AutoTokenizer.from_pretrained(folder, trust_remote_code=False))


def _check_tokenizer(file: Path, before: PreTrainedTokenizerBase, after: PreTrainedTokenizerBase) -> None:
    """Refuse a conversion that changes how text is encoded."""
    for text in PROBES:
        ids = before(text)["input_ids"]
        if after(text)["input_ids"] != ids or after.decode(ids) != before.decode(ids):
            raise UserError(f"{file}: its tokenizer encodes {text!r} otherwise after it was saved")
