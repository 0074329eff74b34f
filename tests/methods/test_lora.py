"""LoRA: what it begins as, what it changes, and its dropout."""

import math

import pytest
import torch
from cases import adapter_of, base_for, layout_of, rows_of, trainer_of
from torch import nn
from transformers.pytorch_utils import Conv1D

from softshot.engine.loss import target_losses
from softshot.errors import UserError

FOUR = ["gpt2", "opt", "bloom", "llama"]


def losses_of(adapter, rows):
    adapter.prepare()
    return target_losses(adapter.base, None, rows)


@pytest.mark.parametrize("name", FOUR)
def test_it_begins_as_the_model_with_a_as_a_linear_layers_weight(folder_of, name):
    base = base_for("lora", folder_of(name))
    rows = rows_of(layout_of(base))
    before = target_losses(base, None, rows).detach()
    adapter = adapter_of("lora", base, size=16)
    torch.testing.assert_close(losses_of(adapter, rows).detach(), before, rtol=1e-5, atol=1e-5)
    for a, b in adapter.factors():
        bound = 1 / math.sqrt(a.shape[1])
        assert (
            not b.any() and a.abs().max() <= bound and a.std().item() == pytest.approx(bound / math.sqrt(3), rel=0.15)
        )
    again, other = (adapter_of("lora", base_for("lora", folder_of(name)), size=16, seed=seed) for seed in (1, 2))
    assert torch.equal(again.a[3], adapter.a[3]) and not torch.equal(other.a[3], adapter.a[3])


@pytest.mark.parametrize("name", FOUR)
def test_all_linear_layers_but_the_head_are_changed(folder_of, name):
    base = base_for("lora", folder_of(name))
    kinds = (nn.Linear, Conv1D)
    layers = {path for path, module in base.model.named_modules() if isinstance(module, kinds)} - {"lm_head"}
    adapter = adapter_of("lora", base)
    assert adapter.layers.keys() == layers
    sizes = [layer.in_features + layer.out_features for layer in adapter.layers.values()]
    assert sum(p.numel() for p in adapter.parameters()) == 4 * sum(sizes)
    assert not any(p.requires_grad for p in base.model.parameters())


def test_targets_are_the_ends_of_names(folder_of):
    def layers(*targets):
        return list(adapter_of("lora", base_for("lora", folder_of("gpt2")), targets=list(targets)).layers)

    assert layers("mlp.c_proj") == ["transformer.h.0.mlp.c_proj", "transformer.h.1.mlp.c_proj"]
    assert layers("1.attn.c_attn", "1.mlp.c_fc") == ["transformer.h.1.attn.c_attn", "transformer.h.1.mlp.c_fc"]
    assert len(layers("c_proj")) == 4, "of attention and of the feed-forward part"
    for wrong in ("q_proj", "proj", "lm_head"):
        with pytest.raises(UserError, match=rf"targets: {wrong}: .* only c_attn, c_fc, c_proj\."):
            layers("c_fc", wrong)


def test_dropout_is_of_training_only(folder_of):
    run = trainer_of("lora", base_for("lora", folder_of("gpt2")), dropout=0.5)
    with torch.no_grad():
        for b in run.adapter.b:
            b.normal_()
    run.adapter.eval()
    whole, again = (losses_of(run.adapter, run.training).detach() for _ in range(2))
    assert torch.equal(whole, again)
    run.adapter.train()
    assert not torch.allclose(losses_of(run.adapter, run.training), losses_of(run.adapter, run.training))
    run.validate()
    assert run.progress.best_loss == pytest.approx(whole.mean().item(), rel=1e-5)


def test_bfloat16_does_not_round_small_changes_away(folder_of):
    """Beside weights of about 1, 0.001 would be."""
    base = base_for("lora", folder_of("llama"), "bfloat16")
    adapter = adapter_of("lora", base)
    rows = rows_of(layout_of(base))
    losses = []
    for spread in (0.0, 0.001):
        with torch.no_grad():
            for a, b in adapter.factors():
                a.fill_(spread)
                b.fill_(1.0)
        losses.append(losses_of(adapter, rows).detach())
    assert not torch.equal(*losses)
