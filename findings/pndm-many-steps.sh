#!/usr/bin/env bash
# diffusers 0.42.1 (torch 2.13.0), schedulers with Stable Diffusion 1.5's own settings (timestep_spacing leading,
# steps_offset 1): more inference steps begin EARLIER in the noise, and never say so. PNDM with 600 steps starts at
# timestep 600 of 1000, with 501 at 501, with 334 at 667, though the latents are pure noise; with 1000 its step()
# raises IndexError. DPM-Solver++ with 1000 steps takes timestep 1 a thousand times.
# Guess before the run: PNDM starts near 999 or refuses; DPM-Solver++ fails as PNDM does. Seen: as said above.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python=${PYTHON:-python3}
"$python" -m pip install -q --no-compile --target "$work/lib" diffusers==0.42.1 torch==2.13.0 numpy==2.4.6
export PYTHONPATH=$work/lib
"$python" - 2> "$work/words" <<'PY'
import torch
from diffusers import DPMSolverMultistepScheduler, PNDMScheduler

STABLE_DIFFUSION = dict(num_train_timesteps=1000, beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear",
                        steps_offset=1, timestep_spacing="leading")

def timesteps(kind, steps, **more):
    scheduler = kind.from_config(STABLE_DIFFUSION | more)
    scheduler.set_timesteps(steps)
    return scheduler

pndm = {n: int(timesteps(PNDMScheduler, n, skip_prk_steps=True).timesteps[0]) for n in (50, 334, 501, 600)}
print("first timestep of PNDM by number of steps:", pndm)
assert pndm == {50: 981, 334: 667, 501: 501, 600: 600}, "behaviour has changed"

scheduler, latents = timesteps(PNDMScheduler, 1000, skip_prk_steps=True), torch.zeros(1, 4, 8, 8)
try:
    scheduler.step(latents, scheduler.timesteps[0], latents)
except IndexError as problem:
    print("PNDM, 1000 steps: IndexError:", problem)
else:
    raise SystemExit("behaviour has changed: 1000 steps work")

dpm = timesteps(DPMSolverMultistepScheduler, 1000).timesteps
print("DPM-Solver++, 1000 steps:", len(dpm), "timesteps, distinct:", sorted(set(dpm.tolist())))
assert len(dpm) == 1000 and set(dpm.tolist()) == {1}, "behaviour has changed"
PY
