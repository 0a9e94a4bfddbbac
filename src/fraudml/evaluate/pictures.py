"""Curves as pictures."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any


def curves(title: str, lines: dict[str, list[tuple[float, float]]], calibrated: list[dict[str, float]]) -> Any:
    """A figure: precision over recall of the model and its baselines, and the calibration curve."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 3.4), layout="constrained")
    left, right = figure.subplots(1, 2)
    for name, points in lines.items():
        left.plot([recall for recall, _ in points], [precision for _, precision in points], label=name, linewidth=1.4)
    left.set(xlabel="recall", ylabel="precision", ylim=(0, 1.02), xlim=(0, 1), title=title)
    left.legend(fontsize=7, frameon=False)
    right.plot([0, 1], [0, 1], color="0.8", linewidth=1)
    said, seen = [each["said"] for each in calibrated], [each["seen"] for each in calibrated]
    right.vlines(said, [each["low"] for each in calibrated], [each["high"] for each in calibrated], color="C0", alpha=0.4)
    right.plot(said, seen, marker="o", markersize=3, linewidth=1.2)
    right.set(xlabel="risk said", ylabel="cases seen", title="calibration", xlim=(0, 1), ylim=(0, 1.02))
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
    return figure


def bars(title: str, names: list[str], values: list[float]) -> Any:
    """A figure of horizontal bars, the first on top."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 0.8 + 0.22 * len(names)), layout="constrained")
    axes = figure.subplots()
    axes.barh(range(len(names)), values, height=0.7)
    axes.set_yticks(range(len(names)), names, fontsize=7)
    axes.invert_yaxis()
    axes.set(title=title, xlabel="mean absolute contribution, log-odds")
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def svg(figure: Any) -> str:
    """A figure as inline SVG."""
    import matplotlib as mpl

    with mpl.rc_context({"svg.hashsalt": "fraudml"}):
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    text = buffer.getvalue()
    return text[text.index("<svg") :]


def png(figure: Any, path: Path) -> Path:
    """Writes a figure as PNG."""
    figure.savefig(path, dpi=110)
    return path
