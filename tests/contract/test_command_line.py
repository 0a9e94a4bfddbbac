"""The command line: light help, clear errors, exit codes."""

from __future__ import annotations

import subprocess
import sys

import pytest

from fraudml.cli import DONE, FAILED, STAGES, WRONG_USAGE, main

HEAVY = {"pandas", "numpy", "sklearn", "mlflow", "shap", "duckdb", "lightgbm", "sqlglot", "hydra", "matplotlib", "igraph"}


def loaded_by(code: str) -> set[str]:
    """Top-level modules in ``sys.modules`` of a fresh interpreter after ``code``."""
    script = f"import sys\n{code}\nprint(' '.join({{name.split('.')[0] for name in sys.modules}}))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(done.stdout.splitlines()[-1].split())


@pytest.mark.parametrize("arguments", [["--help"], *([stage, "--help"] for stage in STAGES)])
def test_help_loads_nothing_heavy(arguments: list[str]) -> None:
    assert not loaded_by(f"from fraudml.cli import main; main({arguments!r})") & HEAVY


def test_importing_the_package_loads_nothing_heavy() -> None:
    assert not loaded_by("import fraudml") & HEAVY


@pytest.mark.parametrize(
    "arguments",
    [["graph", "nonsense=1"], ["nonsense"], ["graph", "--nonsense"], ["graph", "as_of=2024-02-31"], ["score", "months=0"]],
)
def test_wrong_usage_loads_nothing_heavy(arguments: list[str]) -> None:
    assert not loaded_by(f"from fraudml.cli import main; main({arguments!r})") & HEAVY


@pytest.mark.parametrize("stage", ["graph", "leads"])
def test_missing_input_is_said_before_the_slow_imports(stage: str) -> None:
    script = f"from fraudml.cli import main; main([{stage!r}, 'data_dir=/nowhere/at/all', 'as_of=2024-06-30'])"
    assert not loaded_by(script) & {"sklearn", "lightgbm", "mlflow", "shap", "igraph", "matplotlib", "numba"}


@pytest.mark.parametrize("stage", STAGES)
def test_help_names_what_a_stage_reads_and_writes(stage: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([stage, "--help"]) == DONE
    text = capsys.readouterr().out
    assert "reads:" in text and "writes:" in text and f"fraudml {stage}" in text


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["nonsense"], WRONG_USAGE, "[cli.stage]"),
        (["graph", "word"], WRONG_USAGE, "[cli.argument]"),
        (["graph", "--nonsense"], WRONG_USAGE, "[cli.flag]"),
        (["graph", "nonsense=1"], WRONG_USAGE, "[config.key]"),
        (["graph", "as_of=2024-02-31"], WRONG_USAGE, "[as_of.format]"),
        (["graph", "data_dir=/nowhere/at/all"], FAILED, "[claims.missing]"),
        (["leads", "data_dir=/nowhere/at/all", "as_of=2024-06-30"], FAILED, "[leads.no_scores]"),
        (["leads", "capacity=many"], WRONG_USAGE, "[config.value]"),
    ],
)
def test_errors_are_one_line_with_a_code(arguments: list[str], code: int, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == code
    lines = capsys.readouterr().err.strip().splitlines()
    assert len([line for line in lines if line.startswith("fraudml:")]) == 1
    assert message in lines[-1]
    assert "Traceback" not in "".join(lines)


def test_no_arguments_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == WRONG_USAGE
    assert "simulate" in capsys.readouterr().out
