"""Tables and sheets from what `pool` made, judged anew.

    python -m benchmarks.quality.table --pairs DIR [--judge FILE] [--output TABLE.json] [--by step,rate]

The gate is asked again with the thresholds that it has now; the records have its verdicts of their time.
"""

from __future__ import annotations

import argparse
import json
import statistics
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import torch

from trainer.generate.gate import Background, Reference, judge_pair
from trainer.generate.reference import TrainingPair
from trainer.miniature.world.categories import draw_category
from trainer.miniature.world.scene import KINDS

from .judge import Judge, judge_pictures, load_judge
from .work import is_flat, on_ground, read_sheet, summary

JUDGE = Path(__file__).parent / "judge.safetensors"
SHOWN = (
    "pairs", "named", "part_named", "good", "accepted", "accepted_named", "overlap", "good_rejected", "bad_rejected",
)  # fmt: skip


def judged(file: Path, judge: Judge) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The notes of a sheet, and a row for each of its pairs."""
    task, records, pixels = read_sheet(file.with_suffix(""))
    said, of_parts = (judge_pictures(judge, _floats(pixels[:, frame])) for frame in (0, 1))
    wanted = KINDS.index(task["kind"]) + 1
    trained = [draw_category(task["category"], task["kind"], 0, index) for index in range(3)]
    reference = Reference(
        tuple(TrainingPair(f"{i:03d}.png", p.image, p.anomaly_mask > 0) for i, p in enumerate(trained))
    )
    rows = []
    for number, record in enumerate(records):
        image, part = pixels[number, 0], pixels[number, 1]
        background = _background(task["category"], record["background"])
        verdict = judge_pair(image, part, reference, background)
        region = said.regions[number].numpy()
        union = (verdict.mask | region).sum()
        rows.append(
            {
                "accepted": not verdict.reasons,
                "named": bool(said.kinds[number] == wanted),
                "part_named": bool(of_parts.kinds[number] == wanted),
                "said": "none" if not said.kinds[number] else KINDS[int(said.kinds[number]) - 1],
                "overlap": float((verdict.mask & region).sum() / max(1, union)),
                "flat": is_flat(part),
                "ground": on_ground(image, background),
                "reasons": list(verdict.reasons),
                "measures": verdict.measures,
            }
        )
    return task, rows


def _background(category: str, name: str | None) -> Background | None:
    if name is None:
        return None
    picture = draw_category(category, None, 0, int(Path(name).stem))
    return Background(picture.image, picture.object_mask >= 128)


def _floats(images: Any) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(images)).permute(0, 3, 1, 2).float().div(127.5).sub(1)


def _spread(values: list[float]) -> float:
    """Standard deviation over seeds of the values that are numbers."""
    known = [value for value in values if value == value]
    return round(statistics.pstdev(known), 3) if known else 0.0


def main() -> None:
    """Make the tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.quality.table")
    parser.add_argument("--pairs", type=Path, required=True)
    parser.add_argument("--judge", type=Path, default=JUDGE)
    parser.add_argument("--output", type=Path)
    parser.add_argument("--anew", action="store_true", help="judge again what was judged before")
    parser.add_argument(
        "--by", type=lambda text: text.split(","), default=["category", "kind", "variant", "prompts", "rate", "step"]
    )
    options = parser.parse_args()
    judge = load_judge(options.judge)
    groups: dict[tuple[str, ...], list[tuple[int, list[dict[str, Any]]]]] = {}
    for file in sorted(options.pairs.glob("*.json")):
        if file.name.endswith(".rows.json"):
            continue
        kept = file.with_name(f"{file.name.removesuffix('.json')}.rows.json")
        if options.anew or not kept.is_file():
            kept.write_text(json.dumps(judged(file, judge)), encoding="utf-8")
        task, rows = json.loads(kept.read_text(encoding="utf-8"))
        print(file.stem, json.dumps(summary(rows)), flush=True)
        key = tuple(str(task.get(name)) for name in options.by)
        groups.setdefault(key, []).append((task["seed"], rows))
    table = []
    print("| " + " | ".join((*options.by, "seeds", *SHOWN)) + " |")
    print("|" + " --- |" * (len(options.by) + 1 + len(SHOWN)))
    for key, members in groups.items():
        every = summary([row for _, rows in members for row in rows])
        apart = [summary(rows) for _, rows in members]
        spread = {name: _spread([one[name] for one in apart]) for name in SHOWN[1:]}
        reasons = Counter(reason for _, rows in members for row in rows for reason in row["reasons"])
        table.append({**dict(zip(options.by, key, strict=True)), **every, "spread": spread, "reasons": reasons})
        cells = [str(every["pairs"]), *(f"{every[name]:.2f} ± {spread[name]:.2f}" for name in SHOWN[1:])]
        print("| " + " | ".join((*key, str(len(members)), *cells)) + " |", flush=True)
    rows = [row for members in groups.values() for _, own in members for row in own]
    print("all:", summary(rows), Counter(reason for row in rows for reason in row["reasons"]))
    if options.output:
        options.output.write_text(json.dumps({"table": table, "all": summary(rows)}, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
