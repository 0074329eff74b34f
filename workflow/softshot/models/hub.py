"""Models from the Hugging Face hub or a mirror of it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
from huggingface_hub import HfApi, hf_hub_download
from huggingface_hub.errors import GatedRepoError, HFValidationError, RepositoryNotFoundError, RevisionNotFoundError

from softshot import files
from softshot.errors import UserError
from softshot.models import layout


def resolve(model: str, repository: str, revision: str, hub: str) -> tuple[str, dict[str, str | None]]:
    """The commit a revision stands for, and the files needed from it: name to SHA-256 where the hub publishes one."""
    source = f"{repository}, revision {revision}, at {hub}"
    with _explained(model, source):
        info = HfApi(endpoint=hub).model_info(repository, revision=revision, files_metadata=True)
    published = {file.rfilename: file.lfs.sha256 if file.lfs else None for file in info.siblings or []}
    names = layout.wanted(published)
    layout.require(model, names, published, source)
    return info.sha, {name: published[name] for name in names}


def download(model: str, repository: str, commit: str, names: dict[str, str | None], hub: str, folder: Path) -> None:
    """Download the named files into `folder`; those already there are kept, so an interrupted download continues."""
    for name, published in names.items():
        with _explained(model, f"{repository}/{name} at {hub}"):
            hf_hub_download(repository, name, revision=commit, endpoint=hub, local_dir=folder)
        if published not in (None, files.sha256(folder / name)):
            (folder / name).unlink()
            raise UserError(f"model {model}: {name} from {hub} does not have the checksum that the hub publishes")


@contextmanager
def _explained(model: str, source: str) -> Iterator[None]:
    """Turn the hub's errors into ones that say what to do."""
    try:
        yield
    except GatedRepoError:
        raise UserError(
            f"model {model}: {source} asks for its licence to be accepted: do so on the model's page,"
            " then log in with `hf auth login`"
        ) from None
    except (RepositoryNotFoundError, RevisionNotFoundError, HFValidationError) as error:
        raise UserError(
            f"model {model}: no {source}: {str(error).splitlines()[0]}\n"
            "Correct its entry in resources/models.yaml,"
            f" or give a folder (`models: {{folders: {{{model}: <folder>}}}}`)."
        ) from None
    except (httpx2.HTTPError, OSError) as error:
        raise UserError(
            f"model {model}: could not download {source}: {error}\n"
            "Run again to continue; or name a mirror (config.yaml: `models: {hub: <address>}`);"
            f" or give a folder (`models: {{folders: {{{model}: <folder>}}}}`)."
        ) from None
