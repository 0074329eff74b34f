"""What the arms, and the questions asked of them, must be, with the names of their keys in the faults."""

from softshot.errors import UserError
from softshot.grid import NOTHING, in_use
from softshot.methods.registry import METHODS
from softshot.settings import ArmSettings, Study

UNITS = ("tokens", "rank")


def check(study: Study) -> None:
    """Lists name each thing once, an arm has the size that its method counts, and questions name known arms."""
    for key, values in lists(study).items():
        if twice := {value for value in values if values.count(value) > 1}:
            raise UserError(f"config.yaml: {key}: {sorted(twice)[0]} stands there twice; name each value once.")
    for label, arm in study.arms.items():
        _check_size(label, arm)
    for question in ("transfer", "data_size"):
        for label in getattr(study, question).arms:
            if label not in study.arms:
                raise UserError(
                    f"config.yaml: {question}.arms: there is no arm {label}; known: {', '.join(study.arms)} (arms)."
                )
    _check_transfer(study)
    _check_data_size(study)


def lists(study: Study) -> dict[str, list]:
    """Every list that spans the grid, by its key; one that is null is empty."""
    values = {"seeds": study.seeds, "models.use": study.models.use, "data.tasks": study.data.tasks}
    sections = {f"arms.{label}": arm for label, arm in study.arms.items()}
    sections |= {"transfer": study.transfer, "data_size": study.data_size}
    sections |= {f"shift.{task}": shift for task, shift in study.shift.items()}
    for name, section in sections.items():
        values |= {f"{name}.{key}": value for key, value in section if isinstance(value, list)}
    return values


def _check_size(label: str, arm: ArmSettings) -> None:
    """The arm has sizes in its method's unit and in no other; what was trained elsewhere has its size already."""
    unit = METHODS[arm.method].unit
    if arm.adapter:
        if unit and getattr(arm, unit) is not None:
            raise UserError(f"config.yaml: arms.{label}.{unit}: the size is that of the `adapter`; remove the key.")
        unit = None
    if unit and getattr(arm, unit) is None:
        raise UserError(
            f"config.yaml: arms.{label}.{unit}: {arm.method} comes in sizes; name some, such as `{unit}: [8]`."
        )
    for other in UNITS:
        if other != unit and getattr(arm, other) is not None:
            remedy = f"its size is `{unit}`" if unit else "it has no size"
            raise UserError(f"config.yaml: arms.{label}.{other}: {arm.method} has none, {remedy}; remove the key.")


def _check_transfer(study: Study) -> None:
    """What is used elsewhere was tuned without demonstrations, on tasks of the study, and has a task to be used on."""
    arms, sources = in_use(study, study.transfer.arms), study.transfer.sources
    for label, arm in arms.items():
        if METHODS[arm.method].settings is None:
            raise UserError(
                f"config.yaml: transfer.arms: {label} tunes nothing that another task could use; remove it."
            )
        if arm.adapter:
            raise UserError(f"config.yaml: transfer.arms: {label}'s adapter was tuned on no task here; remove it.")
        if NOTHING not in arm.demonstrations:
            raise UserError(
                f"config.yaml: transfer.arms: {label} is tuned with demonstrations of its own task; name an arm that"
                " is tuned without any, or add `none` to its demonstrations."
            )
    if not arms or sources is None:
        return
    if unknown := [name for name in sources if name not in study.data.tasks]:
        raise UserError(
            f"config.yaml: transfer.sources: {unknown[0]} is not in data.tasks ({', '.join(study.data.tasks)});"
            " add it there, since its adapter is tuned in this study, or remove it here."
        )
    if not study.transfer.own and not any(source != target for source in sources for target in study.data.tasks):
        raise UserError(
            "config.yaml: transfer.sources: no adapter has another task to be used on; name more tasks here"
            " (null for all) or in data.tasks, or leave transfer out with `arms: []`."
        )


def _check_data_size(study: Study) -> None:
    """The parts of the training records can be had, and something is done with them."""
    question, limit = study.data_size, study.data.limits.train
    if question.train and not in_use(study, question.arms):
        raise UserError(
            "config.yaml: data_size.arms: name the arms that are run on parts of the training records, or leave the"
            " data sizes out with `train: []`."
        )
    if limit and (larger := [size for size in question.train if size > limit]):
        raise UserError(
            f"config.yaml: data_size.train: {larger[0]} training records are more than the {limit} that"
            " data.limits.train keeps; lower the first or raise the second."
        )
