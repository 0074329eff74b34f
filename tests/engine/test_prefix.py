"""The shared prefix is exact: its loss and gradient are those of the plain computation."""

import torch
from torch.nn.functional import cross_entropy

from softshot.engine.layout import Row
from softshot.engine.prefix import target_loss

ROWS = [Row("a", [5, 9, 11, 40], [17, 23]), Row("b", [7], [60, 61, 62, 63, 64]), Row("c", list(range(30, 50)), [3])]


def plain_loss(base, prompt, row):
    """Prompt and row in one piece, one row at a time, logits everywhere; nothing is shared or padded."""
    ids = torch.tensor([row.context + row.target])
    embeddings = base.model.get_input_embeddings()(ids)
    logits = base.model(inputs_embeds=torch.cat([prompt[None], embeddings], dim=1)).logits
    return cross_entropy(logits[0, -len(row.target) - 1 : -1], torch.tensor(row.target), reduction="sum")


def test_loss_and_gradient_equal_the_plain_computation(base):
    prompt = torch.randn(7, base.embedding_size, generator=torch.Generator().manual_seed(1)) * 0.1
    shared, plain = prompt.clone().requires_grad_(), prompt.clone().requires_grad_()

    loss, count = target_loss(base, shared, ROWS)
    loss.backward()
    expected = sum(plain_loss(base, plain, row) for row in ROWS)
    expected.backward()

    assert count == 8
    torch.testing.assert_close(loss, expected, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(shared.grad, plain.grad, rtol=1e-4, atol=1e-5)


def test_without_a_prompt_the_loss_is_the_models_own(base):
    loss, _ = target_loss(base, None, ROWS)
    expected = sum(plain_loss(base, torch.empty(0, base.embedding_size), row) for row in ROWS)
    torch.testing.assert_close(loss, expected, rtol=1e-5, atol=1e-5)


def test_the_base_stays_frozen(base):
    prompt = torch.zeros(2, base.embedding_size, requires_grad=True)
    target_loss(base, prompt, ROWS)[0].backward()
    assert all(p.grad is None and not p.requires_grad for p in base.model.parameters())
