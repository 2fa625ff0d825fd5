#!/usr/bin/env bash
# diffusers 0.42.1 (torch 2.13.0): Stable Diffusion 1.5's scheduler_config.json names no timestep_spacing. Loading
# and saving it once writes PNDM's default ("leading") into the file, and DPM-Solver++ made from the folder then
# starts at timestep 941 instead of 999: two users with "the same model" sample differently.
# Guess before the run: a default that was not in the file is not written. Seen: before 999 ... 50, after 941 ... 48.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python=${PYTHON:-python3}
"$python" -m pip install -q --no-compile --target "$work/lib" diffusers==0.42.1 torch==2.13.0 numpy==2.4.6
export PYTHONPATH=$work/lib
"$python" - "$work" 2> "$work/words" <<'PY'
import json, pathlib, sys
from diffusers import DPMSolverMultistepScheduler, PNDMScheduler

raw, saved = pathlib.Path(sys.argv[1], "raw"), pathlib.Path(sys.argv[1], "saved")
raw.mkdir()
(raw / "scheduler_config.json").write_text(json.dumps({
    "_class_name": "PNDMScheduler", "beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear",
    "num_train_timesteps": 1000, "set_alpha_to_one": False, "skip_prk_steps": True, "steps_offset": 1}))
PNDMScheduler.from_pretrained(raw).save_pretrained(saved)

def ends(folder):
    scheduler = DPMSolverMultistepScheduler.from_pretrained(folder)
    scheduler.set_timesteps(20)
    return [int(scheduler.timesteps[0]), int(scheduler.timesteps[-1])]

print("20 steps of DPM-Solver++, from the raw folder", ends(raw), "and from the saved one", ends(saved))
assert (ends(raw), ends(saved)) == ([999, 50], [941, 48]), "behaviour has changed"
PY
