#!/usr/bin/env bash
# A .dist-info folder without METADATA (an install that was cut off; on clusters with quotas they are common):
# `pip check` (26.3) says nothing is wrong, `uv pip check` (uv 0.13.9) exits 1, and importlib.metadata gives a
# distribution whose version is None where one would expect PackageNotFoundError.
# Guess before the run: PackageNotFoundError. Seen: pip 0, uv 1, version None.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
"${PYTHON:-python3}" -m venv "$work/env"
bin=$work/env/bin
"$bin/pip" install -q pip==26.3 uv==0.13.9
site=$("$bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
mkdir "$site/diffusers-0.42.1.dist-info"
pip=0; "$bin/pip" check || pip=$?
uv=0; "$bin/uv" pip check --python "$bin/python" || uv=$?
version=$("$bin/python" -c 'import importlib.metadata as m; print(m.version("diffusers"))')
echo "pip check: $pip; uv pip check: $uv; version: $version"
[ "$pip $uv $version" = "0 1 None" ] || { echo "behaviour has changed" >&2; exit 1; }
