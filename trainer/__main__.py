"""`python -m trainer`: train DualAnoDiff's adapters."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from .cli.interrupt import warnings_kept
from .cli.terminal import lasting_output
from .errors import TrainerError
from .train.config import TrainingConfig, parse_types


def main(argv: Sequence[str] | None = None) -> int:
    """Run a training and return its exit status; a person's mistake is one message, not a traceback."""
    configs, notices = parse_types(argv)
    with lasting_output(), warnings_kept():
        return train(configs, notices)


def train(configs: Sequence[TrainingConfig], notices: list[str]) -> int:
    """Run a training, of one anomaly type or of several together; its exit status."""
    config = configs[0]
    try:
        # Heavy imports come after the flags, so that --help and wrong usage answer at once.
        # The images come first of all: what is wrong with them is said before PyTorch is loaded.
        from .train.data import announce, look_at, make_data

        datas = []
        for own in configs:
            datas.append(data := make_data(own))
            announce(data, own.instance_data_dir)
            notices += look_at(data)
        from .train.run import run_all

        return run_all(configs, datas, notices)
    except TrainerError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Interrupted before the first step; nothing was written.", file=sys.stderr)
        return 130
    except OSError as error:
        print(f"error: {error}. Earlier checkpoints in {config.output_dir} are untouched.", file=sys.stderr)
        return 1
    except RuntimeError as error:
        from .train.failures import advice_for

        message = advice_for(error, config)
        if message is None:
            raise
        print(f"error: {message}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
