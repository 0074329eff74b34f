"""What the settings of the arms must be together, with the names of their keys in the faults."""

from softshot.errors import UserError
from softshot.settings import Study


def lists(study: Study) -> dict[str, list]:
    """Every list of `arms` by its key; one that is null is empty."""
    sections = study.arms.model_dump().items()
    return {f"arms.{arm}.{key}": values or [] for arm, section in sections for key, values in section.items()}


def check(study: Study) -> None:
    """Lists name each thing once, and no arm lacks what it consists of."""
    others = {"seeds": study.seeds, "models.use": study.models.use, "data.tasks": study.data.tasks}
    for key, values in (others | lists(study)).items():
        if twice := {value for value in values if values.count(value) > 1}:
            raise UserError(f"config.yaml: {key}: {sorted(twice)[0]} stands there twice; name each value once.")
    for arm, title in (("ipt", "IPT"), ("transfer", "transfer")):
        section = getattr(study.arms, arm)
        if section.tokens and not section.demonstrations:
            raise UserError(
                f"config.yaml: arms.{arm}.demonstrations: {title} needs demonstrations; name some, such as retrieved-1,"
                f" or leave {title} out with `tokens: []`."
            )
    _check_transfer(study)
    _check_data_size(study)


def _check_transfer(study: Study) -> None:
    """The tasks whose prompts are used are tasks of the study, and there are others to use them on."""
    sources = study.arms.transfer.sources
    if not study.arms.transfer.tokens or sources is None:
        return
    if unknown := [name for name in sources if name not in study.data.tasks]:
        raise UserError(
            f"config.yaml: arms.transfer.sources: {unknown[0]} is not in data.tasks ({', '.join(study.data.tasks)});"
            " add it there, since its prompt is tuned in this study, or remove it here."
        )
    if not any(source != target for source in sources for target in study.data.tasks):
        raise UserError(
            "config.yaml: arms.transfer.sources: no prompt has another task to be used on; name more tasks here"
            " (null for all) or in data.tasks, or leave transfer out with `tokens: []`."
        )


def _check_data_size(study: Study) -> None:
    """The parts of the training records can be had, and something is done with them."""
    sizes, limit = study.arms.data_size, study.data.limits.train
    if sizes.train and not (sizes.tokens or sizes.demonstrations):
        raise UserError(
            "config.yaml: arms.data_size: name `tokens` (for PT), `demonstrations` (for ICL) or both (also for IPT),"
            " or leave the data sizes out with `train: []`."
        )
    if limit and (larger := [size for size in sizes.train if size > limit]):
        raise UserError(
            f"config.yaml: arms.data_size.train: {larger[0]} training records are more than the {limit} that"
            " data.limits.train keeps; lower the first or raise the second."
        )
