"""All benchmarks, one after the other: `python -m benchmarks [FOLDER]`.

FOLDER holds the public sets (`kaggle_provider/train`, `adbench`); without it, what needs them is left out and named.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

NEEDS = {"kaggle": "kaggle_provider/train", "adbench": "adbench", "tables": "adbench"}
BY_HAND = ("snapshots", "vectors")  # of a folder of claims that is made first: their docstrings say how

failed, left_out = [], []
for path in sorted(Path(__file__).parent.glob("[a-z]*.py")):
    arguments = []
    if path.stem in BY_HAND:
        left_out.append(path.stem)
        continue
    if path.stem in NEEDS:
        folder = Path(sys.argv[1], NEEDS[path.stem]) if len(sys.argv) > 1 else None
        if folder is None or not folder.is_dir():
            left_out.append(path.stem)
            continue
        arguments = [str(folder)]
    print(f"== {path.stem}", flush=True)
    if subprocess.run([sys.executable, "-m", f"benchmarks.{path.stem}", *arguments], check=False).returncode:
        failed.append(path.stem)
if left_out:
    print(f"left out for want of data: {', '.join(left_out)}")
sys.exit(f"failed: {', '.join(failed)}" if failed else 0)
