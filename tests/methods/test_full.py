"""Full tuning: every weight once, and in bfloat16 no update is lost."""

import torch
from cases import base_for, trainer_of


def test_each_weight_is_trained_once(folder_of):
    """GPT-2's embedding is its head as well."""
    base = base_for("full", folder_of("gpt2"))
    adapter = trainer_of("full", base).adapter
    assert base.model.lm_head.weight is base.model.transformer.wte.weight
    assert sum(p.numel() for p in adapter.parameters()) == base.model.num_parameters()


def test_small_updates_of_a_model_in_bfloat16_add_up(folder_of):
    """100 steps of 0.00001 each: one by one they would leave a weight of 0.4 in bfloat16 as it is."""
    moved = {}
    for dtype in ("bfloat16", "float32"):
        run = trainer_of("full", base_for("full", folder_of("llama"), dtype), rate=1e-5, loop={"steps": 100})
        before = [master.detach().clone() for master in run.adapter.masters]
        assert run.run(lambda: False, lambda: None, 1e9)
        run.finish()
        moved[dtype] = torch.cat([(m - b).flatten() for m, b in zip(run.adapter.masters, before, strict=True)])
        for weight, master in zip(run.adapter.weights, run.adapter.masters, strict=True):
            assert torch.equal(weight, master.to(weight.dtype)) and master.dtype == torch.float32
        if dtype == "bfloat16":
            changed = [w != b.bfloat16() for w, b in zip(run.adapter.weights, before, strict=True)]
            assert torch.cat([part.flatten() for part in changed]).float().mean() > 0.1
    assert torch.tensor(0.4).bfloat16() + 1e-5 == torch.tensor(0.4).bfloat16()
    assert torch.corrcoef(torch.stack(list(moved.values())))[0, 1] > 0.9


def test_a_copy_takes_the_gradients_of_all_passes_in_float32(folder_of):
    run = trainer_of("full", base_for("full", folder_of("llama"), "bfloat16"))
    parts = [run.training[:4], run.training[4:8], run.training[8:12]]
    run.gradients(parts)
    assert all(weight.grad is None for weight in run.base.model.parameters()), "none is kept twice"
    together = [master.grad.clone() for master in run.adapter.masters]
    one_by_one = [torch.zeros_like(gradient) for gradient in together]
    counts = [sum(len(row.target) for row in rows) for rows in parts]
    for rows, count in zip(parts, counts, strict=True):
        run.gradients([rows])
        for total, master in zip(one_by_one, run.adapter.masters, strict=True):
            total += master.grad * count / sum(counts)
    for gradient, expected in zip(together, one_by_one, strict=True):
        torch.testing.assert_close(gradient, expected, rtol=1e-5, atol=1e-6)
