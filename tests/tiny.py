"""Tiny real models of many architectures: random weights, real code paths."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ARCHITECTURES = ["gpt2", "opt", "bloom", "llama"]  # on which everything is tested
TEXT = """What is the capital of France => Paris. Set an alarm for seven => [IN:CREATE_ALARM [SL:DATE_TIME for seven ] ]
The quick brown fox jumps over the lazy dog, 0123456789 times. Play some music by the river; remind me tomorrow."""
# About 30,000 parameters. A wide initialisation, so that a random model has preferences and an equality of texts
# means something.
COMMON = {"initializer_range": 0.4, "bos_token_id": 0, "eos_token_id": 1}
LAYERS = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, **COMMON}
LLAMA = {"intermediate_size": 64, "num_key_value_heads": 2, "max_position_embeddings": 256, **LAYERS}
GPT2 = {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 256, **COMMON}
GEMMA = {**LLAMA, "head_dim": 8, "query_pre_attn_scalar": 8, "sliding_window": 4096}
EXPERTS = {**LLAMA, "num_experts_per_tok": 2}
OPT = {
    **{**LAYERS, "ffn_dim": 64, "init_std": 0.4, "max_position_embeddings": 256},
    **{"word_embed_proj_dim": 16},  # narrower than hidden states, as in OPT-350M
}
NEO = {"hidden_size": 32, "num_layers": 2, "num_heads": 4, "max_position_embeddings": 256, "window_size": 16, **COMMON}
LATENT = {
    **{"q_lora_rank": 16, "kv_lora_rank": 8, "qk_rope_head_dim": 4, "qk_nope_head_dim": 8, "v_head_dim": 8},
    **{"n_routed_experts": 4, "n_group": 1, "topk_group": 1, "moe_intermediate_size": 16, "first_k_dense_replace": 1},
    **{**EXPERTS, "num_key_value_heads": 4},
}
CONFIGS = {  # of each name, the architecture and what is not its default
    "gpt2": ("gpt2", GPT2),
    "opt": ("opt", OPT),
    "bloom": ("bloom", {"hidden_size": 32, "n_layer": 2, "n_head": 4, **COMMON}),
    "llama": ("llama", LLAMA),
    "qwen2": ("qwen2", LLAMA),
    "qwen3": ("qwen3", {**LLAMA, "head_dim": 8}),
    "qwen3_moe": ("qwen3_moe", {**EXPERTS, "head_dim": 8, "num_experts": 4, "moe_intermediate_size": 16}),
    "mistral": ("mistral", {**LLAMA, "sliding_window": 4096}),
    "window_of_45": ("mistral", {**LLAMA, "sliding_window": 45}),
    "mixtral": ("mixtral", {**EXPERTS, "num_local_experts": 4}),
    "phi": ("phi", {**LLAMA, "num_key_value_heads": 4}),
    "phi3": ("phi3", {**LLAMA, "pad_token_id": 1}),
    "gpt_neox": ("gpt_neox", {**LAYERS, "intermediate_size": 64, "max_position_embeddings": 256}),
    "gpt_bigcode": ("gpt_bigcode", {**GPT2, "multi_query": True}),
    "olmo2": ("olmo2", LLAMA),
    "olmo3": ("olmo3", {**LLAMA, "sliding_window": 4096}),
    "starcoder2": ("starcoder2", LLAMA),
    "smollm3": ("smollm3", {**LLAMA, "pad_token_id": 1, "no_rope_layer_interval": 2}),
    "gemma": ("gemma", {**LLAMA, "num_key_value_heads": 1, "head_dim": 8}),
    "gemma3_text": ("gemma3_text", GEMMA),
    "gemma2": ("gemma2", GEMMA),
    "cohere": ("cohere", LLAMA),
    "granite": ("granite", {**LLAMA, "logits_scaling": 3.0, "embedding_multiplier": 12.0, "residual_multiplier": 0.22}),
    "falcon": ("falcon", {**LAYERS, "multi_query": True, "new_decoder_architecture": False, "alibi": False}),
    "falcon_alibi": ("falcon", {**LAYERS, "multi_query": False, "new_decoder_architecture": False, "alibi": True}),
    "gptj": ("gptj", {**GPT2, "rotary_dim": 4}),
    "mpt": ("mpt", {"d_model": 32, "n_heads": 4, "n_layers": 2, "expansion_ratio": 2, "max_seq_len": 256, **COMMON}),
    "stablelm": ("stablelm", LLAMA),
    "gpt_oss": ("gpt_oss", {**EXPERTS, "head_dim": 8, "num_local_experts": 4, "sliding_window": 4096}),
    "gpt_neo": ("gpt_neo", {**NEO, "attention_types": [[["global", "local"], 1]]}),
    "llama4_text": ("llama4_text", {**LLAMA, "head_dim": 8, "num_local_experts": 2, "intermediate_size_mlp": 32}),
    "deepseek_v3": ("deepseek_v3", LATENT),
    "mamba": ("mamba", {"hidden_size": 32, "num_hidden_layers": 2, "state_size": 8, **COMMON}),
    "lfm2": ("lfm2", {**LLAMA, "layer_types": ["conv", "full_attention"]}),
    "bert": ("bert", {**LAYERS, "intermediate_size": 64, "max_position_embeddings": 256, "pad_token_id": 1}),
}


WIDTHS = ("hidden_size", "intermediate_size", "n_embd", "ffn_dim")


def save_tiny_model(name: str, folder: Path, projected: bool = True, wider: int = 1) -> None:
    """Write one of CONFIGS, with a byte-level tokenizer, as safetensors.

    `projected`: OPT's embeddings are narrower than its hidden states, as in OPT-350M. `wider`: times all widths.
    """
    import torch
    from tokenizers import ByteLevelBPETokenizer
    from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedTokenizerFast

    bpe = ByteLevelBPETokenizer()
    bpe.train_from_iterator([TEXT], vocab_size=320, special_tokens=["<s>", "</s>"], show_progress=False)
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=bpe._tokenizer, bos_token="<s>", eos_token="</s>")
    architecture, options = CONFIGS[name]
    options = options | {key: wider * options[key] for key in WIDTHS if key in options}
    if not projected and name == "opt":
        options = options | {"word_embed_proj_dim": options["hidden_size"]}
    config = AutoConfig.for_model(architecture, vocab_size=len(tokenizer), **options)
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(config)
    if name not in ARCHITECTURES:  # transformers begins with biases of 0, which no trained model has
        for place, parameter in model.named_parameters():
            if place.endswith("bias"):
                torch.nn.init.normal_(parameter, std=0.3)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
