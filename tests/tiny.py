"""Tiny real models of four architectures: random weights, real code paths."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ARCHITECTURES = ["gpt2", "opt", "bloom", "llama"]
TEXT = """What is the capital of France => Paris. Set an alarm for seven => [IN:CREATE_ALARM [SL:DATE_TIME for seven ] ]
The quick brown fox jumps over the lazy dog, 0123456789 times. Play some music by the river; remind me tomorrow."""


def save_tiny_model(architecture: str, folder: Path, projected: bool = True) -> None:
    """Write a random model of about 30,000 parameters, with a byte-level tokenizer, as safetensors.

    `projected`: OPT's embeddings are narrower than its hidden states, as in OPT-350M.
    """
    import torch
    from tokenizers import ByteLevelBPETokenizer
    from transformers import (
        AutoModelForCausalLM,
        BloomConfig,
        GPT2Config,
        LlamaConfig,
        OPTConfig,
        PreTrainedTokenizerFast,
    )

    bpe = ByteLevelBPETokenizer()
    bpe.train_from_iterator([TEXT], vocab_size=320, special_tokens=["<s>", "</s>"], show_progress=False)
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=bpe._tokenizer, bos_token="<s>", eos_token="</s>")
    # A wide initialisation, so that a random model has preferences and an equality of texts means something.
    common = {"vocab_size": len(tokenizer), "bos_token_id": 0, "eos_token_id": 1, "initializer_range": 0.4}
    config = {
        "gpt2": lambda: GPT2Config(n_embd=32, n_layer=2, n_head=4, n_positions=256, **common),
        "opt": lambda: OPTConfig(
            hidden_size=32,
            ffn_dim=64,
            num_hidden_layers=2,
            num_attention_heads=4,
            max_position_embeddings=256,
            word_embed_proj_dim=16 if projected else 32,
            init_std=0.4,
            **common,
        ),
        "bloom": lambda: BloomConfig(hidden_size=32, n_layer=2, n_head=4, **common),
        "llama": lambda: LlamaConfig(
            hidden_size=32,
            intermediate_size=64,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=2,
            max_position_embeddings=256,
            **common,
        ),
    }[architecture]()
    torch.manual_seed(0)
    AutoModelForCausalLM.from_config(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
