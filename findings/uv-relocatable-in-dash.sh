#!/usr/bin/env bash
# uv 0.13.9: sourcing the activate script of an environment made with --relocatable from a POSIX sh (dash: batch
# scripts and Dockerfiles that begin with #!/bin/sh) sets VIRTUAL_ENV to "." and PATH to "./bin:...", so another
# python runs, with exit status 0. In bash the same line works. Guess before the run: it fails loudly or works.
# Seen: bash: the environment's own prefix; dash: another prefix, VIRTUAL_ENV=. , exit status 0.
set -euo pipefail
command -v dash > /dev/null || { echo "dash is needed" >&2; exit 2; }
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
"${PYTHON:-python3}" -m venv "$work/env"
"$work/env/bin/pip" install -q uv==0.13.9
"$work/env/bin/uv" venv -q --relocatable --python "$work/env/bin/python" "$work/made"
cat > "$work/job" <<'SH'
. "$1/bin/activate" || exit 3
printf '%s %s\n' "$VIRTUAL_ENV" "$(command -v python)"
SH
cd /
in_bash=$(bash "$work/job" "$work/made"); in_dash=$(dash "$work/job" "$work/made")
printf 'bash: %s\ndash: %s\n' "$in_bash" "$in_dash"
[ "$in_bash" = "$work/made $work/made/bin/python" ] || { echo "behaviour has changed (bash)" >&2; exit 1; }
case $in_dash in
    ". $work/made/bin/python") echo "behaviour has changed (dash)" >&2; exit 1 ;;
    ". "*) ;;
    *) echo "behaviour has changed (dash)" >&2; exit 1 ;;
esac
