"""`quickstart`: the whole way on a miniature model and data set. Each stage looks whether it is done already.

Its pictures are drawn, and its base model learnt drawn pictures, of other objects: what comes out shows a real, small
example of what the method does. With `fast` the model's weights are random, which proves the way alone.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from ..check import Report, look
from ..errors import WorkError
from ..language import _
from ..report.terminal import Style, render_report
from ..runs.launch.handoff import interpreter_of, prepare, start
from ..runs.launch.tools import make_miniature, run_tool
from ..runs.progress import duration
from ..runs.proof import on_the_miniature
from ..runs.watch.attend import attend
from ..settings.options import SETTINGS_FILE, Settings
from ..settings.project_file import settings_text, write_settings
from ..settings.resolve import resolve
from .fix import Manner, repair_on_the_way
from .generate import tool_arguments

#: Of the trained miniature: what the adapters learn, and settings that take two minutes on two cores.
CATEGORY, ANOMALY = "gear", "scratch"
PIXELS, FAST_PIXELS = 128, 64
RANK, FAST_RANK = 8, 4
RATE = 1e-3
#: Words that the base model knows, as Stable Diffusion knows what a scratch is; `gear` it does not.
PROMPTS = ("--prompt_blend", "a photo of a gear with a scratch", "--prompt_fg", "a photo of a scratch on grey")
PAIRS, SAMPLING = 8, ("--scheduler", "dpm++", "--num_inference_steps", "20")
SHEET = "sheet.png"
WEIGHTS = "pytorch_lora_weights.safetensors"
# What a missing or unsuitable environment can show as; all else is a matter of the stages that follow.
_ENVIRONMENT_RULES = ("PY", "PKG", "GPU004")


class QuickstartError(WorkError):
    """A stage did not work. The message says why and what to do next."""


@dataclass(slots=True)
class Quickstart:
    """One pass over all stages. `env` None: make an environment of the project's own."""

    folder: Path
    steps: int
    env: Path | None = None
    offline: bool = False
    color: str = "auto"
    fast: bool = False
    say: Callable[[str], None] = print
    _began: float = field(default_factory=time.monotonic)
    _log: Path | None = None

    def run(self) -> None:
        """All stages in order. Raises QuickstartError, LaunchError, RepairError, UsageError, OSError."""
        self.folder.mkdir(parents=True, exist_ok=True)
        os.chdir(self.folder)  # the project is the working folder for every stage, as it is for a person
        if not Path(SETTINGS_FILE).exists():
            write_settings(self.folder, settings_text(self._first_settings()))
        self._title(1, _("look, and make the training environment"))
        report = self._environment()
        self._title(2, _("miniature model and data (drawn)"))
        self._miniature(report)
        self._title(3, _("look again"))
        report = self._look_again()
        self._title(4, _("train {steps} steps", steps=self.steps))
        weights = self._train(report)
        self._title(5, _("generate pairs from the trained weights, and a sheet of them"))
        samples = self._samples(report, weights)
        self._summary(weights, samples, self._sheet(report, samples))

    @property
    def miniature(self) -> Path:
        """Where the miniature model, data and object masks are."""
        return self.folder / "miniature"

    @property
    def output(self) -> Path:
        """Where weights and checkpoints are."""
        return self.folder / "output"

    def _title(self, number: int, text: str) -> None:
        self.say(f"\n[{number}/5] {text}")

    def _settings(self) -> Settings:
        return resolve({"offline": self.offline or None, "color": self.color}, project=self.folder)

    def _first_settings(self) -> dict[tuple[str, str], object]:
        chosen: tuple[str, object] = ("env", str(self.env)) if self.env else ("profile", "cpu")
        return {("", chosen[0]): chosen[1]}

    def _environment(self) -> Report:
        """Makes what is missing of the environment. One that the user named is used as it is, or not at all."""
        report = look(self._settings())
        broken = sorted(
            {f.rule for f in report.findings if f.status == "fail" and f.rule.startswith(_ENVIRONMENT_RULES)}
        )
        if not broken:
            self.say(_("the training environment suits profile {profile}", profile=report.profile.name))
            return report
        if self.env:
            self._show(report)
            raise QuickstartError(
                _("{env} does not suit; leave --env out and quickstart makes one of its own", env=self.env)
            )
        repair_on_the_way(self._settings(), frozenset(broken), Manner(yes=True, quiet=True))
        report = look(self._settings())
        if report.failed(*broken):
            self._show(report)
            raise QuickstartError(_("the training environment could not be made; the lines above say why"))
        return report

    def _miniature(self, report: Report) -> None:
        if make_miniature(interpreter_of(report.sheet), self.miniature, trained=None if self.fast else CATEGORY):
            raise QuickstartError(_("the miniature could not be made; the lines above say why"))
        self.say(_("in {miniature}", miniature=self.miniature))
        settings = self._settings()
        if settings.model is None:  # still the first, small file
            pointed = on_the_miniature(settings, self.miniature, None if self.fast else ANOMALY)
            here: dict[tuple[str, str], object] = {
                ("", key): os.path.relpath(getattr(pointed, key), self.folder)
                for key in ("model", "data", "foreground")
            }
            names = {("", "category"): pointed.category, ("", "anomaly"): pointed.anomaly}
            pixels, rank = (FAST_PIXELS, FAST_RANK) if self.fast else (PIXELS, RANK)
            sizes = {("train", "resolution"): pixels, ("train", "rank"): rank, ("train", "output"): self.output.name}
            text = settings_text(self._first_settings() | here | names | sizes)
            write_settings(self.folder, text, replace=True)
            (self.folder / f"{SETTINGS_FILE}.old").unlink()
            self.say(_("wrote {folder}", folder=self.folder / SETTINGS_FILE))

    def _look_again(self) -> Report:
        report = look(self._settings())
        self._show(report)
        if report.count("fail"):
            raise QuickstartError(_("something still blocks; cure it, then the same command goes on from here"))
        return report

    def _train(self, report: Report) -> Path:
        """Trains, or goes on where an earlier call ended."""
        weights = self.output / WEIGHTS
        if weights.is_file():
            self.say(_("trained already: {weights}", weights=weights))
            return weights
        extra = ["--max_train_steps", str(self.steps), "--resume_from_checkpoint", "auto"]
        extra += [] if self.fast else ["--learning_rate", str(RATE), "--cache_latents", *PROMPTS]
        run, record, launch = prepare(
            self._settings(), report.sheet, trainer="bundled", extra=extra, label="quickstart"
        )
        self._log = run.log
        status = attend(start(run, record, launch), self.color, by_train=False)
        if status == 130:
            raise KeyboardInterrupt
        if status or not weights.is_file():
            raise QuickstartError(_("the training left no weights; its log: {log}", log=run.log))
        return weights

    def _samples(self, report: Report, weights: Path) -> Path:
        folder = self.folder / "samples"
        # Random weights draw noise, in which there is no object to cut out: masks would reject every pair.
        fast = ["--num_images", "2", "--num_inference_steps", "4", "--no_masks"]
        few = fast if self.fast else ["--num_images", str(PAIRS), "--batch_size", str(PAIRS), *SAMPLING, *PROMPTS]
        command = tool_arguments(self._settings(), str(weights), str(folder), few)
        if run_tool(interpreter_of(report.sheet), "trainer.generate", command, offline=self.offline):
            raise QuickstartError(_("no sample could be made in {folder}; the lines above say why", folder=folder))
        return folder

    def _sheet(self, report: Report, samples: Path) -> Path:
        """Real and generated side by side."""
        settings, sheet = self._settings(), self.folder / SHEET
        assert settings.data is not None  # this class wrote them
        assert settings.category is not None
        assert settings.anomaly is not None
        real = settings.data / settings.category / "test" / settings.anomaly
        title = f"{settings.category}, {settings.anomaly}: {self.steps} steps"
        command = ["--generated", str(samples), "--real", str(real), "--output", str(sheet), "--title", title]
        if run_tool(interpreter_of(report.sheet), "trainer.sheet", command):
            raise QuickstartError(_("the sheet could not be made; the lines above say why"))
        return sheet

    def _show(self, report: Report) -> None:
        self.say(render_report(report, Style.for_stream(self.color, sys.stdout)).rstrip())

    def _summary(self, weights: Path, sample: Path, sheet: Path) -> None:
        took = duration(time.monotonic() - self._began)
        log = self._log or _("see `dualano-doctor runs`")
        self.say(
            _(
                "\nAll of it works, in {took}.\n  weights  {weights}\n  log      {log}\n  samples  {sample}\n"
                "  look at  {sheet}\nNext, "
                "with your own model and data: cd to your project, dualano-doctor init, check, fix, train.",
                took=took,
                weights=weights,
                log=log,
                sample=sample,
                sheet=sheet,
            )
        )
