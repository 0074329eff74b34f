"""python -m softshot.demonstrations encode | retrieve | random

`encode` turns the inputs of one split into vectors. `retrieve` finds, for every record of a split, its nearest
training records. `random` draws training records instead. The last two write the same table (see table.py).
"""

import argparse
import json
from pathlib import Path

from softshot.demonstrations import table
from softshot.errors import UserError, run_program
from softshot.files import read_jsonl, sha256
from softshot.sections import read
from softshot.settings import DemonstrationsSettings


def encode_split(args: argparse.Namespace, settings: DemonstrationsSettings) -> None:
    """Records to vectors, an `.npz` file."""
    from softshot.demonstrations import embeddings, encode

    records = read_records(args.records)
    vectors = encode.encode([record["input"] for record in records], args.encoder, args.threads)
    ids = [record["id"] for record in records]
    embeddings.save(args.out, embeddings.Embeddings(ids, vectors, settings.encoder, sha256(args.records)))


def retrieve_split(args: argparse.Namespace, settings: DemonstrationsSettings) -> None:
    """Vectors to nearest training records, a `.parquet` file."""
    from softshot.demonstrations import embeddings, retrieve

    index = embeddings.load(args.index, args.train)
    queries = embeddings.load(args.queries, args.records)
    if index.encoder != queries.encoder:
        raise UserError(
            f"{args.queries} comes from the encoder {queries.encoder}, {args.index} from {index.encoder}:"
            " encode both with the same one."
        )
    train, records = read_records(args.train), read_records(args.records)
    rows = retrieve.retrieve(train, index.vectors, records, queries.vectors, settings.neighbours, args.threads)
    table.write(args.out, rows, metadata(args, settings) | {"encoder": index.encoder})


def draw_split(args: argparse.Namespace, settings: DemonstrationsSettings) -> None:
    """Random training records, a `.parquet` file."""
    from softshot.demonstrations import sample

    rows = sample.sample(read_records(args.train), read_records(args.records), settings.neighbours, args.seed)
    table.write(args.out, rows, metadata(args, settings) | {"seed": str(args.seed)})


def read_records(path: Path) -> list[dict]:
    """The records of a split; a file without any is an error."""
    records = read_jsonl(path)
    if not records:
        raise UserError(f"{path} holds no records: look at the data stage that wrote it.")
    return records


def metadata(args: argparse.Namespace, settings: DemonstrationsSettings) -> dict[str, str]:
    """What a table of demonstrations says about its making."""
    return {
        "neighbours": str(settings.neighbours),
        "train_sha256": sha256(args.train),
        "records_sha256": sha256(args.records),
    }


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="softshot.demonstrations", description=__doc__.split("\n\n")[1])
    commands = parser.add_subparsers(dest="command", required=True)
    encode = commands.add_parser("encode", help=encode_split.__doc__)
    retrieve = commands.add_parser("retrieve", help=retrieve_split.__doc__)
    random = commands.add_parser("random", help=draw_split.__doc__)

    encode.set_defaults(run=encode_split)
    encode.add_argument("--encoder", type=Path, required=True, help="folder of the sentence encoder")

    retrieve.set_defaults(run=retrieve_split)
    retrieve.add_argument("--index", type=Path, required=True, help="vectors of the training records (.npz)")
    retrieve.add_argument("--queries", type=Path, required=True, help="vectors of the split's records (.npz)")

    random.set_defaults(run=draw_split)
    random.add_argument("--seed", type=int, required=True)

    for command in (retrieve, random):
        command.add_argument("--train", type=Path, required=True, help="training records (.jsonl)")
    for command in (encode, retrieve):
        command.add_argument("--threads", type=int, default=1, help="CPU threads; the result does not depend on them")
    for command in (encode, retrieve, random):
        command.add_argument("--settings", type=json.loads, required=True, help="section demonstrations, as JSON")
        command.add_argument("--records", type=Path, required=True, help="records of the split (.jsonl)")
        command.add_argument("--out", type=Path, required=True)
    return parser.parse_args()


def main() -> None:
    """Run one of the three programs."""
    args = arguments()
    args.run(args, read(DemonstrationsSettings, args.settings, "--settings"))


if __name__ == "__main__":
    run_program(main)
