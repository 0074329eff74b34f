"""The layout of a row: what is shown, in which order, and what gives way when room is short."""

import pytest

from softshot.engine.layout import Layout, Truncation
from softshot.errors import UserError
from softshot.settings import EngineSettings

RECORD = {"id": "r1", "input": "What is the capital of France", "target": "Paris"}
NEAR = {"id": "d1", "input": "the lazy dog", "target": "jumps"}
FAR = {"id": "d2", "input": "Play some music", "target": "tomorrow"}


def text(base, ids):
    return base.tokenizer.decode(ids)


def layout(base, context=200, **settings):
    return Layout(base, EngineSettings(context=context, **settings))


def test_a_row_is_demonstrations_then_input_then_target_with_the_nearest_last(base):
    row = layout(base).tuning_row(RECORD, [NEAR, FAR], "Paris")
    start = text(base, base.start_ids)
    assert text(base, row.context) == (
        f"{start}Play some music => tomorrow\n\nthe lazy dog => jumps\n\nWhat is the capital of France =>"
    )
    assert text(base, row.target) == " Paris\n\n"


def test_tuning_and_generation_show_the_same_context(base):
    tuning = layout(base).tuning_row(RECORD, [NEAR], "Paris")
    generation = layout(base).generation_row(RECORD, [NEAR], 20)
    assert tuning.context == generation.context
    assert generation.target == []


def test_the_last_demonstration_goes_first_then_the_input_from_its_left_never_the_target(base):
    full = layout(base).tuning_row(RECORD, [NEAR, FAR], "Paris")
    for context in range(len(full) + 5, 16, -1):
        made = layout(base, context)
        row = made.tuning_row(RECORD, [NEAR, FAR], "Paris")
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
    with pytest.raises(UserError, match=r"record r1.*Raise `engine.context`"):
        layout(base, 16).tuning_row(RECORD, [], "Paris " * 20)


def test_marker_and_separator_are_settings(base):
    row = layout(base, marker=" ->", separator="\n").tuning_row(RECORD, [NEAR], "Paris")
    assert text(base, row.context + row.target).endswith("-> jumps\nWhat is the capital of France -> Paris\n")


def test_opt_keeps_its_start_token(tiny_models):
    """OPT was trained with `</s>` before every text; its tokenizer says so, and the layout follows it."""
    from dataclasses import replace

    from tokenizers.processors import TemplateProcessing

    from softshot.engine.base import load

    base = load(tiny_models["opt"])
    base.tokenizer.backend_tokenizer.post_processor = TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 0)])
    row = Layout(replace(base), EngineSettings(context=100)).generation_row(RECORD, [], 10)
    assert row.context[0] == base.tokenizer.bos_token_id
    assert base.tokenizer.bos_token_id not in row.context[1:]
