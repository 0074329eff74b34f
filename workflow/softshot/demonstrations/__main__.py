"""python -m softshot.demonstrations encode | retrieve

`encode` turns the inputs of one split into vectors. `retrieve` finds demonstrations for every record of a split among
the training records, by the retriever that its settings describe (see table.py for what it writes).
"""

import argparse
import json
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from softshot import code
from softshot.demonstrations import table
from softshot.demonstrations.ranking import Retriever, SearchSettings
from softshot.demonstrations.registry import RETRIEVERS
from softshot.errors import UserError, run_program
from softshot.files import read_jsonl, sha256, write_json
from softshot.sections import read
from softshot.settings import DemonstrationsSettings


def encode_split(args: argparse.Namespace) -> None:
    """Records to vectors, a `.npy` and a `.json` file. A call after a kill continues."""
    from softshot.demonstrations import embeddings, encode, encoders
    from softshot.provenance import deciding

    name = read(DemonstrationsSettings, args.settings, "--settings").encoder
    texts = [record["input"] for record in read_records(args.records)]
    revision, checksum = encoders.revision(args.encoder), sha256(args.records)
    made_by = deciding(code.encoding())
    part = encode.part_path(args.out, name, revision, checksum, json.dumps(made_by, sort_keys=True))
    encoder = encoders.load(args.encoder, args.threads)
    origin = embeddings.Origin(
        encoder=name,
        revision=revision,
        dimension=encoder.dimension,
        normalised=True,
        records=len(texts),
        records_sha256=checksum,
        code=code.encoding(),
    )
    embeddings.save(args.out, encode.encode(texts, encoder, part), origin)
    part.unlink()


def retrieve_split(args: argparse.Namespace) -> None:
    """Records to their neighbours among the training records, a `.parquet` file; what made them, a `.json` file."""
    settings = read(SearchSettings, args.settings, "--settings")
    groups = settings.exclude == "group"
    train, records = (searched(read_records(path), groups) for path in (args.train, args.records))
    retriever, made_by = build(args, settings, train)
    metadata = {
        "kind": settings.kind,
        "exclude": settings.exclude,
        "train_sha256": sha256(args.train),
        "records_sha256": sha256(args.records),
        **made_by,
        **retriever.metadata,
    }
    metadata = table.write(args.out, retriever.search(records), settings.neighbours, metadata, repeats(train, records))
    made_by = {"settings": args.settings, "code": code.retrieval(settings.kind), **metadata}
    write_json(args.out.with_suffix(".json"), made_by)


def build(args: argparse.Namespace, settings: SearchSettings, train: list[dict]) -> tuple[Retriever, dict[str, str]]:
    """The retriever that the settings describe, and what its table says of its making."""
    return import_module(f"softshot.demonstrations.{RETRIEVERS[settings.kind]}").build(args, settings, train)


def repeats(train: list[dict], records: list[dict]) -> Callable[[table.Row], bool]:
    """The function that says whether a row's first neighbour has an output that is wanted of its record."""
    target_of = {record["id"]: record["target"] for record in train}
    wanted = {record["id"]: record["references"] for record in records}
    return lambda row: bool(row.neighbours) and target_of[row.neighbours[0]] in wanted[row.id]


def read_records(path: Path) -> list[dict]:
    """The records of a split; a file without any is an error."""
    records = read_jsonl(path)
    if not records:
        raise UserError(f"{path} holds no records: look at the data stage that wrote it.")
    return records


def searched(records: list[dict], groups: bool) -> list[dict]:
    """The records without the meta, of which retrievers know the group at most; without it where `groups` are off."""
    return [
        {key: record[key] for key in ("id", "input", "target", "references")}
        | ({"group": record["meta"]["group"]} if groups and "group" in record["meta"] else {})
        for record in records
    ]


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="softshot.demonstrations", description=__doc__.split("\n\n")[1])
    commands = parser.add_subparsers(required=True, metavar="encode | retrieve")
    encode = commands.add_parser("encode", help=encode_split.__doc__)
    retrieve = commands.add_parser("retrieve", help=retrieve_split.__doc__)

    encode.set_defaults(run=encode_split)
    encode.add_argument("--encoder", type=Path, required=True, help="folder of the encoder")

    retrieve.set_defaults(run=retrieve_split)
    retrieve.add_argument("--train", type=Path, required=True, help="training records (.jsonl)")
    retrieve.add_argument(
        "--index", nargs="?", type=Path, help="vectors of the training records (.npy), for dense and mmr"
    )
    retrieve.add_argument(
        "--queries", nargs="?", type=Path, help="vectors of the split's records (.npy), for dense and mmr"
    )
    retrieve.add_argument(
        "--whole", nargs="?", type=Path, help="the records that --index is of, where --train is a part of them (.jsonl)"
    )
    retrieve.add_argument("--seed", type=int, help="for random")

    for command in (encode, retrieve):
        command.add_argument("--settings", type=json.loads, required=True, help="as JSON")
        command.add_argument("--records", type=Path, required=True, help="records of the split (.jsonl)")
        command.add_argument("--threads", type=int, default=1, help="CPU threads; the result does not depend on them")
        command.add_argument("--out", type=Path, required=True)

    return parser.parse_args()


def main() -> None:
    """Run one of the programs."""
    args = arguments()
    args.run(args)


if __name__ == "__main__":
    run_program(main)
