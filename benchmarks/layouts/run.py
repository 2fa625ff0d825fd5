"""Every layout that `import` reads, from a small folder made after its published description to a trained export.

    python benchmarks/layouts/run.py [NAME ...]

For each: `dualano-doctor import`, two steps of training on the miniature model, and an export that tests on what did
not train. Two steps give no pair that the masks accept, so the exported pair is drawn. Prints a table; 1 when one
fails.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from dualano_setup.cli.main import run as doctor  # noqa: E402
from tests.facts.project.layouts import published  # noqa: E402
from tests.trainer.runs import miniature  # noqa: E402
from trainer.__main__ import main as train  # noqa: E402
from trainer.export.__main__ import main as export  # noqa: E402
from trainer.generate.manifest import Manifest, Record  # noqa: E402


def one(name: str, folder: Path) -> list[str]:
    """The cells of one layout's row."""
    made = published.ALL[name](folder / "source")
    project = folder / "project"
    project.mkdir()
    os.chdir(project)
    began = time.process_time()
    assert doctor(["import", str(made.source), "--env", sys.prefix, "--yes"]) == 0, "import"
    root, category = project / "data", project / "data" / made.category
    files = json.loads((category / "import.json").read_text())["files"]
    model = ["--pretrained_model_name_or_path", str(miniature() / "model"), "--resolution", "64", "--rank", "2"]
    images = ["--instance_data_dir", str(category / "test" / made.anomaly), "--variant", "dual"]
    rest = ["--output_dir", "out", "--max_train_steps", "2", "--report_to", "none", "--seed", "1"]
    assert train([*model, *images, *rest]) == 0, "train"
    losses = [json.loads(line)["loss"] for line in Path("out/metrics.jsonl").read_text().splitlines()]
    for part in ("image", "fg", "mask"):
        published.save(Path("pairs") / part / "00000.png", published.truth().astype("uint8") * 255)
    Manifest(Path("pairs")).add([Record(0, "00000.png", 0, "whole", "part", "ab" * 32, None, 0.05, 0.9, None)])
    where = ["--dataset", str(root), "--category", made.category, "--anomaly", made.anomaly]
    told = next(Path("out").glob("**/trainer_state.json"))
    for kind in ("mvtec", "yolo"):
        line = ["--generated", "pairs", *where, "--format", kind, "--output", kind, "--trained_on", str(told)]
        assert export(line) == 0, f"export as {kind}"
    record = json.loads(Path("mvtec/export.json").read_text())["anomalies"][0]
    assert set(record["trained_on"]).isdisjoint(record["tested_on"]), "a training image is tested on"
    anomalous = sum(bool(row["mask"]) for row in files)
    return [
        made.title,
        f"{anomalous} + {len(files) - anomalous}",
        f"{len(losses)} ({losses[-1]:.3f})",
        f"1 + {len(record['tested_on'])}",
        f"{time.process_time() - began:.0f}",
    ]


def main(names: list[str]) -> int:
    """Prints the table."""
    print("| layout | anomalous + good images | steps (last loss) | exported: drawn + real | CPU s |")
    print("| --- | --- | --- | --- | ---: |")
    failed = False
    for name in names or list(published.ALL):
        said = io.StringIO()
        with tempfile.TemporaryDirectory() as folder:
            try:
                with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
                    cells = one(name, Path(folder))
            except Exception as error:
                failed, cells = True, [name, f"FAILED: {error!r}", said.getvalue()[-500:], "", ""]
            os.chdir(ROOT)
        print("| " + " | ".join(cells) + " |", flush=True)
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
