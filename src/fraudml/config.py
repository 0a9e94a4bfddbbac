"""The configuration: ``conf/`` composed by Hydra, with the overrides of the command line.

A bureau keeps its own folder beside the package and names it with ``conf_dir=FOLDER``: its files win over the shipped
ones of the same name (``rules/split_admission.yaml``, ``source/ours.yaml`` …), the rest stays as shipped.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fraudml.errors import FraudmlError, UsageError
from fraudml.resources import resource

# values of these keys are text whatever they look like: paths, addresses, days
TEXT_KEYS = {
    "as_of",
    "input",
    "data_dir",
    "models_dir",
    "conf_dir",
    "labels",
    "audit.periods",
    "tracking.uri",
    "privacy.key_file",
    "rules.version",
    "ledger.uri",
    "ledger.by",
    "ledger.unit",
    "ledger.default_unit",
    "ledger.person",
    "ledger.remark",
    "ledger.do",
    "ledger.state",
    "ledger.scheme",
    "ledger.origin",
    "ledger.outcome",
    "ledger.amount",
    "ledger.date",
    "ledger.due",
    "ledger.since",
    "file",
    "engine.master",
    "engine.remote",
    "engine.settings",
}

# whole numbers, and the least that each may be
WHOLE_NUMBERS = {"capacity": 0, "months": 1, "seed": 0, "version": 1, "tuning.trials": 0, "engine.threads": 1}

WHOLE = "version.json"
"""Marks a conf folder as a saved version, complete in itself."""


def compose(overrides: Sequence[str] = ()) -> Any:
    """The configuration with overrides applied, as an OmegaConf ``DictConfig``.

    Parameters
    ----------
    overrides : ``key=value`` in Hydra's grammar; a list of days is written ``as_of=2024-05-31,2024-06-30``.

    Raises
    ------
    UsageError
        For a key that does not exist or a value that cannot be read.
    """
    from hydra import compose as hydra_compose
    from hydra import initialize_config_dir
    from hydra.core.global_hydra import GlobalHydra
    from hydra.errors import HydraException, OverrideParseException
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException
    from yaml import YAMLError

    quoted = [quote(each) for each in overrides]
    own = [each.split("=", 1)[1] for each in overrides if each.startswith("conf_dir=")]
    if own:
        if not Path(own[-1]).is_dir():
            raise UsageError("config.conf_dir", f"{own[-1]} is no folder.")
        quoted.append(f"hydra.searchpath=['file://{Path(own[-1]).resolve()}']")
    GlobalHydra.instance().clear()
    try:
        with initialize_config_dir(str(resource("conf")), version_base="1.3", job_name="fraudml"):
            config = hydra_compose("config", overrides=quoted)
            OmegaConf.resolve(config)
            chosen = [each for each in quoted if (resource("conf") / each.split("=")[0].lstrip("+")).is_dir() or each.startswith("hydra.")]
            if own:
                _lay_over(config, Path(own[-1]), quoted)
            _check_values(config, hydra_compose("config", overrides=chosen), overrides)
    except OverrideParseException as error:
        told = "Put text that is more than letters and digits into quotes, as in '+ledger.units.430102=\"一科\"'."
        raise UsageError("config.value", f"{error.override} cannot be read.", told) from error
    except (HydraException, OmegaConfBaseException) as error:
        first = str(error).strip().splitlines()[0]
        raise UsageError("config.key", first, "`fraudml STAGE --help` prints the stage's keys.") from error
    except YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise _no_yaml(error, Path(mark.name).name if mark else "a file of conf_dir") from error
    except UnicodeDecodeError as error:
        raise _no_yaml(error, "a YAML file that is composed") from error
    return config


def _lay_over(config: Any, folder: Path, overrides: Sequence[str]) -> None:
    """Lays a bureau's files over the shipped ones of the same name: Hydra would find the shipped ones first, and say nothing.

    A file of settings (``ledger/default.yaml`` …) needs only the keys that differ; a source's declaration is whole. What the command line
    says stays.
    """
    from omegaconf import OmegaConf, open_dict

    defaults = read_yaml(resource("conf") / "config.yaml")["defaults"]
    chosen = {group: name for each in defaults if isinstance(each, dict) for group, name in each.items() if " " not in group}
    given = [each.partition("=") for each in overrides]
    chosen |= {key: value.strip("'\"") for key, _, value in given if key in chosen}
    for group, name in chosen.items():
        path = folder / group / f"{name}.yaml"
        if not path.is_file() or not (resource("conf") / group / path.name).is_file():
            continue  # one that is shipped under no such name was composed as it is
        content = read_yaml(path)
        if not isinstance(content, dict):
            raise FraudmlError("config.yaml", f"{path} holds no keys.", "Write key: value.")
        if group != "source" and (unknown := sorted(str(key) for key in content if key not in config[group])):
            raise FraudmlError(
                "config.key", f"{path}: there is no key “{', '.join(unknown)}”.", f"Keys: {', '.join(map(str, config[group]))}."
            )
        said = {
            key.lstrip("+"): OmegaConf.select(config, key.lstrip("+")) for key, _, _ in given if key.lstrip("+").startswith(f"{group}.")
        }
        with open_dict(config):
            config[group] = content if group == "source" else OmegaConf.merge(config[group], content)
            for key, value in said.items():
                OmegaConf.update(config, key, value, force_add=True)


def _check_values(config: Any, defaults: Any, overrides: Sequence[str]) -> None:
    """Refuses what a stage would only stumble over in the middle of its work: another kind of value than the default's, no size."""
    from omegaconf import OmegaConf

    for override in overrides:
        key = override.split("=")[0].lstrip("+~")
        default, value = OmegaConf.select(defaults, key), OmegaConf.select(config, key)
        if isinstance(default, bool) and not isinstance(value, bool):
            raise UsageError("config.value", f"{override}.", f"Give true or false; the default is {str(default).lower()}.")
        if type(default) in (int, float) and type(value) not in (int, float):
            raise UsageError("config.value", f"{override}.", f"Give a number; the default is {default}.")
    for key in WHOLE_NUMBERS:
        _check_least(key, OmegaConf.select(config, key))
    limit = str(config.engine.memory_limit)
    if not re.fullmatch(r"\d+(\.\d+)?\s*([kmgt]i?b|%)", limit, re.IGNORECASE):
        raise UsageError("config.value", f"engine.memory_limit={limit}.", "Give a size, as 6GB.")


def _check_least(key: str, value: Any) -> None:
    least = WHOLE_NUMBERS.get(key)
    if least is not None and value is not None and (type(value) is not int or value < least):
        raise UsageError("config.value", f"{key}={value}.", f"Give a whole number, {least} or more.")


def quote(override: str) -> str:
    """Puts quotes around values that are text but that Hydra's grammar would take apart."""
    key, equals, value = override.partition("=")
    if not equals or key.lstrip("+") not in TEXT_KEYS or value in ("", "null") or value[0] in "'\"[":
        return override
    return f"{key}={_quoted(value)}"


def quote_list(key: str, values: Sequence[str]) -> str:
    """``key=[…]`` with every value as text, whatever stands in it.

    >>> quote_list("ledger.what", ["as_of=1/a b.xlsx", "L-1"])
    "ledger.what=['as_of=1/a b.xlsx','L-1']"
    """
    return f"{key}=[{','.join(_quoted(value) for value in values)}]"


def _quoted(value: str) -> str:
    escaped = value.replace("'", "\\'")
    return f"'{escaped}'"


def check_keys(overrides: Sequence[str]) -> None:
    """Refuses keys whose first part exists nowhere in ``conf/``, no days and no sizes, before Hydra is loaded.

    A typing error should answer at once. What only the composed configuration tells is left to :func:`compose`.

    Raises
    ------
    UsageError
        With the known key that looks most alike, or what the value should be.
    """
    from difflib import get_close_matches

    content = read_yaml(resource("conf") / "config.yaml")
    known = {key for key in content if key != "defaults"}
    known |= {name.removeprefix("optional ") for entry in content["defaults"] if isinstance(entry, dict) for name in entry}
    for override in overrides:
        first = override.split("=", 1)[0].lstrip("+~").split(".")[0].split("@")[0]
        if first not in known and first != "hydra":
            alike = get_close_matches(first, known, n=1)
            raise UsageError(
                "config.key",
                f"there is no key “{first}”.",
                f"Did you mean {alike[0]}?" if alike else "`fraudml STAGE --help` prints the stage's keys.",
            )
        key, _, value = override.partition("=")
        if key == "as_of" and value not in ("", "null") and value[0] not in "'\"[":
            days_of(value)
        if re.fullmatch(r"-?\d+", value):
            _check_least(key, int(value))


def as_of_days(config: Any) -> list[str]:
    """The days that ``as_of`` names, see :func:`days_of`; empty where it is not given."""
    return [] if config.as_of is None else days_of(config.as_of)


def days_of(given: Any) -> list[str]:
    """Days as text with commas between, or in a list, oldest first.

    Raises
    ------
    UsageError
        When one is no day.
    """
    import datetime as dt

    parts = str(given).split(",") if isinstance(given, str) else [str(each) for each in given]
    try:
        return sorted({dt.date.fromisoformat(part.strip()).isoformat() for part in parts})
    except ValueError as error:
        raise UsageError("as_of.format", f"as_of={given}: {error}.", "Write as_of=YYYY-MM-DD[,YYYY-MM-DD…].") from error


def declarations(group: str, conf_dir: str | Path | None = None) -> list[Path]:
    """YAML files of ``conf/<group>/``, a bureau's own file in place of the shipped one of the same name, sorted by name.

    A saved version of the rule base (``conf_dir`` holds ``version.json``) is whole: nothing shipped is mixed in.
    """
    folders = [resource("conf") / group] + ([Path(conf_dir) / group] if conf_dir else [])
    if conf_dir and (Path(conf_dir) / WHOLE).is_file():
        folders = folders[1:]
    found: dict[str, Path] = {}
    for folder in folders:
        found |= {path.name: path for path in folder.glob("*.yaml")}
    return [found[name] for name in sorted(found)]


def line_of(path: Path, key: str) -> int:
    """Line of the first ``key:`` in a YAML file; 1 where it is not written."""
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if re.match(rf"\s*{re.escape(key)}\s*:", line):
            return number
    return 1


def yaml_nodes(path: Path) -> Any:
    """A YAML file's nodes, which know their lines; None of an empty file."""
    import yaml

    return yaml.compose(path.read_text(encoding="utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))


def read_yaml(path: Path) -> Any:
    """A YAML file's content; a syntax error names file and line."""
    import yaml

    try:
        return yaml.load(path.read_text(encoding="utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - both are safe
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise _no_yaml(error, path.name) from error


def _no_yaml(error: Exception, name: str) -> FraudmlError:
    if isinstance(error, UnicodeDecodeError):
        return FraudmlError("config.yaml", f"{name} is not UTF-8.", "Save it as UTF-8.")
    mark = getattr(error, "problem_mark", None)
    line = f":{mark.line + 1}" if mark else ""
    return FraudmlError("config.yaml", f"{name}{line}: {getattr(error, 'problem', error)}.", "Correct the YAML.")
