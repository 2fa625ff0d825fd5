#!/usr/bin/env bash
# transformers 5.24.0 saves a CLIPTextModel made from its configuration with tensor names that lack "text_model.";
# transformers 4.44.2 loads not one of them: the text encoder keeps random weights, with a warning but no error.
# Guess before the run: the names stay as they were for years. Seen: 0 of 20 names begin with text_model.; loaded
# by 4.44.2 nothing is equal to what was saved, exit status 0.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python=${PYTHON:-python3}
for version in 5.24.0 4.44.2; do
    "$python" -m pip install -q --no-compile --target "$work/$version" "transformers==$version" torch==2.13.0 numpy==2.4.6
done
PYTHONPATH=$work/5.24.0 "$python" - "$work/text_encoder" 2> "$work/words" <<'PY'
import sys
from safetensors import safe_open
from transformers import CLIPTextConfig, CLIPTextModel

config = CLIPTextConfig(vocab_size=64, hidden_size=16, intermediate_size=16, num_hidden_layers=1,
                        num_attention_heads=2, bos_token_id=0, eos_token_id=1)
CLIPTextModel(config).save_pretrained(sys.argv[1])
with safe_open(sys.argv[1] + "/model.safetensors", "pt") as file:
    names = list(file.keys())
print("5.24.0:", sum(name.startswith("text_model.") for name in names), "of", len(names), "names have the prefix")
assert names and not any(name.startswith("text_model.") for name in names), "behaviour has changed"
PY
PYTHONPATH=$work/4.44.2 "$python" - "$work/text_encoder" 2> "$work/words" <<'PY'
import sys
from safetensors.torch import load_file
from transformers import CLIPTextModel

saved = load_file(sys.argv[1] + "/model.safetensors")
loaded = {name.removeprefix("text_model."): x for name, x in
          CLIPTextModel.from_pretrained(sys.argv[1]).state_dict().items()}
random = [name for name, x in saved.items() if name.endswith(("proj.weight", "embedding.weight"))]
same = sum(bool(saved[name].equal(loaded[name])) for name in random)
print("4.44.2:", same, "of", len(random), "matrices are those that were saved")
assert random and same == 0, "behaviour has changed"
PY
