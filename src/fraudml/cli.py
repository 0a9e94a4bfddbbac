"""The command line: ``fraudml STAGE [key=value …]``.

Nothing heavy is imported before a stage runs: help and wrong usage answer at once.
"""

from __future__ import annotations

import importlib
import json
import logging
import os
import re
import sys
import time
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from fraudml.config import as_of_days, check_keys, compose, quote_list, read_yaml
from fraudml.errors import FraudmlError, UsageError
from fraudml.resources import resource

STAGES = ("simulate", "ingest", "features", "graph", "train", "promote", "evaluate", "score", "leads", "audit", "ledger")
DONE, FAILED, WRONG_USAGE = 0, 1, 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; returns its exit code (0 done, 1 failed, 2 wrong usage)."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in arguments
    arguments = [each for each in arguments if each != "--debug"]
    try:
        return _run(arguments, debug)
    except UsageError as error:
        return _complain(error, debug, WRONG_USAGE)
    except FraudmlError as error:
        return _complain(error, debug, FAILED)
    except BrokenPipeError:  # `fraudml ledger list | head`: the reader has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except KeyboardInterrupt:
        print("fraudml: interrupted; earlier outputs are whole.", file=sys.stderr)  # noqa: T201
        return FAILED
    except OSError as error:  # a folder that may not be written, a full disk: the machine's matter and no defect of ours
        return _complain(_of_the_machine(error), debug, FAILED)
    except Exception as error:  # noqa: BLE001 - the last resort: one line for the night log, the traceback with --debug
        return _complain(error, debug, FAILED)


def _of_the_machine(error: OSError) -> FraudmlError:
    where = f"{error.filename}: " if error.filename else ""
    told = FraudmlError(
        "system.file",
        f"{where}{error.strerror or error}.",
        "Check paths, rights and free disk space; what had been written before is whole.",
    )
    told.__cause__ = error
    return told


def _run(arguments: list[str], debug: bool) -> int:
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        _say(_overview())
        return DONE if arguments else WRONG_USAGE
    if arguments[0] == "--version":
        _say(version("fraudml"))
        return DONE
    stage, rest = arguments[0], arguments[1:]
    if stage not in STAGES:
        raise UsageError("cli.stage", f"there is no stage “{stage}”.", f"Stages: {', '.join(STAGES)}.")
    about = read_yaml(resource("conf") / "stage" / f"{stage}.yaml")
    if "-h" in rest or "--help" in rest:
        _say(_stage_help(stage, about))
        return DONE
    overrides = _overrides(stage, about, rest)
    check_keys(overrides)
    _log_to_stderr(debug)
    config = compose(overrides)
    as_of_days(config)  # refused here, before a stage loads anything
    started = time.time()
    importlib.import_module(f"fraudml.stages.{stage}").run(config)
    sys.stdout.flush()
    _record(config, stage, overrides, started)
    return DONE


def _record(config: Any, stage: str, overrides: list[str], started: float) -> None:
    """One line per finished run in ``data_dir/runs.jsonl``: what ran, with which keys, when and for how long."""
    folder = Path(config.data_dir)
    if not folder.is_dir():  # a stage that only prints needs none
        return
    line = {
        "stage": stage,
        "overrides": [re.sub(r"://[^@/]*@", "://…@", each) for each in overrides],  # no password of a database URL
        "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(started)),
        "seconds": round(time.time() - started, 1),
        "version": version("fraudml"),
    }
    try:
        with (folder / "runs.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(line, ensure_ascii=False) + "\n")
    except OSError as error:  # what was asked for is done: whoever may only read a folder still gets its lists
        logging.getLogger("fraudml").warning("the run is not recorded in %s: %s", error.filename, error.strerror)


def _overrides(stage: str, about: dict[str, Any], arguments: list[str]) -> list[str]:
    flags: dict[str, str] = about.get("flags", {})
    words: list[str] = about.get("words", [])
    rest: str | None = about.get("rest")
    further: list[str] = []
    overrides = []
    for each in arguments:
        if each in flags:
            overrides.append(flags[each])
        elif each.startswith("-"):
            raise UsageError("cli.flag", f"{stage} has no option {each}.", f"See `fraudml {stage} --help`.")
        elif "=" in each and not (rest and _is_file(each)):
            overrides.append(each)
        elif words:
            overrides.append(f"{words[0]}={each}")
            words = words[1:]
        elif rest:
            further.append(each)
        else:
            raise UsageError("cli.argument", f"“{each}” is not of the form key=value.", f"See `fraudml {stage} --help`.")
    return [*overrides, quote_list(str(rest), further)] if further else overrides


def _is_file(word: str) -> bool:
    """Whether a word with “=” in it is a path, as in ``data/leads/as_of=2024-06-30/leads.xlsx``, and no ``key=value``."""
    return os.sep in word.split("=", 1)[0] or Path(word).exists()


def _overview() -> str:
    lines = ["fraudml STAGE [key=value …]: from claims to a ranked list of leads", ""]
    lines += [f"  {stage:<10} {read_yaml(resource('conf') / 'stage' / f'{stage}.yaml')['about']}" for stage in STAGES]
    lines += ["", "`fraudml STAGE --help` prints the stage's keys. --debug shows the traceback of an error."]
    return "\n".join(lines)


def _stage_help(stage: str, about: dict[str, Any]) -> str:
    lines = [
        f"fraudml {stage}: {about['about']}",
        "",
        f"reads:  {about['reads']}",
        f"writes: {about['writes']}",
        "",
    ]
    if about.get("commands"):
        lines += ["commands:", *(f"  {command}: {text}" for command, text in about["commands"].items()), ""]
    lines.append("keys:")
    width = max((len(key) for key in about["keys"]), default=0)
    lines += [f"  {key:<{width}}  {text}" for key, text in about["keys"].items()]
    if about.get("flags"):
        lines += ["", "options:"] + [f"  {flag}  same as {override}" for flag, override in about["flags"].items()]
    lines += ["", "example:", f"  {about['example']}"]
    return "\n".join(lines)


def _complain(error: Exception, debug: bool, code: int) -> int:
    if debug:
        import traceback

        traceback.print_exception(error)
    text = (
        str(error)
        if isinstance(error, FraudmlError)
        else f"[internal.{type(error).__name__}] {error} Run again with --debug for the traceback."
    )
    print("fraudml: " + " ".join(text.split()), file=sys.stderr)  # noqa: T201
    return code


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201


def _log_to_stderr(debug: bool) -> None:
    logging.basicConfig(
        stream=sys.stderr,
        level=logging.WARNING,
        format="%(asctime)s %(levelname).1s %(message)s",
        datefmt="%H:%M:%S",
    )
    logging.getLogger("fraudml").setLevel(logging.DEBUG if debug else logging.INFO)


if __name__ == "__main__":
    sys.exit(main())
