"""The layout of a row: what is shown, in which order, and what gives way when room is short."""

import pytest

from softshot.engine.layout import Layout, RowSettings, Truncation
from softshot.errors import UserError
from softshot.settings import EngineSettings
from softshot.task import TemplateSettings

RECORD = {"id": "r1", "input": "What is the capital of France", "target": "Paris"}
NEAR = {"id": "d1", "input": "the lazy dog", "target": "jumps"}
FAR = {"id": "d2", "input": "Play some music", "target": "tomorrow"}


def text(base, ids):
    return base.tokenizer.decode(ids)


def layout(base, context=200, order="nearest-last", **template):
    settings = RowSettings(engine=EngineSettings(context=context), template=TemplateSettings(**template), order=order)
    return Layout(base, settings)


def test_a_row_is_demonstrations_then_input_then_target_with_the_nearest_last(base):
    row = layout(base).tuning_row(RECORD, [NEAR, FAR], "Paris", 5)
    start = text(base, base.tokenization.start)
    assert text(base, row.context) == (
        f"{start}Play some music => tomorrow\n\nthe lazy dog => jumps\n\nWhat is the capital of France =>"
    )
    assert text(base, row.target) == " Paris\n\n"


def test_tuning_and_generation_show_the_same_context(base):
    tuning = layout(base).tuning_row(RECORD, [NEAR], "Paris", 20)
    generation = layout(base).generation_row(RECORD, [NEAR], 20)
    assert tuning.context == generation.context
    assert generation.target == []


def test_the_last_demonstration_goes_first_then_the_input_from_its_left_never_the_target(base):
    full = layout(base).tuning_row(RECORD, [NEAR, FAR], "Paris", 5)
    for context in range(len(full) + 5, 16, -1):
        made = layout(base, context)
        row = made.tuning_row(RECORD, [NEAR, FAR], "Paris", 5)
        shown = text(base, row.context)
        assert len(row) <= context
        assert row.target == full.target
        assert row.shots == ("Play some music" in shown) + ("the lazy dog" in shown)
        assert ("Play some music" in shown) <= ("the lazy dog" in shown), "the far one must go before the near one"
        if made.truncation.inputs:
            assert "=> " not in shown, "a demonstration stays while the input is cut"
        assert shown.endswith("France =>")
    assert made.truncation == Truncation(demonstrations=2, inputs=1)


def test_what_still_does_not_fit_is_an_error_that_names_the_record(base):
    for row in (layout(base, 16).generation_row, lambda *given: layout(base, 16).tuning_row(*given[:2], "x", given[2])):
        with pytest.raises(UserError, match=r"record r1.*Raise `engine.context`"):
            row(RECORD, [], 16)


def test_tuning_and_generation_have_the_same_room_whatever_the_target(base):
    full = layout(base).generation_row(RECORD, [NEAR, FAR], 20)
    for context in range(len(full) + 25, 40, -1):
        predicted = layout(base, context).generation_row(RECORD, [NEAR, FAR], 20)
        for target in ("x", "Paris", "x" * 17):
            row = layout(base, context).tuning_row(RECORD, [NEAR, FAR], target, 20)
            assert len(row.target) <= 20
            assert (row.context, row.shots) == (predicted.context, predicted.shots)
    longer = layout(base, len(full) + 20).tuning_row(RECORD, [NEAR, FAR], "x" * 18, 20)
    assert len(longer.target) == 21 and longer.shots == 1 < full.shots, "a longer target needs more"


def test_a_record_whose_target_alone_is_too_long_is_left_out_and_counted(base):
    made = layout(base, 60)
    assert made.tuning_row(RECORD, [NEAR], "x" * 80, 10) is None
    assert made.tuning_row(RECORD, [NEAR], "x", 10) is not None
    assert made.truncation.records == 1


def test_the_template_lays_out_input_demonstration_separator_and_instruction(base):
    made = layout(
        base, instruction="Answer.", input="Q: {input}\nA:", demonstration="Example: {example}", separator="\n"
    )
    row = made.tuning_row(RECORD, [NEAR], "Paris", 20)
    assert text(base, row.context + row.target) == (
        f"{text(base, base.tokenization.start)}Answer.\nExample: Q: the lazy dog\nA: jumps\n"
        "Q: What is the capital of France\nA: Paris\n"
    )
    assert made.generation_row(RECORD, [NEAR], 20).context == row.context


def test_the_nearest_can_come_first(base):
    nearest_first = layout(base, order="nearest-first").generation_row(RECORD, [NEAR, FAR], 20)
    assert nearest_first.context == layout(base).generation_row(RECORD, [FAR, NEAR], 20).context


@pytest.mark.parametrize("order", ["nearest-first", "nearest-last"])
def test_the_farthest_is_dropped_whatever_the_order(base, order):
    both = layout(base, order=order).generation_row(RECORD, [NEAR, FAR], 20)
    one = layout(base, context=len(both) + 19, order=order).generation_row(RECORD, [NEAR, FAR], 20)
    assert one.context == layout(base).generation_row(RECORD, [NEAR], 20).context


def test_what_surrounds_an_input_stays_when_the_input_is_cut(base):
    made = layout(base, context=24, input="Q: {input} A:")
    shown = text(base, made.generation_row(RECORD | {"input": "one two three " * 30}, [], 10).context)
    assert made.truncation.inputs == 1
    assert shown.removeprefix(text(base, base.tokenization.start)).startswith("Q:") and shown.endswith("A:")


def test_opt_keeps_its_start_token(tiny_models):
    """OPT was trained with `</s>` before every text; its tokenizer says so, and the layout follows it."""
    from dataclasses import replace

    from tokenizers.processors import TemplateProcessing

    from softshot.engine.base import load

    base = load(tiny_models["opt"])
    base.tokenizer.backend_tokenizer.post_processor = TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 0)])
    row = layout(replace(base), 100).generation_row(RECORD, [], 10)
    assert row.context[0] == base.tokenizer.bos_token_id
    assert base.tokenizer.bos_token_id not in row.context[1:]


def test_tuning_goes_on_without_the_records_that_are_too_long(base, tmp_path):
    from softshot.demonstrations.shown import Shown
    from softshot.files import write_jsonl
    from softshot.tuning.batches import batches
    from softshot.tuning.rows import TrainingRows, validation_rows

    records = [RECORD | {"id": f"r{n}", "target": text, "references": [text]} for n, text in enumerate("ab")]
    too_long = [RECORD | {"id": "long", "target": "x" * 80, "references": ["x" * 80]}]
    write_jsonl(tmp_path / "some.jsonl", records + too_long)
    write_jsonl(tmp_path / "none.jsonl", too_long)
    made, shown = layout(base, 60), Shown(None, 0, [], None)
    epoch = next(batches(TrainingRows(made, records + too_long, shown, 10), 4, seed=1))
    assert sorted(row.id for row in epoch) == ["r0", "r1"]
    assert [row.id for row in validation_rows(made, tmp_path / "some.jsonl", None, shown, 10)] == ["r0", "r1"]
    assert made.truncation.records == 2
    with pytest.raises(UserError, match=r"no training record's output fits into engine\.context"):
        next(batches(TrainingRows(made, too_long, shown, 10), 4, seed=1))
    with pytest.raises(UserError, match=r"none\.jsonl: no record's output fits into engine\.context"):
        validation_rows(made, tmp_path / "none.jsonl", None, shown, 10)
