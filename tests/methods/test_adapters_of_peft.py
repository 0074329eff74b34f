"""PEFT's format both ways: what is saved here computes the same in PEFT, and what PEFT saves computes the same here."""

import re

import peft
import pytest
import torch
from cases import ALL, RECORDS, base_for, layout_of, loaded, rows_of, trainer_of
from loops import padded
from plain import load_plain
from safetensors.torch import load_file, save_file

from softshot.engine.loss import target_logits
from softshot.errors import UserError
from softshot.files import read_json, write_json

ARCHITECTURES = ["gpt2", "opt", "bloom", "llama"]
OTHERS = ["qwen3", "phi3", "gpt_neox", "gemma3_text"]
SAVED = [method for method in ALL if method != "full"]


def logits_of_peft(model, rows):
    """Logits [N, V] that predict target tokens, of a model of peft's."""
    batch = padded(rows)
    predicts = batch.pop("labels")[:, 1:] != -100
    with torch.no_grad():
        logits = model.eval()(**batch).logits
    return logits[:, -predicts.shape[1] - 1 : -1][predicts]


def logits_here(method, folder, adapter):
    """The same of a saved adapter, loaded."""
    base, prefix = loaded(method, folder, adapter)
    with torch.no_grad():
        return target_logits(base, prefix, rows_of(layout_of(base)))


def assert_same(found, expected, bare):
    """Up to rounding, and unlike those of the model alone."""
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=3e-4)  # in float32
    assert (expected - bare).abs().max() > 0.1


def settings_of(method):
    """Ways to save an adapter."""
    some = {"targets": ["c_attn", "c_fc", "q_proj", "fc1", "query_key_value", "gate_up_proj", "down_proj"]}
    return {"lora": [{}, {"rank_stabilised": True, "alpha": 3.0} | some]}.get(method, [{}])


@pytest.mark.parametrize("method", SAVED)
@pytest.mark.parametrize("name", [*ARCHITECTURES, *(pytest.param(name, marks=pytest.mark.long) for name in OTHERS)])
def test_peft_loads_what_is_saved_here(folder_of, tmp_path, method, name):
    folder = folder_of(name)
    for settings in settings_of(method):
        base = base_for(method, folder)
        ends = {layer.rpartition(".")[2] for layer, _ in base.model.named_modules()}
        if "targets" in settings:
            settings["targets"] = [end for end in settings["targets"] if end in ends]
        bare = target_logits(base, None, rows_of(layout_of(base))).detach()
        run = trainer_of(method, base, rate=0.05, loop={"steps": 10}, **settings)
        run.run(lambda: False, lambda: None, 1e9)
        run.finish()
        run.adapter.save(tmp_path)
        with torch.no_grad():
            trained = target_logits(base, run.adapter.prefix(), run.training)
        assert_same(logits_here(method, folder, tmp_path), trained, bare)
        model = peft.PeftModel.from_pretrained(load_plain(folder), tmp_path)
        assert_same(logits_of_peft(model, run.training), trained, bare)


LINEAR = {"gpt2": "c_attn", "opt": "fc1", "bloom": "dense_h_to_4h", "llama": "down_proj"}
PATTERN = {"0.attn.c_attn": 3, "0.fc1": 3, "0.mlp.dense_h_to_4h": 3, "0.mlp.down_proj": 3, r"1\..*": 2}
NORMS = ["ln_1", "self_attn_layer_norm", "input_layernorm", "post_attention_layernorm"]
TOKENS = {"num_virtual_tokens": 4}
THEIRS = {
    "LoRA as it is by default": ("lora", peft.LoraConfig, {}),
    "LoRA of all linear layers": ("lora", peft.LoraConfig, {"target_modules": "all-linear", "lora_dropout": 0.1}),
    "LoRA, rsLoRA": ("lora", peft.LoraConfig, {"use_rslora": True, "r": 3, "init_lora_weights": "gaussian"}),
    "LoRA with patterns": (
        *("lora", peft.LoraConfig),
        {"target_modules": list(LINEAR.values()), "rank_pattern": PATTERN, "alpha_pattern": PATTERN},
    ),
    "LoRA of one layer": ("lora", peft.LoraConfig, {"layers_to_transform": [1], "target_modules": [*LINEAR.values()]}),
    "AdaLoRA": ("adalora", peft.AdaLoraConfig, {"total_step": 10}),
    "IA3": ("ia3", peft.IA3Config, {}),
    "LN-tuning": ("ln-tuning", peft.LNTuningConfig, {"target_modules": NORMS}),
    "prompt tuning": ("prompt-tuning", peft.PromptTuningConfig, TOKENS),
    "P-tuning, MLP": ("p-tuning", peft.PromptEncoderConfig, TOKENS),
    "P-tuning, LSTM": ("p-tuning", peft.PromptEncoderConfig, TOKENS | {"encoder_reparameterization_type": "LSTM"}),
    "prefix tuning": ("prefix-tuning", peft.PrefixTuningConfig, TOKENS),
    "prefix tuning, MLP": ("prefix-tuning", peft.PrefixTuningConfig, TOKENS | {"prefix_projection": True}),
    "cartridge": ("prefix-tuning", peft.CartridgeConfig, TOKENS),
}


def saved_by_peft(folder, out, kind, options):
    """An adapter of peft's far from its first value, saved; and its model."""
    torch.manual_seed(0)
    model = peft.get_peft_model(load_plain(folder), kind(task_type="CAUSAL_LM", **options))
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.data += 0.2 * torch.randn_like(parameter)
    model.save_pretrained(out)
    return model


@pytest.mark.parametrize("what", THEIRS)
@pytest.mark.parametrize("name", ARCHITECTURES)
def test_what_peft_saves_is_loaded_here(folder_of, tmp_path, name, what):
    method, kind, options = THEIRS[what]
    if kind is peft.LoraConfig and isinstance(options.get("target_modules"), list):
        options = options | {"target_modules": [LINEAR[name]]}
    model = saved_by_peft(folder_of(name), tmp_path, kind, options)
    base = base_for(method, folder_of(name))
    rows = rows_of(layout_of(base))
    with torch.no_grad():
        bare = target_logits(base, None, rows)
    assert_same(logits_here(method, folder_of(name), tmp_path), logits_of_peft(model, rows), bare)


def test_an_adalora_that_peft_has_pruned_is_loaded_here(folder_of, tmp_path):
    """Ranks of each layer's own, one of them 0, and the scale of the first rank."""
    config = peft.AdaLoraConfig(task_type="CAUSAL_LM", init_r=4, target_r=1, total_step=3, lora_alpha=9)
    model = peft.get_peft_model(load_plain(folder_of("gpt2")), config)
    base = base_for("adalora", folder_of("gpt2"))
    rows = rows_of(layout_of(base))
    for step in range(4):
        model(**padded(rows)).loss.backward()
        for name, parameter in model.named_parameters():
            if parameter.requires_grad:
                parameter.data -= (1 if "h.1" in name else 0.01) * parameter.grad.sign()
        model.base_model.update_and_allocate(step)
        model.zero_grad()
    expected = logits_of_peft(model, rows)
    model.save_pretrained(tmp_path)
    assert sorted(sum(row) for row in read_json(tmp_path / "adapter_config.json")["rank_pattern"].values()) == [0, 2]
    with torch.no_grad():
        bare = target_logits(base, None, rows)
    assert_same(logits_here("adalora", folder_of("gpt2"), tmp_path), expected, bare)


REFUSED = {
    "DoRA": ("lora", {"use_dora": True}, r"use_dora \(True\) is more than softshot reads of a LORA"),
    "biases": ("lora", {"bias": "all"}, r"changes biases too \(bias: all\)"),
    "whole layers": ("lora", {"modules_to_save": ["ln_f"]}, r"modules_to_save \(\['ln_f'\]\) is more"),
    "tokens": ("lora", {"trainable_token_indices": [3]}, r"trainable_token_indices"),
    "biases of the change": ("lora", {"lora_bias": True}, "lora_bias"),
    "weights changed before": ("lora", {"init_lora_weights": "pissa"}, "init_lora_weights: pissa"),
    "embeddings": ("lora", {"target_modules": ["wte"]}, r"transformer\.wte\.lora_embedding_\w, which is no lora_A"),
    "the head": ("lora", {"target_modules": ["lm_head"]}, "lm_head"),
    "whole layers beside scales": ("ia3", {"modules_to_save": ["ln_f"]}, "modules_to_save"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_more_than_can_be_read_is_refused_by_name(folder_of, tmp_path, what):
    method, options, message = REFUSED[what]
    kind = {"lora": peft.LoraConfig, "ia3": peft.IA3Config}[method]
    saved_by_peft(folder_of("gpt2"), tmp_path, kind, options)
    with pytest.raises(UserError, match=message):
        logits_here(method, folder_of("gpt2"), tmp_path)


def test_an_adapter_of_another_kind_or_model_is_refused(folder_of, tmp_path):
    saved_by_peft(folder_of("gpt2"), tmp_path / "lora", peft.LoraConfig, {})
    saved_by_peft(folder_of("gpt2"), tmp_path / "prefix", peft.PrefixTuningConfig, TOKENS)
    saved_by_peft(folder_of("gpt2"), tmp_path / "prompt", peft.PromptTuningConfig, TOKENS)
    saved_by_peft(
        folder_of("gpt2"), tmp_path / "multitask", peft.MultitaskPromptTuningConfig, TOKENS | {"num_tasks": 2}
    )
    for method, adapter, model, message in (
        ("ia3", "lora", "gpt2", "ia3 does not read an adapter of the kind LORA"),
        ("prompt-tuning", "prefix", "gpt2", "does not read an adapter of the kind PREFIX_TUNING"),
        ("prompt-tuning", "multitask", "gpt2", "does not read an adapter of the kind MULTITASK_PROMPT_TUNING"),
        ("lora", "lora", "llama", r"changes transformer\.h\.0\.attn\.c_attn, which is no linear layer of this model"),
        ("prefix-tuning", "prefix", "llama", r"of 128 numbers a position do not fit a model of 2 layers of 2 heads"),
    ):
        with pytest.raises(UserError, match=message):
            logits_here(method, folder_of(model), tmp_path / adapter)


def test_a_file_that_is_not_whole_or_not_all_is_refused(folder_of, tmp_path):
    saved_by_peft(folder_of("gpt2"), tmp_path, peft.LoraConfig, {})
    file = tmp_path / "adapter_model.safetensors"
    tensors = load_file(file)
    name, factor = next((name, factor) for name, factor in tensors.items() if "lora_B" in name)
    for broken, message in (
        ({key: tensor for key, tensor in tensors.items() if key != name}, rf"lacks {re.escape(name)}"),
        (tensors | {name: factor[:-1].contiguous()}, r"a matrix of \(95, 32\); this model's is \(96, 32\)"),
    ):
        save_file(broken, file)
        with pytest.raises(UserError, match=message):
            logits_here("lora", folder_of("gpt2"), tmp_path)
    file.write_bytes(file.read_bytes()[:-10])
    with pytest.raises(UserError, match="no whole adapter"):
        logits_here("lora", folder_of("gpt2"), tmp_path)


def test_full_tuning_saves_the_models_own_weights(folder_of, tmp_path):
    """transformers takes them by their names; those of another model are refused."""
    base = base_for("full", folder_of("gpt2"))
    run = trainer_of("full", base, rate=0.01, loop={"steps": 3})
    run.run(lambda: False, lambda: None, 1e9)
    run.finish()
    run.adapter.save(tmp_path)
    model = load_plain(folder_of("gpt2"))
    assert not model.load_state_dict(load_file(tmp_path / "adapter_model.safetensors"), strict=False).unexpected_keys
    with torch.no_grad():
        trained = target_logits(base, None, run.training)
    torch.testing.assert_close(logits_of_peft(model, run.training), trained, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(logits_here("full", folder_of("gpt2"), tmp_path), trained, rtol=1e-4, atol=1e-4)
    with pytest.raises(UserError, match="weights of another model"):
        logits_here("full", folder_of("llama"), tmp_path)
    write_json(tmp_path / "adapter_config.json", {"peft_type": "LORA", "r": 8})
    with pytest.raises(UserError, match="full does not read an adapter of the kind LORA"):
        logits_here("full", folder_of("gpt2"), tmp_path)
    assert len(RECORDS) == len(run.training)
