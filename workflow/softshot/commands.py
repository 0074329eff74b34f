"""The command line of what is asked about a study beside Snakemake: its options are Snakemake's."""

import argparse
from pathlib import Path

from softshot import catalogue, configfiles, configuration
from softshot.settings import Study


def parser(program: str, description: str) -> argparse.ArgumentParser:
    """The options that name a study and its folders."""
    options = argparse.ArgumentParser(
        prog=program, description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--configfile", nargs="*", type=Path, default=[], help="as Snakemake's: over config.yaml")
    options.add_argument("--config", nargs="*", default=[], metavar="KEY=VALUE", help="as Snakemake's: over the files")
    options.add_argument("--results", type=Path, default=Path("results"), help="where the studies' folders are")
    options.add_argument("--models", type=Path, default=Path("resources/models"), help="where the models are")
    return options


def study(args: argparse.Namespace) -> Study:
    """The study that the options name; a fault of it is a UserError."""
    return configuration.load(configfiles.merged([catalogue.CONFIG, *args.configfile], args.config))
