"""What a trained adapter predicts: the same texts merged or not, and in batches of any size."""

import pytest
import torch
from cases import ALL, RECORDS, base_for, layout_of, loaded, trainer_of

from softshot.engine.decoding import decode
from softshot.engine.stops import Stops
from softshot.settings import GenerationSettings

ARCHITECTURES = ["gpt2", "opt", "bloom", "llama"]
OTHERS = ["qwen3", "phi3", "gpt_neox"]


def texts(base, prefix, batch_size):
    """The prediction of every record, by its id, with one demonstration for every other record."""
    layout, stops = layout_of(base), Stops.of(base, "\n")
    rows = [layout.generation_row(r, RECORDS[:: len(RECORDS) - 1][: i % 2], 12) for i, r in enumerate(RECORDS)]
    outputs = decode(base, prefix, rows, GenerationSettings(max_new_tokens=12), stops, batch_size)
    return {output.id: output.text for output in outputs}


@pytest.mark.parametrize(
    ("method", "name"),
    [
        pytest.param(method, name, marks=[] if place == ALL.index(method) % 4 else pytest.mark.long)
        for method in ALL
        for place, name in enumerate(ARCHITECTURES + OTHERS)
    ],
)
def test_merged_or_not_and_in_any_batch_it_writes_the_same(folder_of, tmp_path, method, name):
    base = base_for(method, folder_of(name))
    run = trainer_of(method, base, rate=0.02, loop={"steps": 60, "schedule": "constant"})
    run.run(lambda: False, lambda: None, 1e9)
    run.finish()
    run.adapter.save(tmp_path)
    with torch.no_grad():
        trained = texts(base, run.adapter.prefix(), 5)
    put_to_use = loaded(method, folder_of(name), tmp_path)
    assert len(set(trained.values())) > 6, "outputs must differ for this to mean much"
    for batch_size in (1, 7, 18):
        assert texts(*put_to_use, batch_size) == trained
