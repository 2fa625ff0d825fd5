# What CI calls, by name. `just` comes with the extra `test` (package rust-just): .venv/bin/just --list
bin := justfile_directory() / ".venv/bin"

export PYTHONPATH := justfile_directory()

# All tests, or those that ARGS name: just test tests/rules -k GPU003
test *ARGS:
    {{bin}}/python -m pytest {{ARGS}}

# One rule: its hand-made sheets and every world that it is to be found on
rule ID:
    {{bin}}/python -m pytest tests/rules tests/worlds -k '{{ID}}'

# Lint, formatting, types, import contracts
lint:
    {{bin}}/ruff check .
    {{bin}}/ruff format --check .
    {{bin}}/mypy
    {{bin}}/lint-imports

# Collect the messages, list what has no translation, compile the catalogue
messages:
    {{bin}}/python tools/messages.py --missing

# Compare the tables with the package index (network)
recheck:
    .ci/recheck

# Three jobs of a campaign on a real Slurm of this machine's own (as root; installs Debian's where apt is there)
slurm:
    .ci/slurm

# Twelve jobs on it through every accident, with a stub's trainings; ARGS: --accounting, --real ENV
slurm-long *ARGS:
    {{bin}}/python -m tests.slurm.long {{ARGS}}

# Random kills and stops of a campaign; ARGS: --kills 100 --seed 0 --real ENV
campaign-kills *ARGS:
    {{bin}}/python -m tests.campaigns.kills {{ARGS}}

# Everything that must hold on every commit
ci:
    .ci/run

# The short training whose defect is found again, and is not when it is spoilt (a minute and a half)
quality:
    DUALANO_QUALITY=1 {{bin}}/python -m pytest tests/trainer/test_quality.py
