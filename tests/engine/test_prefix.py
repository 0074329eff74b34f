"""The shared prefix is exact: its loss and gradient are those of the plain computation."""

import pytest
import torch
from torch.nn.functional import cross_entropy

from softshot.engine import prefix
from softshot.engine.last_layer import FEED_FORWARD
from softshot.engine.layout import Row
from softshot.engine.prefix import TargetLoss, target_loss

ROWS = [Row("a", [5, 9, 11, 40], [17, 23]), Row("b", [7], [60, 61, 62, 63, 64]), Row("c", list(range(30, 50)), [3])]


def plain_loss(base, prompt, row):
    """Prompt and row in one piece, one row at a time, logits everywhere; nothing is shared or padded."""
    ids = torch.tensor([row.context + row.target])
    embeddings = base.model.get_input_embeddings()(ids)
    logits = base.model(inputs_embeds=torch.cat([prompt[None], embeddings], dim=1)).logits
    return cross_entropy(logits[0, -len(row.target) - 1 : -1], torch.tensor(row.target), reduction="sum")


EQUAL_ROWS = [Row(str(n), [5 + n, 9, 11, 40], [17, 23 + n]) for n in range(3)]


@pytest.mark.parametrize("architectures", [prefix.PACKED, set()], ids=["packed", "cached"])
@pytest.mark.parametrize("rows", [ROWS, EQUAL_ROWS, ROWS[:1]], ids=["ragged", "equal", "one"])
def test_loss_and_gradient_equal_the_plain_computation(base, rows, architectures, monkeypatch):
    monkeypatch.setattr(prefix, "PACKED", architectures)
    prompt = torch.randn(7, base.embedding_size, generator=torch.Generator().manual_seed(1)) * 0.1
    shared, plain = prompt.clone().requires_grad_(), prompt.clone().requires_grad_()

    loss, count = target_loss(base, shared, rows)
    loss.backward()
    expected = sum(plain_loss(base, plain, row) for row in rows)
    expected.backward()

    assert count == sum(len(row.target) for row in rows)
    torch.testing.assert_close(loss, expected, rtol=1e-5, atol=1e-5)
    # Rounding errors are as large as the largest gradient makes them, also where a gradient is small.
    torch.testing.assert_close(shared.grad, plain.grad, rtol=1e-4, atol=1e-6 * float(plain.grad.abs().max()))


def test_without_a_prompt_the_loss_is_the_models_own(base):
    loss, _ = target_loss(base, None, ROWS)
    expected = sum(plain_loss(base, torch.empty(0, base.embedding_size), row) for row in ROWS)
    torch.testing.assert_close(loss, expected, rtol=1e-5, atol=1e-5)


def test_the_last_feed_forward_part_runs_before_target_tokens_only(base):
    name = FEED_FORWARD[base.model.config.model_type][0].format(base.model.config.num_hidden_layers - 1)
    seen = []
    hook = base.model.base_model.get_submodule(name).register_forward_hook(
        lambda _, given, __: seen.append(given[0].shape[-2])
    )
    target_loss(base, torch.zeros(2, base.embedding_size), ROWS)
    hook.remove()
    assert seen == [sum(len(row.target) for row in ROWS)]


def test_the_base_stays_frozen(base):
    prompt = torch.zeros(2, base.embedding_size, requires_grad=True)
    target_loss(base, prompt, ROWS)[0].backward()
    assert all(p.grad is None and not p.requires_grad for p in base.model.parameters())


@pytest.mark.parametrize("entries", [1, 70, 100, 4096])
def test_the_fused_head_is_cross_entropy_whatever_its_parts(entries, monkeypatch):
    monkeypatch.setitem(prefix.ENTRIES, "cpu", entries)
    generator = torch.Generator().manual_seed(0)
    weight, labels = torch.randn(300, 16, generator=generator), torch.randint(300, (11,), generator=generator)
    fused, plain = (torch.randn(11, 16, generator=torch.Generator().manual_seed(1)).requires_grad_() for _ in range(2))
    loss, expected = TargetLoss.apply(fused, weight, labels), cross_entropy(plain @ weight.T, labels, reduction="sum")
    (loss / 11).backward()
    (expected / 11).backward()
    torch.testing.assert_close(loss, expected)
    torch.testing.assert_close(fused.grad, plain.grad)
