"""Writes docs/performance.md and docs/performance.png."""

from __future__ import annotations

import datetime
import platform
import subprocess
from dataclasses import dataclass
from pathlib import Path

from benchmarks import aims
from benchmarks.load import BUSY
from benchmarks.measuring import CORES, Table
from model_training.paper.markdown_table import markdown_table
from refseg_ros.engines.bundle import TABLETOP
from refseg_ros.files import replacing, write_bytes
from refseg_ros.gpu_check.page import versions

PACKAGES = ("onnxruntime", "torch", "numpy", "opencv-python-headless", "transformers", "ros-rclpy", "tensorrt")


@dataclass
class Section:
    """A part of the report: tables, or why there are none."""

    title: str
    tables: list[Table]
    reason: str = ""
    others: float = 0.0
    """Share of the cores that other work took while it was measured."""
    counted: bool = False
    """Whether times are the computing time of all threads, and not the clock's."""

    @property
    def disturbed(self) -> bool:
        """Whether the machine was not free."""
        return bool(self.tables) and (self.counted or self.others >= BUSY)

    def text(self) -> str:
        """The section in Markdown."""
        clock = "the computing time of all threads" if self.counted else "the clock's"
        note = f"**Other work took {self.others:.0%} of the cores while this was measured; times are {clock}.**"
        parts = [f"## {self.title}", self.reason, note if self.disturbed else "", *map(_table, self.tables)]
        return "\n\n".join(filter(None, parts)) + "\n"


def _table(table: Table) -> str:
    rows = markdown_table(table.columns, table.rows, texts=len(table.columns))
    return "\n\n".join([f"**{table.title}**", rows, *table.notes])


def machine() -> str:
    """One line about the machine."""
    info = dict(line.split(":", 1) for line in Path("/proc/cpuinfo").read_text().splitlines() if ":" in line)
    names = {key.strip(): value.strip() for key, value in info.items()}
    memory = int(Path("/proc/meminfo").read_text().split()[1]) / 1e6
    wide = next((name for name in ("avx512_vnni", "avx512f", "avx2") if name in names.get("flags", "").split()), "")
    system = platform.freedesktop_os_release().get("PRETTY_NAME", platform.system())
    return f"{CORES} cores of {names.get('model name', platform.machine())} ({wide}), {memory:.0f} GB, {system}"


def commit() -> str:
    """The commit that was measured."""
    try:
        head = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True)
        changed = subprocess.run(
            ["git", "status", "--porcelain", "--untracked-files=no", "refseg_ros", "model_training"],
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return "outside a git checkout"
    return f"commit {head.stdout.strip()}{' with changes' if changed.stdout.strip() else ''}"


def write(sections: list[Section], folder: Path, quick: bool) -> None:
    """Write the page and its picture."""
    date = datetime.datetime.now(datetime.timezone.utc).date()
    size = {path.name: path.stat().st_size / 1e6 for path in TABLETOP.glob("*.onnx")}
    files = ", ".join(f"{name} {megabytes:.1f}" for name, megabytes in sorted(size.items()))
    head = [
        "# Performance",
        f"Written by `make bench{' QUICK=1' if quick else ''}` on {date}, {commit()}, on {machine()}, "
        f"with {versions(PACKAGES)}.",
        "Things that are compared ran in turn, round by round: a time is the median over the rounds, a ratio the "
        "median of the ratios of the rounds. The model is `tabletop`, unless a table names another.",
        f"The bundle is {sum(size.values()):.1f} MB ({files}).",
    ]
    if any(section.disturbed for section in sections):
        head.insert(
            2,
            "**Other work kept the cores while some of this was measured;** it says so there. The computing time of "
            "all threads is more than the time on free cores would be; ratios of it are fair.",
        )
    figures = {key: value for section in sections for table in section.tables for key, value in table.figures.items()}
    head.append(_table(aims.reached(figures)))
    if any(table.curves for section in sections for table in section.tables):
        head.append("![Time of CMSA, CFSA and a frame](performance.png)")
        _plot(sections, folder / "performance.png")
    text = "\n\n".join([*head, *(section.text().rstrip() for section in sections)]) + "\n"
    write_bytes(folder / "performance.md", text.encode())


def _plot(sections: list[Section], path: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    tables = [table for section in sections for table in section.tables if table.curves]
    figure, axes = pyplot.subplots(1, len(tables), figsize=(5 * len(tables), 4), squeeze=False)
    for axis, table in zip(axes[0], tables, strict=True):
        for name, (x, y) in table.curves.items():
            axis.plot(x, y, marker="o", label=name)
        axis.set(title=table.title.split(":")[0].replace("`", ""), xlabel=table.labels[0], ylabel=table.labels[1])
        axis.title.set_size(9)
        if max(max(y) for _, y in table.curves.values()) > 50 * min(min(y) for _, y in table.curves.values()):
            axis.set(xscale="log", yscale="log")
            axis.set_xticks(sorted({value for x, _ in table.curves.values() for value in x}))
            axis.set_xticks([], minor=True)
            axis.xaxis.set_major_formatter(pyplot.ScalarFormatter())
            axis.yaxis.set_major_formatter(pyplot.FuncFormatter(lambda value, _: f"{value:g}"))
        else:
            axis.set_ylim(bottom=0)
        axis.grid(alpha=0.3)
        axis.legend()
    figure.tight_layout()
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=100, format="png")
