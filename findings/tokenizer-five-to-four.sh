#!/usr/bin/env bash
# A CLIP tokenizer loaded from vocab.json and merges.txt and saved by transformers 5.24.0 is a folder without those
# two files; transformers 4.44.2 then reads neither of its two CLIP tokenizers from it.
# Guess before the run: both files are kept beside tokenizer.json.
# Seen: saved tokenizer.json, tokenizer_config.json; CLIPTokenizer -> TypeError, CLIPTokenizerFast -> Exception
# ("data did not match any variant of untagged enum ModelWrapper").
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python=${PYTHON:-python3}
for version in 5.24.0 4.44.2; do
    "$python" -m pip install -q --no-compile --target "$work/$version" "transformers==$version" 'numpy==2.4.6'
done
export TRANSFORMERS_VERBOSITY=error HF_HUB_OFFLINE=1
PYTHONPATH=$work/5.24.0 "$python" - "$work" <<'PY'
import json, os, sys
from transformers import CLIPTokenizer

old, new = (os.path.join(sys.argv[1], name) for name in ("old", "new"))
os.mkdir(old)
letters = [*"abcdefgh", *(x + "</w>" for x in "abcdefgh"), "ab", "ab</w>", "<|startoftext|>", "<|endoftext|>"]
with open(old + "/vocab.json", "w") as file:
    json.dump({token: number for number, token in enumerate(letters)}, file)
with open(old + "/merges.txt", "w") as file:
    file.write("#version: 0.2\na b\na b</w>\n")
tokenizer = CLIPTokenizer.from_pretrained(old)
tokenizer.save_pretrained(new)
names = sorted(os.listdir(new))
print("saved by 5.24.0:", *names)
assert names == ["tokenizer.json", "tokenizer_config.json"], "behaviour has changed"
assert tokenizer("abc").input_ids == CLIPTokenizer.from_pretrained(new)("abc").input_ids
PY
PYTHONPATH=$work/4.44.2 "$python" - "$work/new" "$work/old" <<'PY'
import sys
from transformers import CLIPTokenizer, CLIPTokenizerFast

CLIPTokenizer.from_pretrained(sys.argv[2])
for kind, error in ((CLIPTokenizer, "TypeError"), (CLIPTokenizerFast, "Exception")):
    try:
        kind.from_pretrained(sys.argv[1])
    except Exception as problem:
        print(f"4.44.2 {kind.__name__}: {type(problem).__name__}: {str(problem)[:90]}")
        assert type(problem).__name__ == error, "behaviour has changed"
    else:
        sys.exit("behaviour has changed: it loads")
PY
