"""Runs of train.py that experiments compare: each once, and continued where it was interrupted."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from statistics import fmean, pstdev
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
RECORD = "run.json"


def train_once(config: Path, output: Path, arguments: list[str]) -> dict[str, Any]:
    """
    What `train.py --config config --output_dir output *arguments` logged, in `history`, with the most memory that it
    took, `peak_mb` (of its last part, where it was interrupted), and `trainable`, a number of parameters. Kept in the
    output folder, so that a run that is finished is not run again.
    """
    record = output / RECORD
    if not record.is_file():
        command = [sys.executable, str(ROOT / "train.py"), "--config", str(config), "--output_dir", str(output)]
        command += ["--resume_from_checkpoint", "true", "--report_to", "none", *arguments]
        process = subprocess.Popen(command, cwd=ROOT)
        _, status, usage = os.wait4(process.pid, 0)
        if status:
            raise SystemExit(f"{' '.join(command)} failed with exit status {os.waitstatus_to_exitcode(status)}")
        trained = re.search(r"of which ([\d,]+) were trained", (output / "README.md").read_text())
        values = {
            "history": json.loads((output / "trainer_state.json").read_text())["log_history"],
            "peak_mb": usage.ru_maxrss / 1024,
            "trainable": int(trained.group(1).replace(",", "")),
        }
        record.write_text(json.dumps(values))
    return json.loads(record.read_text())


def spread(values: list[float], form: str = ".3f") -> str:
    """Mean and standard deviation."""
    return f"{fmean(values):{form}} +- {pstdev(values):{form}}"
