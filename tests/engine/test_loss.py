"""The loss of every target token, and its gradient, are those of the plain computation."""

import pytest
import torch
from plain import PACKED, PADDED, plain_losses, plain_losses_behind
from tiny import ARCHITECTURES
from torch.nn.functional import cross_entropy

from softshot.engine import loss
from softshot.engine.layout import Row
from softshot.engine.loss import TargetLoss, target_logits, target_losses
from softshot.engine.prefix import Prefix, states_of
from softshot.errors import UserError

ROWS = [Row("a", [5, 9, 11, 40], [17, 23]), Row("b", [7], [60, 61, 62, 63, 64]), Row("c", list(range(30, 50)), [3])]
EQUAL_ROWS = [Row(str(n), [5 + n, 9, 11, 40], [17, 23 + n]) for n in range(3)]
VISIBLE = torch.tensor([[1, 1, 0, 1, 0, 1, 1], [0, 1, 1, 1, 1, 1, 1], [0, 0, 0, 0, 0, 0, 0]]).bool()


def random_prompt(base, tokens=7):
    return torch.randn(tokens, base.embedding_size, generator=torch.Generator().manual_seed(1)) * 0.1


def random_states(base, tokens=7):
    generator = torch.Generator().manual_seed(1)
    shapes = base.findings.cache_shapes
    return tuple(
        tuple(torch.randn(heads, tokens, size, generator=generator).requires_grad_() for size in sizes)
        for heads, *sizes in shapes
    )


def assert_gradients_equal(found, expected):
    """Rounding errors are as large as the largest gradient makes them, also where a gradient is small."""
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5 * float(other.abs().max()) + 1e-7)


def assert_prompt_equal(base, plain, rows):
    ours, theirs = (random_prompt(base).requires_grad_() for _ in range(2))
    losses = target_losses(base, Prefix(embeddings=ours), rows)
    expected = torch.cat([plain_losses(plain, theirs, row) for row in rows])
    for one in (losses, expected):
        one.sum().backward()
    torch.testing.assert_close(losses, expected, rtol=1e-5, atol=1e-4)
    assert_gradients_equal([ours.grad], [theirs.grad])


@pytest.mark.parametrize("rows", [ROWS, EQUAL_ROWS, ROWS[:1]], ids=["ragged", "equal", "one"])
@pytest.mark.parametrize("name", ARCHITECTURES)
def test_losses_and_gradient_equal_the_plain_computation(architecture, name, rows):
    assert_prompt_equal(*architecture(name), rows)


@pytest.mark.parametrize("name", [*PACKED[len(ARCHITECTURES) :], *PADDED])
def test_so_they_do_in_other_architectures(architecture, name):
    assert_prompt_equal(*architecture(name), ROWS)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_the_padded_way_gives_the_same(architecture, name):
    base, plain = architecture(name)
    prompt = random_prompt(base)
    losses = cross_entropy(
        target_logits(base, Prefix(embeddings=prompt), ROWS),
        torch.tensor([i for row in ROWS for i in row.target]),
        reduction="none",
    )
    torch.testing.assert_close(
        losses, torch.cat([plain_losses(plain, prompt, row) for row in ROWS]), rtol=1e-5, atol=1e-4
    )


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_without_a_prefix_the_losses_are_the_models_own(architecture, name):
    base, plain = architecture(name)
    nothing = torch.empty(0, base.embedding_size)
    expected = torch.cat([plain_losses(plain, nothing, row) for row in ROWS])
    torch.testing.assert_close(target_losses(base, None, ROWS), expected, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("visible", [None, VISIBLE], ids=["whole", "in part"])
@pytest.mark.parametrize("name", [*PACKED, "falcon", "gptj", "gemma2"])
def test_behind_keys_and_values_losses_and_gradients_equal_the_plain_computation(architecture, name, visible):
    """Each row sees of them what it may; positions go on behind them all."""
    base, plain = architecture(name)
    ours, theirs = random_states(base), random_states(base)
    losses = target_losses(base, Prefix(states=ours), ROWS, visible)
    expected = torch.cat(
        [plain_losses_behind(plain, theirs, row, None if visible is None else visible[i]) for i, row in enumerate(ROWS)]
    )
    for one in (losses, expected):
        one.sum().backward()
    torch.testing.assert_close(losses, expected, rtol=1e-5, atol=1e-4)
    assert_gradients_equal(*([tensor.grad for layer in states for tensor in layer] for states in (ours, theirs)))


@pytest.mark.parametrize("name", PACKED)
def test_a_texts_keys_and_values_stand_for_the_text(architecture, name):
    base, _ = architecture(name)
    text = [9, 30, 12, 77, 41]
    expected = target_losses(base, None, [Row(row.id, text + row.context, row.target) for row in ROWS])
    torch.testing.assert_close(target_losses(base, states_of(base, text), ROWS), expected, rtol=1e-5, atol=1e-4)
    embeddings = Prefix(embeddings=base.embed(text))
    torch.testing.assert_close(target_losses(base, embeddings, ROWS), expected, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("name", ["falcon_alibi", "mpt"])
def test_a_model_that_counts_positions_from_its_mask_cannot_hide_a_part_of_the_prefix(architecture, name):
    base, _ = architecture(name)
    with pytest.raises(UserError, match="nothing can be hidden"):
        target_losses(base, Prefix(states=random_states(base)), ROWS, VISIBLE)


def test_a_part_of_a_soft_prompt_can_be_hidden_too(base):
    """Hiding what the model reads hides it from the rows, as its keys and values do."""
    prompt = random_prompt(base)
    with torch.no_grad():
        expected = target_losses(base, states_of_prompt(base, prompt), ROWS, VISIBLE)
        found = target_losses(base, Prefix(embeddings=prompt), ROWS, VISIBLE)
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-4)


def states_of_prompt(base, prompt):
    from softshot.engine.prefix import prefix_cache

    cache = prefix_cache(base, Prefix(embeddings=prompt), 1)
    return Prefix(states=tuple((layer.keys[0], layer.values[0]) for layer in cache.layers))


def test_a_prefix_for_another_model_is_an_error(base):
    with pytest.raises(UserError, match=f"vectors of 5 numbers .* have {base.embedding_size}"):
        target_losses(base, Prefix(embeddings=torch.zeros(2, 5)), ROWS)
    heads, size, _ = base.findings.cache_shapes[0]
    layer = (torch.zeros(heads, 3, size), torch.zeros(heads, 3, size))
    with pytest.raises(UserError, match=r"3 layers .* a model of 2 layers"):
        target_losses(base, Prefix(states=(layer,) * 3), ROWS)
    with pytest.raises(ValueError, match="one of the two"):
        Prefix()


def test_a_row_without_a_context_is_an_error_that_names_it(base):
    with pytest.raises(UserError, match="record empty: its input is no token"):
        target_losses(base, Prefix(embeddings=random_prompt(base)), [ROWS[0], Row("empty", [], [5, 6])])


@pytest.mark.parametrize("name", PACKED)
def test_the_last_feed_forward_part_runs_before_target_tokens_only(architecture, name):
    base, _ = architecture(name)
    begin, _ = base.findings.feed_forward
    seen = []
    hook = base.model.base_model.get_submodule(begin).register_forward_hook(
        lambda _, given, __: seen.append(given[0].shape[-2])
    )
    target_losses(base, Prefix(embeddings=torch.zeros(2, base.embedding_size)), ROWS)
    hook.remove()
    assert seen == [sum(len(row.target) for row in ROWS)]


def test_the_base_stays_frozen(base):
    prompt = torch.zeros(2, base.embedding_size, requires_grad=True)
    target_losses(base, Prefix(embeddings=prompt), ROWS).sum().backward()
    assert all(p.grad is None and not p.requires_grad for p in base.model.parameters())


@pytest.mark.parametrize("entries", [1, 70, 100, 4096])
def test_the_fused_head_is_cross_entropy_whatever_its_parts(entries, monkeypatch):
    monkeypatch.setitem(loss.ENTRIES, "cpu", entries)
    generator = torch.Generator().manual_seed(0)
    weight, labels = torch.randn(300, 16, generator=generator), torch.randint(300, (11,), generator=generator)
    shares = torch.rand(11, generator=generator)  # each token's loss counts by its own
    fused, plain = (torch.randn(11, 16, generator=torch.Generator().manual_seed(1)).requires_grad_() for _ in range(2))
    losses, expected = (
        TargetLoss.apply(fused, weight, labels),
        cross_entropy(plain @ weight.T, labels, reduction="none"),
    )
    for one in (losses, expected):
        (one * shares).sum().backward()
    torch.testing.assert_close(losses, expected)
    torch.testing.assert_close(fused.grad, plain.grad)
