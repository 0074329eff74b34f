"""Whatever the tokenizer: what is laid out is what was meant, and the target has an end; or the layout refuses."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizer_kinds import KINDS, LOSSLESS, base_of, fast

from softshot.engine.layout import Layout, RowSettings
from softshot.engine.stops import Stops
from softshot.errors import UserError
from softshot.settings import EngineSettings
from softshot.task import TemplateSettings

TEMPLATES = [
    TemplateSettings(),
    TemplateSettings(instruction="Answer.", input="Q: {input}\nA:", demonstration="So: {example}", separator="\n"),
    TemplateSettings(separator="\n###\n"),
    TemplateSettings(separator=" end "),
]
PIECES = [
    "What is",
    "the capital",
    " ",
    "  ",
    "fox",
    "é",
    "日本",
    "\t",
    "0123",
    "|",
    "=>",
    ".",
    ",",
    "a",
    "Q:",
    "[SEP]",
]
CONTROL = ["</s>", "<s>", "<unk>", "[SEP]", "[gMASK]", "<|endoftext|>"]
letters_of_texts = st.characters(exclude_categories=["Cs"], exclude_characters="▁")  # SentencePiece's sign for a blank
texts = st.lists(st.sampled_from([*PIECES, *CONTROL, "\n"]) | st.text(letters_of_texts, max_size=3), max_size=6).map(
    "".join
)
# Outputs are one line, without what ends them; a target that an end token may be hidden in is one.
outputs = st.lists(st.sampled_from([*PIECES, *CONTROL]), max_size=6).map("".join).map(str.strip)


def layout_of(base, template):
    return Layout(base, RowSettings(engine=EngineSettings(context=10_000), template=template))


def letters(text):
    """What is left of a text where a tokenizer loses white space and large letters."""
    return "".join(text.split()).casefold()


@settings(max_examples=400, deadline=None, derandomize=True)
@given(st.sampled_from(sorted(KINDS)), st.sampled_from(TEMPLATES), texts, texts, outputs, outputs)
def test_a_row_says_what_was_meant_and_its_target_ends(kind, template, input, shown, output, target):
    base = base_of(kind)
    try:
        layout = layout_of(base, template)
    except UserError as error:
        assert kind not in LOSSLESS and "data.templates: {<task>: {separator: " in str(error)
        return
    example = {"id": "2", "input": shown, "target": output}
    row = layout.tuning_row({"id": "1", "input": input}, [example], target, 10)

    start = base.tokenizer.convert_tokens_to_ids(KINDS[kind][1])
    assert row.context[: len(start)] == start
    laid_out = base.tokenization.decode(row.context[len(start) :] + row.target)
    instruction = template.instruction + template.separator if template.instruction else ""
    question = template.input.replace("{input}", shown)
    demonstration = template.demonstration.replace("{example}", f"{question} {output}")
    meant = f"{instruction}{demonstration}{template.separator}{template.input.replace('{input}', input)}"
    meant += f" {target}{template.separator}"
    if kind in LOSSLESS:
        assert laid_out.lstrip(" ") == meant.lstrip(" "), "a blank before the first text is the tokenizer's own affair"
    elif "<unk>" not in laid_out:  # unknown letters next to one another are one <unk>, or several
        written = base.tokenization.decode(base.tokenization.encode(meant, first=True))
        assert letters(laid_out) == letters(written)

    stops = Stops.of(base, template.separator)
    ends = [n for n in range(1, len(row.target) + 1) if stops.end(row.target[:n])]
    assert ends
    if kind in LOSSLESS and "end" not in target:
        assert stops.cut(row.target[: ends[0]]) == target
    assert not {*row.context[len(start) :], *row.target[: ends[0] - 1]} & {*base.tokenization.control} - {
        base.tokenizer.unk_token_id
    }


@pytest.mark.parametrize("kind", KINDS)
def test_a_row_begins_with_what_the_tokenizer_puts_before_any_text(kind):
    base = base_of(kind)
    assert base.tokenization.start == base.tokenizer.convert_tokens_to_ids(KINDS[kind][1])


@pytest.mark.parametrize("kind", LOSSLESS)
def test_the_first_text_is_written_as_the_tokenizer_writes_a_text(kind):
    base = base_of(kind)
    row = layout_of(base, TemplateSettings()).generation_row({"id": "1", "input": "What is"}, [], 10)
    own = base.tokenizer("What is =>")["input_ids"]
    assert row.context == own[: len(row.context)]


def test_pieces_of_a_tokenizer_with_a_blank_before_every_text_have_none():
    base = base_of("llama2")
    row = layout_of(base, TemplateSettings()).tuning_row(
        {"id": "1", "input": "fox"}, [{"id": "2", "input": "dog", "target": "a"}], "is", 10
    )
    tokens = base.tokenizer.convert_ids_to_tokens(row.context + row.target)
    assert tokens[-2:] == ["<0x0A>", "<0x0A>"], "nothing stands before the line feed that ends an output"
    feeds = [place for place, token in enumerate(tokens) if token == "<0x0A>"]
    assert not tokens[feeds[1] + 1].startswith("▁"), "nor before the next input"
    assert tokens[1].startswith("▁"), "but before the first"


@pytest.mark.parametrize("separator", ["\n\n", "\n", "<s>\n"])
def test_a_separator_that_the_model_cannot_write_is_refused_with_the_key_and_words_that_it_can(separator):
    for kind, words in (("biogpt", "###"), ("bert", "end")):
        with pytest.raises(UserError, match=rf"cannot write .*data\.templates: {{<task>: {{separator: \"{words}\"}}}}"):
            layout_of(base_of(kind), TemplateSettings(separator=separator + "\n§"))
        layout_of(base_of(kind), TemplateSettings(separator=words))


def test_special_tokens_in_a_template_are_these_tokens():
    """Chat models: whoever writes their markers into the template means the tokens."""
    base = base_of("opt")
    layout = layout_of(base, TemplateSettings(input="<s>{input}</s>", separator="</s>\n"))
    row = layout.tuning_row({"id": "1", "input": "a <s> b"}, [], "is </s> not", 10)
    begin, end = base.tokenizer.convert_tokens_to_ids(["<s>", "</s>"])
    assert [row.context.count(begin), row.context[-1]] == [1, end]
    stops = Stops.of(base, "</s>\n")
    assert row.target.count(end) == 1 and stops.end(row.target[: row.target.index(end) + 1])
    assert stops.cut(row.target[: row.target.index(end) + 1]) == "is </s> not"


def test_a_letter_that_byte_level_tokenizers_write_a_line_feed_with_ends_no_output():
    tokenizer = KINDS["gemma"][0]()
    tokenizer.add_tokens(["Ċ"])
    base = base_of("gemma")
    other = type(base)(base.model, fast(tokenizer))
    letter = other.tokenizer.convert_tokens_to_ids("Ċ")
    assert letter not in Stops.of(other, "\n\n").ids
    assert other.tokenizer.convert_tokens_to_ids("<0x0A>") in Stops.of(other, "\n\n").ids


def test_the_end_tokens_of_instruct_models_are_in_their_generation_config(tiny_models):
    from softshot.engine.base import load

    base = load(tiny_models["llama"])
    base.model.generation_config.eos_token_id = [1, 7]
    assert {1, 7} <= {*Stops.of(base, "\n\n").ids}
