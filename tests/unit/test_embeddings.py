"""Embeddings: what encoders give, what is stored of it, and that encoding continues after a kill.

python -m pytest tests/unit/test_embeddings.py
"""

import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from softshot.demonstrations import embeddings, encode
from softshot.errors import UserError
from softshot.files import sha256, write_json, write_jsonl

SENTENCES = [
    "Wake me up at seven tomorrow morning",
    "Set an alarm for 7 am tomorrow",
    "The Cricketers is a coffee shop near The Portland Arms",
    "A coffee shop called The Cricketers lies close to The Portland Arms, and serves cheap Chinese food to families",
    "Wake me up at seven tomorrow morning",
]
UNIT = np.eye(3, dtype=np.float32)


def write_records(path: Path, texts: list[str]) -> None:
    write_jsonl(path, [{"id": f"r{i}", "input": text, "target": "t"} for i, text in enumerate(texts)])


def encode_arguments(encoder: Path, records: Path, out: Path) -> list[str]:
    settings = json.dumps({"encoder": "some-encoder"})
    return [
        *[sys.executable, "-m", "softshot.demonstrations", "encode", "--settings", settings],
        *["--encoder", str(encoder), "--records", str(records), "--out", str(out)],
    ]


def origin(records: Path, **changed) -> embeddings.Origin:
    values = {"encoder": "e", "revision": "1", "dimension": 3, "records": 3, "records_sha256": sha256(records)}
    return embeddings.Origin(**values | changed)


# On disk


@pytest.fixture
def stored(tmp_path) -> tuple[Path, Path]:
    """Vectors and the three records they belong to."""
    records, path = tmp_path / "train.jsonl", tmp_path / "train.npy"
    write_records(records, ["one", "two", "three"])
    embeddings.save(path, [UNIT[:2], UNIT[2:]], origin(records))
    return path, records


def test_vectors_come_back_as_saved(stored):
    path, records = stored
    loaded = embeddings.load(path, records)
    assert loaded.origin == origin(records)
    assert loaded.vectors.shape == (3, 3) and len(loaded.vectors) == 3
    assert np.array_equal(loaded.vectors[0:2], UNIT[:2])
    assert np.array_equal(loaded.vectors[np.array([[2, 0], [1, 1]])], UNIT[[[2, 0], [1, 1]]])
    assert np.array_equal(np.load(path, mmap_mode="r"), UNIT)
    assert json.loads(path.with_suffix(".json").read_text()) == {
        **{"encoder": "e", "revision": "1", "dimension": 3, "normalised": True, "records": 3},
        "records_sha256": sha256(records),
        "code": "",
    }


def test_vectors_of_other_records_are_refused(stored):
    path, records = stored
    write_records(records, ["two", "one", "three"])
    with pytest.raises(UserError, match=r"train\.npy was not computed from .*train\.jsonl as it is now"):
        embeddings.load(path, records)


@pytest.mark.parametrize("kept", [0, 5, 60, 128, 163])
def test_a_truncated_file_is_refused(stored, kept):
    path, records = stored
    assert path.stat().st_size == 164
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(UserError, match=r"train\.npy is not a whole file of vectors"):
        embeddings.load(path, records)


def test_another_dimension_number_or_type_is_refused(stored):
    path, records = stored
    for array in (UNIT[:, :2], UNIT[:2], UNIT.astype(np.float64)):
        np.save(path, array)
        with pytest.raises(UserError, match=r"but its \.json says float32 \[3, 3\]"):
            embeddings.load(path, records)


def test_vectors_without_their_description_are_refused(stored):
    path, records = stored
    path.with_suffix(".json").write_text('{"encoder": "e"}')
    with pytest.raises(UserError, match=r"train\.json has \d fault"):
        embeddings.load(path, records)
    path.with_suffix(".json").unlink()
    with pytest.raises(UserError, match=r"train\.json: no such file"):
        embeddings.load(path, records)
    with pytest.raises(UserError, match="encode` writes it"):
        embeddings.load(path.with_name("test.npy"), records)


def test_a_failure_while_saving_leaves_nothing_that_could_be_read(stored):
    path, records = stored

    def blocks():
        yield UNIT[:1]
        raise UserError("stop")

    with pytest.raises(UserError, match="stop"):
        embeddings.save(path, blocks(), origin(records))
    with pytest.raises(UserError, match="no such file"):
        embeddings.load(path, records)
    assert sorted(file.name for file in path.parent.iterdir()) == ["train.jsonl", "train.npy"]


@pytest.mark.parametrize("key", ["encoder", "revision", "dimension"])
def test_vectors_of_two_encoders_are_refused(stored, key):
    path, records = stored
    other = origin(records, **{key: 4 if key == "dimension" else "another"})
    with pytest.raises(UserError, match=f"differ in their {key}"):
        embeddings.same_encoder(path, origin(records), path, other)


# Encoding in batches, and after a kill


class Counting:
    """An encoder whose vectors tell the text; it counts the texts it is given."""

    dimension = 2
    batch_bytes = 12

    def __init__(self):
        self.batches = []

    def __call__(self, texts: list[str]) -> np.ndarray:
        self.batches.append(texts)
        return np.array([[len(text), sum(text.encode())] for text in texts], np.float32)


def test_texts_are_encoded_once_longest_first_in_batches_of_a_size(tmp_path):
    encoder, texts = Counting(), ["ab", "abc", "", "ab", "a" * 30, "abcd", "abce", "明日"]
    [vectors] = encode.encode(texts, encoder, tmp_path / "part")
    assert encoder.batches == [["a" * 30], ["明日", "abcd"], ["abce", "abc", "ab"], [""]]
    assert vectors.tolist() == [[len(text), sum(text.encode())] for text in texts]


def test_encoding_continues_wherever_it_was_cut_off(tmp_path, capsys):
    part, texts = tmp_path / "part", [f"{'long ' * (i % 7)}{i}" for i in range(40)]
    plain = Counting()
    plain.batch_bytes = 60
    [expected] = encode.encode(texts, plain, part)
    whole = part.read_bytes()
    assert len(whole) == 40 * 8
    for kept in range(0, len(whole) + 1, 3):
        part.write_bytes(whole[:kept])
        again = Counting()
        again.batch_bytes = 60
        [vectors] = encode.encode(texts, again, part)
        assert np.array_equal(vectors, expected)
        assert again.batches == plain.batches[len(plain.batches) - len(again.batches) :]  # the same batches
        assert sum(map(len, again.batches)) <= 40 - kept // 8 + max(map(len, plain.batches))
    assert "encoding continues after" in capsys.readouterr().err


def test_what_other_weights_or_records_left_behind_is_not_continued(tmp_path):
    out = tmp_path / "train.npy"
    first = encode.part_path(out, "encoder", "1", "records")
    first.touch()
    assert encode.part_path(out, "encoder", "1", "records") == first
    assert first.exists()
    assert encode.part_path(out, "encoder", "2", "records") != first
    assert not first.exists()


def test_numbers_that_are_not_finite_are_an_error(tmp_path, monkeypatch):
    monkeypatch.setattr(Counting, "__call__", lambda self, texts: np.array([[np.nan, 1]], np.float32))
    with pytest.raises(UserError, match="not finite near 'ab'"):
        encode.encode(["ab"], Counting(), tmp_path / "part")
    assert (tmp_path / "part").stat().st_size == 0


def test_a_killed_program_continues(tiny_models, tmp_path):
    """SIGKILL while encoding, then the same call: the same vectors as without the kill, to the bit."""
    from softshot.demonstrations import encoders

    folder = tmp_path / "encoder"
    shutil.copytree(tiny_models["gpt2"], folder)
    write_json(folder / "provenance.json", {"revision": None, "files": {"model.safetensors": "abc"}})
    records, out = tmp_path / "train.jsonl", tmp_path / "embeddings" / "train.npy"
    texts = [f"{'wake me up ' * (i % 19)} at {i}" for i in range(1000)]
    write_records(records, texts)

    killed = subprocess.Popen(encode_arguments(folder, records, out), stderr=subprocess.PIPE)
    while not any(part.stat().st_size for part in out.parent.glob(".*.part")):
        assert killed.poll() is None, killed.stderr.read()
        time.sleep(0.001)
    killed.send_signal(signal.SIGKILL)
    assert killed.wait() == -signal.SIGKILL
    assert not out.exists() and not out.with_suffix(".json").exists()

    finished = subprocess.run(encode_arguments(folder, records, out), capture_output=True, text=True)
    assert finished.returncode == 0, finished.stderr
    assert "encoding continues after" in finished.stderr
    assert sorted(file.name for file in out.parent.iterdir()) == ["train.json", "train.npy"]
    loaded = embeddings.load(out, records)
    assert loaded.origin.revision.startswith("sha256:")
    calm = np.concatenate(list(encode.encode(texts, encoders.load(folder), tmp_path / "part")))
    assert np.array_equal(loaded.vectors[:], calm)


# A causal language model


def test_a_causal_encoder_gives_the_last_tokens_vector_of_the_last_layer(base, tiny_models):
    """On four architectures, however the texts are batched; the reference runs each text alone, unpadded."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from softshot.demonstrations import encoders

    folder = Path(base.model.config._name_or_path)
    encoder = encoders.load(folder)
    model, tokenizer = AutoModelForCausalLM.from_pretrained(folder).eval(), AutoTokenizer.from_pretrained(folder)
    texts = ["Set an alarm", "Play some music by the river, tomorrow at seven", "x", "", "明日の会議"]
    vectors = encoder(texts)
    assert vectors.dtype == np.float32
    for text, vector in zip(texts, vectors, strict=True):
        ids = tokenizer(text)["input_ids"] or [tokenizer.bos_token_id]
        with torch.no_grad():
            states = model(torch.tensor([ids]), output_hidden_states=True).hidden_states[-1]
        expected = torch.nn.functional.normalize(states[0, -1], dim=0).numpy()
        assert np.abs(vector - expected).max() < 1e-5
        assert np.abs(encoder([text])[0] - vector).max() < 1e-5


def test_a_text_longer_than_the_model_is_cut_at_its_end(tiny_models):
    from softshot.demonstrations import encoders

    encoder = encoders.load(tiny_models["gpt2"])
    long = "wake me up " * 1000
    cut = encoder.tokenizer.decode(encoder.tokenizer(long)["input_ids"][:256])
    assert np.abs(encoder([long]) - encoder([cut])).max() < 1e-5


# A sentence encoder


@pytest.fixture(scope="module")
def minilm(tmp_path_factory) -> Path:
    """The sentence encoder's folder, as the models stage leaves it."""
    from softshot import catalogue
    from softshot.models.fetch import fetch

    entry = catalogue.model_entry("all-minilm-l6-v2", {})
    pytest.importorskip(entry["module"], reason=f"the package {entry['package']} is not installed")
    folder = tmp_path_factory.mktemp("models") / "all-minilm-l6-v2"
    fetch("all-minilm-l6-v2", entry, "", folder)
    return folder


def test_encode_program_puts_paraphrases_nearer_than_unrelated_sentences(minilm, tmp_path):
    records, out = tmp_path / "train.jsonl", tmp_path / "embeddings" / "train.npy"
    write_records(records, SENTENCES)
    finished = subprocess.run(encode_arguments(minilm, records, out), capture_output=True, text=True)
    assert finished.returncode == 0, finished.stderr
    loaded = embeddings.load(out, records)
    assert (loaded.origin.encoder, loaded.origin.dimension) == ("some-encoder", 384)
    assert loaded.origin.revision == json.loads((minilm / "provenance.json").read_text())["revision"]
    vectors = loaded.vectors[0:5]
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(5), abs=1e-6)
    similarity = vectors @ vectors.T
    assert similarity[0, 1] > similarity[0, 2] + 0.3
    assert similarity[2, 3] > similarity[1, 3] + 0.3
    assert np.array_equal(vectors[0], vectors[4])


def test_vectors_hardly_depend_on_the_batch(minilm):
    from softshot.demonstrations import encoders

    encoder = encoders.load(minilm)
    alone = np.concatenate([encoder([text]) for text in SENTENCES])
    assert np.abs(encoder(SENTENCES) - alone).max() < 1e-6


def test_a_folder_without_encoder_is_an_error(tmp_path):
    from softshot.demonstrations import encoders

    with pytest.raises(UserError, match="holds no encoder"):
        encoders.load(tmp_path)
