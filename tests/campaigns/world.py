"""A project with data for a campaign, and its plan with the stub as its doctor."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from dualano_setup.campaigns.plan import Plan, make_plan
from dualano_setup.campaigns.store import campaigns_root, save_plan
from dualano_setup.flows.campaign.planning import Asked, how_of
from dualano_setup.settings.campaign import CampaignSettings
from dualano_setup.settings.options import Settings
from tests.places import ROOT

STUB = Path(__file__).with_name("stub.py")


def data_set(folder: Path, kinds: dict[str, tuple[str, ...]], images: int = 3) -> Path:
    """<category>/test/<anomaly> and its masks, with files that hold nothing."""
    for category, anomalies in kinds.items():
        (folder / category / "train" / "good").mkdir(parents=True)
        for anomaly in (*anomalies, "good"):
            (folder / category / "test" / anomaly).mkdir(parents=True)
            for number in range(images):
                (folder / category / "test" / anomaly / f"{number:03}.png").write_bytes(b"x")
    return folder


def settings_for(project: Path, **more: object) -> Settings:
    """Settings of a project whose data and model are named."""
    return Settings(project, data=project / "data", model=project / "model", **more)  # type: ignore[arg-type]


def stub_plan(project: Path, campaign: CampaignSettings, **how: object) -> tuple[Path, Plan]:
    """The campaign's folder and its plan, saved, whose commands are the stub's."""
    settings = settings_for(project)
    plan = make_plan(settings, campaign, how_of(settings, campaign, Asked({}, accepts=True), {}))
    doctor = {"doctor": [sys.executable, "-S", str(STUB)], "pause": 0.05}
    plan = replace(plan, how={**plan.how, **doctor, **how})
    root = campaigns_root(project) / campaign.name
    save_plan(root, plan)
    return root, plan


def project_of(folder: Path, real: str, steps: int = 12) -> Settings:
    """Twelve anomalies in four categories: a stub's, or with an environment (`real`) the miniature's."""
    if not real:
        data_set(folder / "data", {f"c{number}": ("a", "b", "c") for number in range(4)})
        (folder / "model").mkdir()
        return Settings(folder, data=folder / "data", model=folder / "model")
    made = folder / "made"
    tool = [sys.executable, "-m", "trainer.miniature", "--model", made / "model", "--data", made / "data"]
    subprocess.run([*tool, "--foreground", made / "foreground"], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    for kind in ("data", "foreground"):
        (folder / kind).mkdir()
        for number in range(4):
            (folder / kind / f"c{number}").symlink_to(made / kind / "widget")
    return Settings(
        folder, env=Path(real), data=folder / "data", model=made / "model", offline=True,
        foreground=folder / "foreground", resolution=64, rank=4, steps=steps,
    )  # fmt: skip


def planned(settings: Settings, campaign: CampaignSettings, real: str, pause: float = 1.0) -> tuple[Path, Plan]:
    """The campaign's folder and its plan, saved, whose commands are the stub's unless they are `real`."""
    plan = make_plan(settings, campaign, how_of(settings, campaign, Asked({}, accepts=not real), {}))
    how = {"pause": pause} if real else {"pause": pause, "doctor": [sys.executable, "-S", str(STUB)]}
    plan = replace(plan, how={**plan.how, **how})
    root = campaigns_root(settings.project) / campaign.name
    save_plan(root, plan)
    return root, plan
