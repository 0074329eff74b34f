"""Study files from before methods and demonstrations were apart: one message that shows the new form of their keys."""

from typing import Any

import yaml

from softshot.errors import UserError

MOVED = ("learning_rate", "initialisation", "initial_text", "reparameterisation", "reparameterisation_hidden")
LABELS = {"icl": "none", "pt": "prompt-tuning", "ipt": "prompt-tuning"}


def check(config: dict[str, Any]) -> None:
    """Raise UserError where `config` has keys that stand elsewhere now, with these keys as they are written now."""
    old, new = moved(config)
    if old:
        text = yaml.safe_dump(new, sort_keys=False, default_flow_style=None, width=110)
        raise UserError(
            f"config.yaml: {', '.join(old)}: methods, and the questions asked of arms, have sections of their own now."
            f" Write instead:\n\n{text}"
        )


def moved(config: dict[str, Any]) -> tuple[list[str], dict[str, Any]]:
    """The old keys of a configuration, and what they become."""
    old, new = [], {}
    arms, tuning = (config.get(name) or {} for name in ("arms", "tuning"))
    for label, method in LABELS.items():
        if isinstance(arms.get(label), dict) and "method" not in arms[label]:
            old.append(f"arms.{label}")
            new.setdefault("arms", {})[label] = {"method": method} | arms[label]
    for question, labels in (("transfer", ["pt"]), ("data_size", ["icl", "pt", "ipt"])):
        if isinstance(arms.get(question), dict) and "method" not in arms[question]:
            old.append(f"arms.{question}")
            asked = arms[question].get("tokens") != [] if question == "transfer" else True
            new[question] = {"arms": labels if asked else []} | arms[question]
    if values := {key: tuning[key] for key in MOVED if key in tuning}:
        old += [f"tuning.{key}" for key in values]
        new["methods"] = {"prompt-tuning": values}
    return old, new
