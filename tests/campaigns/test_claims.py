"""The fence: who holds, who may take over, and that a result is committed once."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from dataclasses import asdict

import pytest

from dualano_setup.campaigns import claims
from dualano_setup.campaigns.claims import Holder, LostError, TakenError, take
from tests.places import PATIENCE, ROOT


def other_holder(claim: claims.Claim, **changes: object) -> None:
    """Writes the holder down as somebody else."""
    holder = Holder(**{**asdict(claim.holder()), **changes})
    claims.write_json(claim.folder / "holder.json", asdict(holder))


def silent_for(claim: claims.Claim, seconds: float) -> None:
    long_ago = time.time() - seconds
    os.utime(claim.open / "beat", (long_ago, long_ago))


def test_a_claim_keeps_others_out_until_it_ends(tmp_path):
    held = take(tmp_path, lease=60)
    with pytest.raises(TakenError):
        take(tmp_path, lease=60)
    held.end({"kind": "done"})
    assert take(tmp_path, lease=60).claim.number == 2
    assert held.claim.end() == {"kind": "done"}


def test_what_was_committed_is_there_and_a_second_commit_changes_nothing(tmp_path):
    held = take(tmp_path, lease=60)
    held.commit("train", {"folder": "train.1"})
    with pytest.raises(OSError, match=r"not empty|exists"):
        held.commit("train", {"folder": "another"})
    assert claims.committed(tmp_path)["train"]["folder"] == "train.1"


def test_a_holder_of_this_machine_that_is_dead_is_succeeded_at_once(tmp_path):
    held = take(tmp_path, lease=3600)
    other_holder(held.claim, pid=2**22 - 3)
    assert held.claim.state() == "dead"
    assert take(tmp_path, lease=60).claim.number == 2


@pytest.mark.parametrize("changes", [{"boot": "another"}, {"namespace": "pid:[1]"}])
def test_one_that_cannot_be_seen_from_here_is_believed_until_its_lease_is_over(tmp_path, changes):
    held = take(tmp_path, lease=60)
    other_holder(held.claim, pid=2**22 - 3, **changes)
    with pytest.raises(TakenError):
        take(tmp_path, lease=60)
    silent_for(held.claim, 61)
    assert held.claim.state() == "expired"
    assert take(tmp_path, lease=60).claim.number == 2


def test_who_was_succeeded_commits_nothing(tmp_path):
    held = take(tmp_path, lease=60)
    silent_for(held.claim, 61)
    successor = take(tmp_path, lease=60)
    with pytest.raises(LostError):
        held.commit("train", {"folder": "train.1"})
    successor.commit("train", {"folder": "train.2"})
    assert claims.committed(tmp_path)["train"] == {"schema": 1, "step": "train", "claim": 2, "folder": "train.2"}


def test_who_slept_past_its_lease_commits_nothing_though_nobody_came(tmp_path, monkeypatch):
    held = take(tmp_path, lease=60)
    now = claims._now()
    monkeypatch.setattr(claims, "_now", lambda: now + 61)
    with pytest.raises(LostError):
        held.commit("train", {"folder": "train.1"})
    assert claims.committed(tmp_path) == {}


def test_one_that_commits_nothing_may_be_late(tmp_path, monkeypatch):
    held = take(tmp_path, lease=60)
    now = claims._now()
    monkeypatch.setattr(claims, "_now", lambda: now + 1000)
    silent_for(held.claim, 1000)
    held.renew()
    assert held.claim.state() == "live"
    claims.close(held.claim)
    monkeypatch.setattr(claims, "_now", lambda: now + 1100)
    with pytest.raises(LostError):
        held.renew()


def test_who_is_succeeded_between_its_last_look_and_the_commit_commits_nothing(tmp_path, monkeypatch):
    """The rename itself finds nothing: no look before it could make that sure."""
    held = take(tmp_path, lease=60)
    monkeypatch.setattr(claims, "sync_folder", lambda _folder: claims.close(held.claim))
    with pytest.raises(LostError):
        held.commit("train", {"folder": "train.1"})
    assert claims.committed(tmp_path) == {}


def test_a_sleeper_that_listed_the_claims_long_ago_takes_nothing(tmp_path, monkeypatch):
    """Others have come and gone under the number that it was about to take."""
    take(tmp_path, lease=60).end({})
    known = claims.numbers_of(tmp_path)
    take(tmp_path, lease=60).end({})
    monkeypatch.setattr(claims, "numbers_of", lambda _folder: known)
    with pytest.raises(TakenError):
        take(tmp_path, lease=60)


@pytest.mark.parametrize("text", ["", "[]", "{", '{"pid": 1}', json.dumps({"host": 1})])
def test_a_damaged_holder_is_none(tmp_path, text):
    held = take(tmp_path, lease=60)
    (held.claim.folder / "holder.json").write_text(text)
    assert held.claim.state() == "dead"
    assert take(tmp_path, lease=60).claim.number == 2


RACER = textwrap.dedent(
    """
    import sys, time
    from pathlib import Path
    from dualano_setup.campaigns.claims import LostError, TakenError, take
    job, wins = Path(sys.argv[1]), 0
    end = time.monotonic() + 1.5
    while time.monotonic() < end:
        try:
            held = take(job, lease=60)
        except TakenError:
            continue
        with open(job / "inside", "x"):
            pass
        (job / "inside").unlink()
        held.end({"kind": "done"})
        wins += 1
    print(wins)
    """
)


def test_many_at_once_never_hold_together(tmp_path):
    command = [sys.executable, "-c", RACER, str(tmp_path)]
    racers = [
        subprocess.Popen(command, env=os.environ | {"PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    wins = [int(racer.communicate(timeout=PATIENCE)[0]) for racer in racers]
    assert [racer.returncode for racer in racers] == [0] * 4
    assert sum(wins) == len(claims.numbers_of(tmp_path)) > 4


def test_a_stopped_process_is_no_sign_of_life(tmp_path):
    source = (
        "import sys,time;from pathlib import Path;from dualano_setup.campaigns.claims import *\n"
        "held=take(Path(sys.argv[1]),lease=1);print('held',flush=True)\n"
        "try:\n    while True: held.beat(); time.sleep(0.05)\n"
        "except LostError: print('lost',flush=True)"
    )
    command = [sys.executable, "-c", source, str(tmp_path)]
    process = subprocess.Popen(command, env=os.environ | {"PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    assert process.stdout.readline() == "held\n"
    process.send_signal(signal.SIGSTOP)
    successor = take(tmp_path, lease=60, wait=PATIENCE)
    process.send_signal(signal.SIGCONT)
    assert process.communicate(timeout=PATIENCE)[0] == "lost\n"
    successor.commit("train", {})
