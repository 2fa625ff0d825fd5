"""Generate pairs of anomalous image and anomaly part, with masks, from trained weights.

    python -m trainer.generate --pretrained_model_name_or_path MODEL --weights FILE --output_dir DIR ...

Writes `image/`, `fg/` and `mask/` under the same names, `rejected/` for pairs that the gate turns away,
`manifest.jsonl` with each pair's reasons and numbers, and `summary.json`. Image i is the same whatever the batch
size, and whether or not the run was interrupted: the same command goes on where the last one ended.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..cli.flag_types import NO_COMPILING, Ignored, finite, positive, seed
from ..cli.run_command import FINISHED_STAYS, run_command
from .settings import GenerationSettings

EPILOG = """Exit status: 0 done; 1 the work failed or something given cannot be used; 2 wrong usage;
130 interrupted."""


def build_parser() -> argparse.ArgumentParser:
    """The parser of `python -m trainer.generate`."""
    parser = argparse.ArgumentParser(
        prog="python -m trainer.generate",
        description=(__doc__ or "").split("\n\n")[0],
        epilog=EPILOG,
        allow_abbrev=False,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
        argument_default=argparse.SUPPRESS,
    )
    add = parser.add_argument
    add(
        "--pretrained_model_name_or_path",
        metavar="FOLDER",
        required=True,
        help="folder of Stable Diffusion 1.5, diffusers' layout",
    )
    add(
        "--weights",
        type=Path,
        metavar="PATH",
        required=True,
        help="weight file (.safetensors, .bin), or a folder with one",
    )
    add("--output_dir", type=Path, metavar="DIR", required=True, help="new folder, or one to go on with")
    many = parser.add_mutually_exclusive_group()
    many.add_argument(
        "--num_images", type=positive, metavar="N", help="pairs to generate, rejected ones included; default 500"
    )
    many.add_argument(
        "--accepted",
        type=positive,
        metavar="N",
        help="generate until N pairs are accepted, those already there included; status 1 when it ends with fewer",
    )
    add(
        "--limit",
        type=positive,
        metavar="M",
        help="with --accepted: pairs to generate at most, rejected ones included; default ten for each that is wanted",
    )
    add("--batch_size", type=positive, metavar="N", help="pairs at a time; changes speed and memory only; default 4")
    add(
        "--num_inference_steps",
        type=positive,
        metavar="N",
        help="default: pndm 50 (100 without background module), dpm++ 20",
    )
    add(
        "--guidance_scale",
        type=finite,
        metavar="G",
        help="default: 2.0 with background module, 2.5 without; upstream: screw 1.2",
    )
    add("--scheduler", choices=("pndm", "dpm++"), help="pndm as upstream (default), or the faster dpm++")
    add(
        "--fast",
        action="store_true",
        help="three and a half times faster: 20 steps of dpm++, the network's inner layers computed in every second "
        "one; docs/generation.md says what it costs",
    )
    add("--condition_dir", type=Path, metavar="DIR", help="object masks of good images; the background module needs it")
    add("--good_dir", type=Path, metavar="DIR", help="good images of the same names, e.g. <root>/<category>/train/good")
    add(
        "--images_per_background",
        type=positive,
        metavar="N",
        help="pairs in a row on one background; default 50; upstream: screw 10",
    )
    add("--prompt_blend", metavar="TEXT", help="prompt of the whole image; default: what upstream trains with")
    add("--prompt_fg", metavar="TEXT", help="prompt of the anomaly part; default: what upstream trains with")
    add("--resolution", type=positive, metavar="N", help="side in pixels; default: the base model's")
    add("--seed", type=seed, metavar="N", help="with its index it determines a pair; default 0")
    add("--mixed_precision", choices=("no", "fp16", "bf16"), help="precision of the network; default no")
    add("--allow_tf32", action="store_true", help="TF32 in matrix products; convolutions have it anyway")
    add("--compile", nargs=0, action=Ignored, const=NO_COMPILING, help=argparse.SUPPRESS)
    add("--revision", metavar="REV", help="of the base model, where it is a hub name")
    add(
        "--instance_data_dir",
        type=Path,
        metavar="DIR",
        help="the images that trained, <root>/<category>/test/<anomaly>: pairs are held against them",
    )
    add("--mask_dir", type=Path, metavar="DIR", help="their anomaly masks; default ground_truth/<anomaly>")
    add("--no_gate", dest="gate", action="store_false", help="reject only pairs whose part frame is empty")
    add("--no_masks", dest="masks", action="store_false", help="make no masks and reject nothing")
    add(
        "--faithful",
        action="store_true",
        help="draw each pair's condition anew, as the authors' script does; slower. Default: pairs on one background "
        "share its noise",
    )
    add("--device", help="e.g. cuda:1 or cpu; default: the GPU where there is one")
    return parser


def parse_arguments(arguments: Sequence[str]) -> GenerationSettings:
    """Settings from a command line."""
    parser = build_parser()
    values: dict[str, Any] = vars(parser.parse_args(arguments))
    if "limit" in values and "accepted" not in values:
        parser.error("--limit ends --accepted N, which is not given; --num_images N makes exactly N pairs")
    if values.get("limit", values.get("accepted", 0)) < values.get("accepted", 0):
        parser.error(f"--limit {values['limit']} is less than --accepted {values['accepted']}: never reached")
    if "accepted" in values and not values.get("masks", True):
        parser.error("--accepted needs the masks that --no_masks leaves out: without them no pair is judged")
    for flag, reason in values.pop("without_effect", ()):
        print(f"note: {flag} has no effect here: {reason}", file=sys.stderr)
    return GenerationSettings(**values)


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; returns the exit status."""
    settings = parse_arguments(sys.argv[1:] if arguments is None else arguments)

    def work() -> None:
        # torch is loaded only once the command line has been understood.
        from .run import generate

        generate(settings)

    return run_command(work, left=FINISHED_STAYS)


if __name__ == "__main__":
    sys.exit(main())
