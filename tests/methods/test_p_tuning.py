"""P-tuning: what is trained, and what of it is kept."""

import pytest
import torch
from cases import adapter_of, base_for
from safetensors.torch import load_file


@pytest.mark.parametrize(
    ("settings", "trained"),
    [
        ({"encoder_hidden": 7}, 5 * 32 + 33 * 7 + 8 * 7 + 8 * 32),
        # An LSTM's layer has two directions of four gates, with two biases each.
        (
            {"encoder": "lstm", "encoder_hidden": 7},
            5 * 32 + 2 * 4 * 7 * (32 + 7 + 2) + 2 * 4 * 7 * (14 + 7 + 2) + 15 * 14 + 15 * 32,
        ),
        ({}, 5 * 32 + 3 * 33 * 32),  # as wide as the embeddings
    ],
)
def test_the_encoder_is_trained_and_the_prompt_kept(folder_of, tmp_path, settings, trained):
    adapter = adapter_of("p-tuning", base_for("p-tuning", folder_of("gpt2")), **settings)
    assert sum(p.numel() for p in adapter.parameters()) == trained
    adapter.save(tmp_path)
    (saved,) = load_file(tmp_path / "adapter_model.safetensors").values()
    assert torch.equal(saved, adapter().detach()) and saved.shape == (5, 32)


def test_its_vectors_depend_on_one_another_through_the_lstm_only(folder_of):
    base = base_for("p-tuning", folder_of("gpt2"))
    for encoder, others in (("mlp", False), ("lstm", True)):
        adapter = adapter_of("p-tuning", base, encoder=encoder)
        before = adapter().detach()
        with torch.no_grad():
            adapter.embedding[2] += 1
        changed = (adapter().detach() != before).any(1).tolist()
        assert changed == [others, others, True, others, others]


def test_the_first_value_follows_from_the_seed(folder_of):
    base = base_for("p-tuning", folder_of("gpt2"))
    first, again, other = (adapter_of("p-tuning", base, seed=seed)().detach() for seed in (1, 1, 2))
    assert torch.equal(first, again) and not torch.equal(first, other)
