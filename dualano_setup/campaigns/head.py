"""The head of a campaign: a plain loop that hands jobs to an executor, looks what became of them, and decides.

Everything it knows is on disk. Killed, it leaves supervisors that finish the job at hand; the next head finds them by
their claims and goes on. Two heads at once are one too many: the claim on the campaign is as the jobs'.
"""

from __future__ import annotations

import shutil
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from ..errors import WorkError
from ..language import _
from . import claims
from .claims import Held
from .executors.orders import Executor, Order
from .leftovers import end_stalled
from .plan import Plan
from .retries import Decision, decide
from .state import ASIDE, DONE, LEFT_OUT, RUNNING, WAITING, is_ready, state_of
from .store import STOP_FILE, JobView, look

TICK, LEAST_ROOM, MISFIRES = 0.2, 64 << 20, 3
_AFTER_REFUSAL = 15.0
_SLOW = 5.0  # seconds between two questions to a batch system


@dataclass(slots=True)
class Standing:
    """What the head remembers of a job between two looks."""

    view: JobView
    decision: Decision
    state: str = WAITING
    ready_at: float = 0.0
    out: bool = False  # given to the executor, or found running
    claim_before: int = 0
    misfires: int = 0


Tell = Callable[[str, Standing], None]


class Head:
    """Runs a campaign until every job is done or set aside, or it is stopped."""

    def __init__(self, root: Path, plan: Plan, executor: Executor, held: Held, tell: Tell) -> None:
        """`tell(job, standing)` is called whenever a job's state has changed."""
        self.root, self.plan, self.executor, self.held, self.tell = root, plan, executor, held, tell
        self.partial = bool(plan.how.get("partial"))
        self.jobs = {job.id: Standing(look(root, job), Decision()) for job in plan.jobs}
        self.members: dict[str, list[str]] = {}
        self.note = ""  # why nothing is started at the moment
        self._at: dict[str, str] = {}  # by job, the place that it takes
        self._asked = 0.0
        self._looked = 0.0
        for job in plan.jobs:
            for need in job.needs:
                self.members.setdefault(need, []).append(job.id)
        known = self._known_to_executor()
        for name, standing in self.jobs.items():
            self._judge(name)
            standing.out = standing.state == RUNNING or (name in known and standing.state == WAITING)

    @property
    def over(self) -> bool:
        """Whether nothing runs and nothing is left to start."""
        return not any(standing.out or standing.state == WAITING for standing in self.jobs.values())

    @property
    def out(self) -> list[str]:
        """The jobs that are with the executor."""
        return [name for name, standing in self.jobs.items() if standing.out]

    def tick(self) -> None:
        """One round: what has ended, what may start. Raises LostError when another head has taken over."""
        self.held.renew()
        out = self.out
        if out and (self.executor.places is not None or time.monotonic() - self._asked > _SLOW):
            self._asked = time.monotonic()
            self._reap(out)
        if self.executor.places is None or len(out) < len(self.executor.places):
            self._fill()

    def stop_asked(self) -> bool:
        """Whether somebody asked the campaign to stop."""
        return (self.root / STOP_FILE).exists()

    def reap_all(self) -> None:
        """Looks at everything that is out."""
        self._reap(self.out)

    def _reap(self, out: list[str]) -> None:
        try:
            alive = self.executor.poll()
        except WorkError as error:  # a daemon that is being restarted: nothing is known, nothing is concluded
            self.note = str(error)
            return
        look_closely = time.monotonic() - self._looked > 1.0
        if look_closely:
            self._looked = time.monotonic()
        for name in out:
            standing = self.jobs[name]
            if name in alive and not look_closely:
                continue
            claim = claims.newest(self.root / "jobs" / name)
            state = claim.state() if claim else ""
            if state == "expired" and claim is not None:
                self._end_silent(name, claim)
                if self.executor.places is None and name in alive:
                    continue  # the batch system's to end or to start again
            elif name in alive or state == "live":
                if look_closely and state == "live" and standing.state != RUNNING:
                    self._judge(name)
                continue
            self._ended(name)

    def _end_silent(self, name: str, claim: claims.Claim) -> None:
        """Its lease ran out: whoever it is commits nothing any more, and is ended where that can be done."""
        holder = claim.holder()
        claims.close(claim)
        if holder is not None and holder.is_here:
            end_stalled(self.root / "jobs" / name)
        else:
            self.executor.cancel([name])

    def _ended(self, name: str) -> None:
        standing = self.jobs[name]
        standing.out = False
        self._at.pop(name, None)
        if (claim := standing.view.claim) and claim.state() == "dead":
            claims.close(claim)
        self._judge(name)
        last = (claims.numbers_of(self.root / "jobs" / name) or [0])[-1]
        if last <= standing.claim_before and standing.state not in (DONE, RUNNING):
            standing.misfires += 1
            standing.ready_at = time.monotonic() + min(60.0, 2.0**standing.misfires)
            if standing.misfires >= MISFIRES:
                why = self._why_not_started(name)
                standing.state, standing.decision = ASIDE, Decision(why)
                self.tell(name, standing)
        elif standing.state == RUNNING:
            standing.out = True
        else:
            standing.misfires = 0
            standing.ready_at = time.monotonic() + standing.decision.pause
        for other in self.members.get(name, ()):
            self._judge(other)
        for need in standing.view.job.needs:  # a result that was gone has been taken back
            self._judge(need)

    def _why_not_started(self, name: str) -> str:
        from ..explain.last_error import read_end

        lines = [line for line in read_end(self.executor.logs(name)).splitlines() if line.strip()]
        reason = getattr(self.executor, "reason", lambda _job: "")(name)
        words = " ".join(filter(None, (reason, lines[-1] if lines else "")))
        return _("its supervisor could not be started: {words}", words=words or _("it said nothing"))

    def _judge(self, name: str) -> None:
        standing = self.jobs[name]
        standing.view = look(self.root, standing.view.job)
        standing.decision = decide(standing.view.ends, self.plan)
        needs = {need: self.jobs[need].state for need in standing.view.job.needs}
        state = state_of(standing.view, standing.decision, needs, partial=self.partial)
        if state == DONE:  # of a thousand jobs only the names of their steps are kept
            standing.view = replace(standing.view, commits={key: {} for key in standing.view.commits})
        if state != standing.state:
            standing.state = state
            self.tell(name, standing)

    def _fill(self) -> None:
        now = time.monotonic()
        ready = [name for name in self.jobs if self._may_start(name, now)]
        orders = self._orders(ready)
        for order in orders:
            standing = self.jobs[order.job]
            standing.out = True
            standing.claim_before = standing.view.claim.number if standing.view.claim else 0
        if not orders:
            return
        try:
            self.executor.submit(orders)
            self.note = ""
        except (WorkError, OSError) as error:
            self.note = str(error)
            begun = self._known_to_executor()
            for order in orders:
                if order.job not in begun:
                    self._at.pop(order.job, None)
                    self.jobs[order.job].out = False
                    self.jobs[order.job].ready_at = now + _AFTER_REFUSAL

    def _known_to_executor(self) -> set[str]:
        try:
            return self.executor.poll()
        except WorkError:
            return set()

    def _may_start(self, name: str, now: float) -> bool:
        standing = self.jobs[name]
        if standing.out or standing.state != WAITING or standing.ready_at > now:
            return False
        needs = {need: self.jobs[need].state for need in standing.view.job.needs}
        if not is_ready(standing.view, needs, partial=self.partial):
            return False
        room = shutil.disk_usage(self.root).free
        wanted = max(LEAST_ROOM, _size(self.root / "jobs" / name)) if standing.decision.waits_for_room else 1 << 20
        if room < wanted:
            self.note = _("the disk is full: {free} MB free, {wanted} MB are waited for", free=room >> 20,
                          wanted=wanted >> 20)  # fmt: skip
            standing.ready_at = now + 2.0
            return False
        return True

    def _orders(self, ready: list[str]) -> list[Order]:
        places = self.executor.places
        if places is None:
            return [Order(name, avoid=self._hosts_to_avoid(name)) for name in ready]
        taken = {place for name in self.out for place in (self._place_of(name),)}
        orders: list[Order] = []
        free = [place for place in places if place not in taken]
        for name in ready:
            if not free:
                break
            avoid = self.jobs[name].decision.avoid
            fitting = [place for place in free if not any(_is_at(place, at) for at in avoid)]
            if not fitting and len(places) > len(avoid):
                continue  # somewhere else is only busy
            place = (fitting or free)[0]
            free.remove(place)
            self._at[name] = place
            orders.append(Order(name, place))
        return orders

    def _place_of(self, name: str) -> str:
        """The executor's place that a job takes: as ordered here, or for one found running, by its holder."""
        if name in self._at:
            return self._at[name]
        claim = self.jobs[name].view.claim
        holder = claim.holder() if claim else None
        if holder is None:
            return ""
        places = self.executor.places or ()
        near = [place for place in places if place == holder.ticket or _is_at(place, holder.place)]
        taken = set(self._at.values())
        found = next((place for place in near or places if place not in taken), "")
        self._at[name] = found
        return found

    def _hosts_to_avoid(self, name: str) -> tuple[str, ...]:
        hosts = {at.partition(":")[0] for at in self.jobs[name].decision.avoid}
        return tuple(sorted(hosts))

    def finished(self) -> bool:
        """Whether every job that can work is done."""
        return all(standing.state in (DONE, LEFT_OUT) for standing in self.jobs.values())


def _is_at(place: str, at: str) -> bool:
    """Whether an executor's place is the one that a failure was at: "gpu-0" or "box:0" and "box:0"."""
    host, __, gpu = at.partition(":")
    if place.startswith("gpu-"):
        return host == socket.gethostname() and place == f"gpu-{gpu}"
    return place == at


def _size(folder: Path) -> int:
    """Bytes of the files below a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) if folder.is_dir() else 0
