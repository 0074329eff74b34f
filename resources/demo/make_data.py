"""Write the demo data set: two small tasks, in the layouts of the official DART and MTOP files.

    python resources/demo/make_data.py [--out DIR]

The DART side picks facts from facts/*.tsv and words them with phrases/*.txt; the MTOP side draws
utterances from grammar.txt. The same seed gives the same bytes, so the result is kept in git.
"""

import argparse
import json
import math
import random
import re
from itertools import count, cycle, islice
from pathlib import Path

HERE = Path(__file__).parent
SEED = 20
SIZES = {"train": 480, "dev": 80, "test": 80}


def split(records: list[dict]) -> dict[str, list[dict]]:
    """Cut shuffled records into the three splits; all records differ, so the splits share none."""
    rest = iter(records)
    return {name: list(islice(rest, size)) for name, size in SIZES.items()}


# ---- DART: facts as triples, and sentences that say them


def read_facts(path: Path) -> list[dict[str, str]]:
    """One row per entity, the first column its name; an empty cell is a fact we leave unsaid."""
    header, *rows = [line.split("\t") for line in path.read_text("utf-8").splitlines()]
    return [dict(zip(header, row, strict=True)) for row in rows]


def read_phrases(path: Path) -> dict[tuple[str, ...], list[str]]:
    """For each combination of relations, the sentences that word it."""
    blocks = path.read_text("utf-8").strip().split("\n\n")
    lines = [block.splitlines() for block in blocks]
    return {tuple(head.split()): [line.strip() for line in rest] for head, *rest in lines}


def triple(fact: dict[str, str], relation: str) -> list[str]:
    """The triple of one cell; column `PAINTER/NATIONALITY` says something about the painter."""
    of, _, name = relation.rpartition("/")
    subject = fact[of] if of else next(iter(fact.values()))
    return [subject, name, fact[relation]]


def say(phrase: str, fact: dict[str, str]) -> str:
    """Fill a phrase; `a(n)` takes the article of the next word, the first letter a capital."""
    text = phrase.format_map({column.rpartition("/")[2]: value for column, value in fact.items()})
    text = re.sub(r"\(n\)(?= [aeiouAEIOU])", "n", text).replace("(n)", "")
    return text[0].upper() + text[1:]


def triplesets(rng: random.Random) -> list[dict]:
    """The same number of records from every category, with all the sentences we have for each."""
    paths = sorted(HERE.glob("facts/*.tsv"))
    records = []
    for path in paths:
        phrases = read_phrases(HERE / "phrases" / f"{path.stem}.txt")
        pairs = [
            (fact, relations)
            for fact in read_facts(path)
            for relations in phrases
            if all(fact[relation] for relation in relations)
        ]
        for fact, relations in rng.sample(pairs, math.ceil(sum(SIZES.values()) / len(paths))):
            sentences = [say(phrase, fact) for phrase in phrases[relations]]
            triples = [triple(fact, relation) for relation in relations]
            records.append({"triples": triples, "sentences": sentences})
    rng.shuffle(records)
    return records


def write_dart(folder: Path, rng: random.Random) -> None:
    """Held-out records keep two or three references, training records mostly one or two."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, records in split(triplesets(rng)).items():
        counts = [1, 1, 1, 2, 2, 2, 3] if name == "train" else [2, 3]
        official = []
        for record in records:
            kept = rng.sample(record["sentences"], rng.choice(counts))
            annotations = [{"source": "softshot-demo", "text": text} for text in kept]
            official.append(
                {
                    "tripleset": record["triples"],
                    "subtree_was_extended": False,
                    "annotations": annotations,
                }
            )
        text = json.dumps(official, indent=1, ensure_ascii=False)
        (folder / f"dart-v1.1.1-full-{name}.json").write_text(text + "\n", "utf-8", newline="\n")


# ---- MTOP: utterances from a grammar, and their parses


def read_grammar(path: Path) -> tuple[dict[str, list[str]], dict[tuple[str, str], list[str]]]:
    """The fillers by name, and the patterns of each (intent, domain)."""
    blocks = [block.splitlines() for block in path.read_text("utf-8").strip().split("\n\n")]
    _, lists, *intents = blocks  # the first block is a comment
    fillers, patterns = {}, {}
    for name, values in (line.split(": ", 1) for line in lists):
        fillers[name.removeprefix("$")] = values.split(" | ")
    for head, *rest in intents:
        intent, domain = head.split()
        patterns[intent, domain] = [line.strip() for line in rest]
    return fillers, patterns


def parse(intent: str, bracketed: str) -> tuple[str, str, str]:
    """Utterance, decoupled form and top-level slot spans of `call [CONTACT Emma]`.

    Brackets alternate, slot in intent and intent in slot; the decoupled form keeps the words that
    stand directly in a slot and drops those that stand directly in an intent.
    """
    words: list[str] = []
    form = [f"[IN:{intent}"]
    spans: list[str] = []
    opened: list[tuple[str, int]] = []  # label and the offset of its first word, outermost first
    for token in re.findall(r"\[[A-Z_]+|\]|[^\s\[\]]+", bracketed):
        if token == "]":
            label, start = opened.pop()
            form.append("]")
            if not opened:
                spans.append(f"{start}:{len(' '.join(words))}:SL:{label}")
        elif token.startswith("["):
            form.append(("[IN:" if len(opened) % 2 else "[SL:") + token[1:])
            opened.append((token[1:], len(" ".join(words)) + bool(words)))
        else:
            words.append(token)
            if len(opened) % 2:
                form.append(token)
    return " ".join(words), " ".join([*form, "]"]), ",".join(spans)


def utterances(rng: random.Random) -> list[dict]:
    """The same number of different utterances for every intent, its patterns taken in turn."""
    fillers, patterns = read_grammar(HERE / "grammar.txt")
    records: dict[str, dict] = {}
    for (intent, domain), choices in patterns.items():
        wanted = len(records) + -(-sum(SIZES.values()) // len(patterns))  # rounded up; `split` takes what it needs
        for pattern in cycle(choices):
            filled = re.sub(r"\$(\w+)", lambda name: rng.choice(fillers[name[1]]), pattern)
            utterance, form, spans = parse(intent, filled)
            record = {"intent": intent, "domain": domain, "form": form, "spans": spans}
            records.setdefault(utterance, record)
            if len(records) == wanted:
                break
    mixed = [{"utterance": utterance, **record} for utterance, record in records.items()]
    rng.shuffle(mixed)
    return mixed


def write_mtop(folder: Path, rng: random.Random) -> None:
    """Eight tab-separated columns, the last the tokens and where each stands in the utterance."""
    folder.mkdir(parents=True, exist_ok=True)
    ids = count(1)
    for name, records in split(utterances(rng)).items():
        lines = []
        for record in records:
            found = list(re.finditer(r"\S+", record["utterance"]))
            tokens = {
                "tokens": [word[0] for word in found],
                "tokenSpans": [{"start": word.start(), "length": len(word[0])} for word in found],
            }
            columns = [
                str(next(ids)),
                f"IN:{record['intent']}",
                record["spans"],
                record["utterance"],
                record["domain"],
                "en_XX",
                record["form"],
                json.dumps(tokens, ensure_ascii=False, separators=(",", ":")),
            ]
            lines.append("\t".join(columns))
        stem = "eval" if name == "dev" else name  # what MTOP calls its validation split
        (folder / f"{stem}.txt").write_text("\n".join(lines) + "\n", "utf-8", newline="\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=HERE / "data", help="folder to write into")
    out = parser.parse_args().out
    # one generator per task, so that editing one task's facts leaves the other's files alone
    write_dart(out / "dart", random.Random(SEED))
    write_mtop(out / "mtop" / "mtop" / "en", random.Random(SEED))
