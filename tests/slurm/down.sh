#!/usr/bin/env bash
# down.sh DIR: ends what up.sh started there, by the ids it noted.
set -uo pipefail
dir=$1; export SLURM_CONF="$dir/slurm.conf"
timeout 10 scancel --user="$(id -un)" 2>/dev/null
for _ in $(seq 60); do [ -z "$(timeout 5 squeue -h 2>/dev/null)" ] && break; sleep 0.5; done
for file in "$dir"/run/slurmd-*.pid "$dir/run/slurmctld.pid" "$dir/run/slurmdbd.pid"; do
    [ -f "$file" ] && kill "$(cat "$file")" 2>/dev/null && sleep 0.3
done
[ -f "$dir/sql/pid" ] && kill "$(cat "$dir/sql/pid")"
kill "$(cat "$dir/munge/munged.pid")"
