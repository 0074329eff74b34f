"""pytest tests/unit/test_architectures.py: what config.json says, held against the library that reads it."""

import json
import re

import pytest
from tiny import CONFIGS, ROOT

from softshot import catalogue
from softshot.errors import UserError
from softshot.models import architectures


def config_of(kind: str, **values) -> dict:
    """The config.json of an architecture, as the library writes it."""
    from transformers import AutoConfig

    return json.loads(AutoConfig.for_model(kind, **values).to_json_string())


def written(config: dict) -> dict:
    """The config.json of `kind` and what differs; one without a kind is as it stands."""
    return (config_of(config["kind"]) if "kind" in config else {}) | config


def test_the_encoders_are_those_that_the_library_has_masked_models_of():
    from transformers import CONFIG_MAPPING
    from transformers.models.auto.modeling_auto import MODEL_FOR_MASKED_LM_MAPPING_NAMES

    masked = {kind for kind in MODEL_FOR_MASKED_LM_MAPPING_NAMES if kind in CONFIG_MAPPING}
    assert {kind for kind in masked if not config_of(kind).get("is_encoder_decoder")} == {
        *architectures.ENCODERS.split()
    }


def test_causal_models_whose_layers_keep_something_else_than_keys_and_values_are_refused_and_no_others():
    from huggingface_hub.errors import StrictDataclassError
    from transformers import AutoConfig
    from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES as CAUSAL

    refused, others = set(), set()
    for kind in CAUSAL:
        try:
            config = AutoConfig.for_model(kind)
        except StrictDataclassError:  # a composite that has no default
            continue
        types = getattr(config.get_text_config(decoder=True), "layer_types", None) or []
        if {*types} - architectures.ATTENTION:
            others.add(kind)
        fault = architectures.fault({"model_type": kind, "is_encoder_decoder": config.is_encoder_decoder}, [])
        if fault and "attention alone" in fault:
            refused.add(kind)
    unsaid = {"lfm2", "lfm2_moe", "rwkv", "xlstm"}  # their default has no layer types, or says attention
    assert refused == others | unsaid


@pytest.mark.parametrize(
    ("kind", "values", "expected"),
    [
        ("gpt_neo", {"num_layers": 3, "hidden_size": 48, "vocab_size": 99, "attention_types": [[["local"], 3]]}, 2048),
        ("mpt", {"n_layers": 3, "d_model": 48, "vocab_size": 99, "max_seq_len": 512}, 512),
        ("llama", {"num_hidden_layers": 3, "hidden_size": 64, "vocab_size": 99, "max_position_embeddings": 77}, 77),
        ("gpt2", {"n_layer": 3, "n_embd": 48, "vocab_size": 99, "n_positions": 100}, 100),
        ("opt", {"num_hidden_layers": 3, "hidden_size": 48, "vocab_size": 99, "num_attention_heads": 4}, 2048),
        ("bloom", {"n_layer": 3, "hidden_size": 48, "vocab_size": 99}, None),
        ("xglm", {"num_layers": 3, "d_model": 48, "vocab_size": 99}, 2048),
    ],
)
def test_positions_and_dimensions_whatever_an_architecture_calls_them(kind, values, expected, tmp_path):
    (tmp_path / "config.json").write_text(json.dumps(config_of(kind, **values)))
    folders = {"mine": str(tmp_path)}
    width = next(values[key] for key in ("hidden_size", "d_model", "n_embd") if key in values)
    assert catalogue.dimensions("mine", folders) == (3, width, 99)
    assert architectures.positions(catalogue.read_config("mine", str(tmp_path))) == expected


def test_a_multimodal_model_is_as_large_as_the_language_model_in_it():
    # As Gemma 3 4B's is published: what its class says anyway is left out.
    inside = {"model_type": "gemma3_text", "num_hidden_layers": 34, "hidden_size": 2560, "sliding_window": 1024}
    config = {"model_type": "gemma3", "text_config": inside, "vision_config": {"hidden_size": 1152}}
    from transformers import Gemma3Config

    library = Gemma3Config(**config).get_text_config()
    assert architectures.dimensions(config) == (34, 2560, library.vocab_size)
    assert architectures.positions(config) == library.max_position_embeddings == 131072
    assert architectures.room(config) == (1024, "that its attention looks back over")


def test_what_published_configurations_leave_out_is_what_the_library_takes():
    for kind, values in architectures.DEFAULTS.items():
        assert values.items() <= config_of(kind).items(), kind


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"model_type": "mistral", "sliding_window": 4096}, 4096),
        ({"model_type": "mistral", "sliding_window": None}, None),
        ({"model_type": "gemma3_text", "sliding_window": 512, "layer_types": ["sliding_attention"]}, 512),
        ({"model_type": "llama", "sliding_window": 512, "layer_types": ["full_attention"]}, None),
        ({"model_type": "qwen2", "sliding_window": 64, "use_sliding_window": False}, None),
        (
            {
                **{"model_type": "qwen2", "sliding_window": 64, "use_sliding_window": True},
                **{"max_window_layers": 28, "num_hidden_layers": 28},
            },
            None,
        ),
        (
            {
                **{"model_type": "qwen2", "sliding_window": 64, "use_sliding_window": True},
                **{"max_window_layers": 21, "num_hidden_layers": 28},
            },
            64,
        ),
        ({"model_type": "modernbert-decoder", "local_attention": 128}, 64),
        ({"model_type": "gpt2", "n_positions": 1024}, None),
    ],
)
def test_how_far_the_attention_of_some_layers_looks_back(values, expected):
    assert architectures.window(values) == expected


def test_the_engine_and_the_configuration_see_the_same_window():
    from transformers import AutoConfig, DynamicCache

    for kind in (
        "gemma2",
        "gemma3_text",
        "mistral",
        "qwen2",
        "phi3",
        "cohere2",
        "olmo3",
        "starcoder2",
        "gpt_oss",
        "llama",
    ):
        config = AutoConfig.for_model(kind)
        windows = {getattr(layer, "sliding_window", None) for layer in DynamicCache(config=config).layers} - {None}
        assert architectures.window(json.loads(config.to_json_string())) == min(windows, default=None), kind


@pytest.mark.parametrize(
    ("config", "files", "words"),
    [
        ({"kind": "t5"}, [], r"encoder-decoder \(t5\).*Name a causal language model"),
        ({"kind": "bart"}, [], r"encoder-decoder \(bart\)"),
        ({"kind": "bert"}, [], r"an encoder \(bert\), which writes no text\. Name a causal language model"),
        ({"kind": "distilbert"}, [], r"an encoder \(distilbert\)"),
        ({"kind": "qwen3"}, ["1_Pooling/config.json"], r"sentence encoder .*without its modules\.json"),
        ({"kind": "mamba"}, [], r"attention alone \(mamba\).*Name another model"),
        ({"model_type": "mamba"}, [], r"attention alone \(mamba\)"),
        ({"kind": "qwen3_next"}, [], r"attention alone \(qwen3_next: linear_attention\)"),
        ({"kind": "gpt2"}, ["adapter_config.json"], r"holds an adapter.*merge_and_unload"),
        ({"kind": "llama"} | {"quantization_config": {"quant_method": "gptq"}}, [], r"quantised \(gptq\).*plain"),
        ({"kind": "llama"}, ["quantize_config.json"], r"quantised \(GPTQ or AWQ\)"),
    ],
)
def test_what_cannot_be_used_says_what_it_is_and_what_to_do(config, files, words, tmp_path):
    config = written(config)
    assert re.search(words, architectures.fault(config, files))
    (tmp_path / "1_Pooling").mkdir()
    for name in files:
        (tmp_path / name).write_text("{}")
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(UserError, match=r"models\.folders\.mine: .*" + words):  # before any job
        catalogue.check_model("mine", {"mine": str(tmp_path)})


@pytest.mark.parametrize(
    ("config", "files"),
    [
        ({"kind": "bert"}, ["modules.json", "1_Pooling/config.json"]),
        ({"model_type": "bert", "is_decoder": True}, []),
        *(({"kind": kind}, []) for kind in ("gpt2", "opt", "bloom", "llama", "gemma3", "deepseek_v3", "gpt_neox")),
    ],
)
def test_what_can_be_used_has_no_fault(config, files):
    assert architectures.fault(written(config), files) is None


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"kind": "gpt_neo"}, r"attention is local \(gpt_neo, 256 positions\).*rows beside it\. Name another"),
        ({"model_type": "gpt_neo"}, r"attention is local \(gpt_neo, 256 positions\)"),
        ({"kind": "gpt_neo", "attention_types": [[["global"], 24]], "attention_layers": ["global"] * 24}, None),
        ({"model_type": "llama4", "text_config": {"attention_chunk_size": 8192}}, "attention is local .*8192"),
        ({"kind": "deepseek_v3"}, r"attention is latent \(deepseek_v3\)"),
        ({"kind": "llama"}, None),
    ],
)
def test_some_causal_models_are_for_retrieval_only(config, words, tmp_path):
    (tmp_path / "config.json").write_text(json.dumps(written(config)))
    folders = {"mine": str(tmp_path)}
    catalogue.check_model("mine", folders, retrieval=True)
    if words is None:
        catalogue.check_model("mine", folders)
    else:
        with pytest.raises(UserError, match=r"models\.folders\.mine: .*" + words):
            catalogue.check_model("mine", folders)


@pytest.mark.parametrize("name", CONFIGS)
def test_what_the_engine_refuses_is_refused_before_any_job_and_nothing_else(name):
    architecture, options = CONFIGS[name]
    config = config_of(architecture, **options)
    table = (ROOT / "docs/models.md").read_text(encoding="utf-8")
    (row,) = (line for line in table.splitlines() if line.startswith(f"| `{architecture}` |"))
    fault = architectures.fault(config, []) or architectures.decoding_fault(config)
    assert bool(fault) == ("| refused |" in row)


def test_a_sentence_encoder_is_for_retrieval_and_no_base_model(tmp_path):
    (tmp_path / "modules.json").write_text("[]")
    (tmp_path / "config.json").write_text(json.dumps(config_of("qwen3")))
    catalogue.check_model("mine", {"mine": str(tmp_path)}, retrieval=True)
    with pytest.raises(UserError, match="mine is an encoder; name a causal language model"):
        catalogue.check_model("mine", {"mine": str(tmp_path)})
