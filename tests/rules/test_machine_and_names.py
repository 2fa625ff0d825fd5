"""The machine, the environment's Python, the network, and rules as people name them: limits and words."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dualano_setup.errors import UsageError
from dualano_setup.facts.environment.probe import NO_ENVIRONMENT
from dualano_setup.facts.fact import Absent
from dualano_setup.facts.sheet import Answer, BaseModel, BinaryBuild, Disk, FactSheet, Leak, Network
from dualano_setup.knowledge.catalogue import load
from dualano_setup.knowledge.tables import run_need
from dualano_setup.rules.finding import Finding, Verdict
from dualano_setup.rules.judge import judge
from dualano_setup.rules.registry import RULES
from dualano_setup.rules.rule import Context, Rule
from dualano_setup.rules.selection import chosen_rules, near_ids
from dualano_setup.rules.wording import gib, listing, name_of, nearest, shown
from tests.rules import hand_made as made
from tests.rules.hand_made import GIB, MACHINE, SETTINGS, environment, rows, sheet, statuses


def machine(**changes):
    return sheet(machine=replace(MACHINE, **changes))


def env(**changes):
    return sheet(environment=replace(environment(), **changes))


def spelt(text):
    return "".join(list(text))


# --- SYS


@pytest.mark.parametrize(
    ("system", "status", "wsl"),
    [
        ("Linux", "ok", False),
        ("Windows", "fail", True),
        ("Darwin", "fail", False),
        ("SunOS", "fail", False),
        ("z/OS", "fail", False),
    ],
)
def test_only_linux_and_only_windows_has_wsl(system, status, wsl):
    (row,) = rows("SYS001", machine(system=spelt(system)))
    assert (row.status, "WSL2" in row.cure) == (status, wsl)


@pytest.mark.parametrize(
    ("libc", "status"),
    [("bionic 1.0", "ok"), ("uclibc 1.0", "ok"), ("musl 1.2", "fail"), ("glibc 2.16", "fail"), ("glibc 2.17", "ok")],
)
def test_c_libraries_by_name(libc, status):
    assert statuses("SYS001", machine(libc=spelt(libc))) == [status]


def test_a_machine_of_the_guides_memory_less_a_twentieth_is_enough():
    guide = run_need("ram_guide")
    assert statuses("SYS002", machine(ram_total=int(guide * 0.951))) == ["ok"]
    assert statuses("SYS002", machine(ram_total=int(guide * 0.949))) == ["info"]
    assert statuses("SYS002", machine(ram_total=run_need("ram_gpu"))) == ["info"]
    assert statuses("SYS002", machine(ram_total=run_need("ram_gpu") - 1)) == ["fail"]


def test_the_disk_cure_names_what_has_to_be_freed():
    free = 3 * GIB
    disks = tuple(replace(disk, free=free) for disk in MACHINE.disks)
    (row,) = rows("SYS003", machine(disks=disks))
    need = 10 * run_need("checkpoint")
    assert row.cure.startswith(f"Free {gib(need - free)} on /srv,")
    assert f"{gib(need)} needed" in row.title
    exact = tuple(replace(disk, free=need) for disk in MACHINE.disks)
    assert statuses("SYS003", machine(disks=exact)) == ["ok"]


@pytest.mark.parametrize(("purpose", "seen", "status"), [
    ("temporary", None, "fail"), ("checkpoints", None, "fail"), ("environment", None, "ok"),
    ("environment", Absent("none"), "fail"), ("cache", None, "warn"), ("model", None, "ok"), ("aaa", None, "ok"),
])  # fmt: skip
def test_a_closed_folder_matters_where_something_is_written(purpose, seen, status):
    closed = Disk(spelt(purpose), "/srv/x", "/srv", 2000 * GIB, 900 * GIB, writable=False)
    facts = {"environment": seen} if seen else {}
    found = rows("SYS005", sheet(machine=replace(MACHINE, disks=(closed, *MACHINE.disks)), **facts))
    assert [row.status for row in found] == [status]
    closed_too = replace(closed, purpose="temporary")
    both = rows("SYS005", sheet(machine=replace(MACHINE, disks=(closed, closed_too)), **facts))
    assert "temporary" in [row.subject for row in both]


@pytest.mark.parametrize(("width", "status"), [(32, "ok"), (767, "ok"), (768, "fail"), (1024, "fail"), (None, "fail")])
def test_checkpoints_of_a_miniature_model_take_no_room(width, status):
    disks = tuple(replace(disk, free=3 * GIB) for disk in MACHINE.disks)
    found = BaseModel("/sd", True, cross_attention_dim=width)
    assert statuses("SYS003", sheet(machine=replace(MACHINE, disks=disks), model=found)) == [status]


def test_a_disk_that_was_not_looked_at_is_not_judged():
    assert statuses("SYS003", machine(disks=())) == ["ok"]


@pytest.mark.parametrize(
    ("torch", "libc", "status"), [("2.6", "2.27", "ok"), ("2.7", "2.27", "fail"), ("2.7", "2.28", "ok")]
)
def test_the_torch_release_decides_about_the_c_library(torch, libc, status):
    profile = load("guide-cu118")
    profile = replace(profile, packages={**profile.packages, "torch": torch})
    found = judge(Context(machine(libc=f"glibc {libc}"), SETTINGS, profile), RULES)
    assert [row.status for row in found if row.rule == "SYS001"] == [status]


# --- PY


@pytest.mark.parametrize(
    ("python", "profile", "told"),
    [
        ("3.12.0", "guide-cu118", True),
        ("3.9.1", "guide-cu118", False),
        ("3.15.0", "modern", False),
        ("4.0.0", "guide-cu118", True),
        ("3.9.1", "cpu", False),
        ("3.12", "guide-cu118", True),
    ],
)
def test_the_error_of_python_3_12_is_told_to_those_who_run_the_checkout(python, profile, told):
    (row,) = rows("PY001", env(python=python), profile=profile)
    assert (row.status, "ImpImporter" in row.detail) == ("fail", told)
    assert "uv venv --python" in row.cure
    assert row.cure.endswith("/project/.dualano/env")


@pytest.mark.parametrize(("python", "told"), [("3.11.7", False), ("3.12.0", True)])
def test_python_3_11_still_has_what_3_12_removed(python, told):
    profile = replace(load("guide-cu118"), python=">=3.10,<3.11")
    found = judge(Context(env(python=python), SETTINGS, profile), RULES)
    (row,) = [row for row in found if row.rule == "PY001"]
    assert (row.status, "ImpImporter" in row.detail) == ("fail", told)


def test_the_environment_is_made_where_the_settings_say():
    (row,) = rows("PY001", env(python="3.9.1"), settings=replace(SETTINGS, env=made.SETTINGS.project / "other"))
    assert row.cure.endswith(" /project/other")


def test_no_environment_is_not_told_twice():
    reason = NO_ENVIRONMENT.partition("{")[0] + "/project/env"
    (row,) = rows("PY002", sheet(environment=Absent(reason, "default")))
    assert row.detail.startswith("/project/env; profile guide-cu118 puts ")


@pytest.mark.parametrize(
    ("cuda", "names", "profile", "status", "told"),
    [
        ("11.8", ("libcudart",), "guide-cu118", "warn", "libcudart"),
        ("11.8", ("libnvJitLink",), "guide-cu118", "ok", ""),
        ("12.1", ("libnvJitLink",), "guide-cu118", "warn", "libnvJitLink"),
        ("12", ("libnvJitLink",), "guide-cu118", "warn", "libnvJitLink"),
        ("13.0", ("libnvJitLink", "libcublas"), "guide-cu118", "warn", "libnvJitLink, libcublas"),
        ("11.8", ("libnvJitLink", "libcublas"), "guide-cu118", "warn", "its libcublas are"),
        ("11.8", ("libz",), "guide-cu118", "warn", "libz"),
        (None, ("libcudart",), "guide-cu118", "ok", ""),
        ("11.8", (), "guide-cu118", "ok", ""),
        ("12.1", ("libcudart",), "cpu", "ok", ""),
    ],
)
def test_cuda_libraries_that_the_loader_finds_first(cuda, names, profile, status, told):
    leak = Leak(spelt("library-path"), "/usr/local/cuda/lib64", tuple(spelt(name) for name in names))
    seen = {"torch": BinaryBuild("2.2.0", cuda and spelt(cuda)), "leaks": (leak,)}
    (row,) = rows("PY003", env(**seen), profile=profile)
    assert (row.status, told in row.detail) == (status, True)


def test_every_leak_is_told_with_what_fix_can_close():
    leaks = (Leak("library-path", "/a", ("libcudart",)), Leak("pythonpath", "/b", ("numpy", "unheard-of")))
    found = rows("PY003", env(leaks=leaks))
    assert [(row.status, row.subject, row.repairable) for row in found] == [
        ("warn", "/a", False),
        ("fail", "/b", False),
    ]
    assert "unheard-of" not in found[1].detail
    for kind in ("system-site", "conda-base"):
        (row,) = rows("PY003", env(system_site=True, leaks=(Leak(kind, "/usr/lib"),)))
        assert (row.status, row.repairable, row.subject) == ("warn", True, "/usr/lib")
    (row,) = rows("PY003", env(system_site=True))
    assert row.repairable
    (row,) = rows("PY004", env(problems=("a", "b")))
    assert (row.detail, row.repairable) == ("a; b", True)


# --- NET, SEC


def network(*indexes, hub=None, model=None):
    facts = {"model": model} if model else {}
    return sheet(network=Network(indexes=indexes, hub=hub), **facts)


def test_each_silent_host_is_told_once_and_an_answer_hides_none():
    facts = network(
        Answer("https://good.example/a", True),
        Answer("https://one.example/a", False, "dns"),
        Answer("https://one.example/b", False, "dns"),
        Answer("https://two.example/a", False),
    )
    found = rows("NET001", facts)
    assert [row.subject for row in found] == ["https://one.example/a", "https://two.example/a"]
    assert found[0].title == "one.example does not answer (dns)"
    assert found[0].detail == "asked one.example, and got dns"
    assert found[1].title == "two.example does not answer (no reason given)"
    assert found[1].detail == "asked two.example, and got nothing"
    (row,) = rows("NET001", network(Answer("https://one.example/a", False, "dns", "Name or service not known")))
    assert row.detail == "Name or service not known"


def test_a_spare_index_says_what_stands_in_for_it():
    page = "https://download.pytorch.org/whl/cpu/torch/"
    (row,) = rows("NET001", network(Answer(page, False, "timeout")), profile="cpu")
    assert "the default index serves those packages instead" in row.detail
    (row,) = rows("NET001", network(Answer("https://index.example/simple", False, "timeout")), profile="cpu")
    assert (row.status, "instead" in row.detail) == ("fail", False)
    required = [index.url for index in load("guide-cu118").indexes if index.url and index.required]
    (row,) = rows("NET001", network(Answer(required[0], False, "timeout")))
    assert (row.status, "instead" in row.detail) == ("fail", False)


def test_the_hub_by_its_answer_and_the_model():
    silent = Answer("https://hub.example", False)
    (row,) = rows("NET002", network(hub=silent, model=Absent("none")))
    assert (row.status, "(no reason given)" in row.title, row.detail) == (
        "fail",
        True,
        "asked hub.example, and got nothing",
    )
    (row,) = rows("NET002", network(hub=replace(silent, failure="dns"), model=Absent("none")))
    assert "(dns)" in row.title
    assert statuses("NET002", network(hub=replace(silent, ok=True), model=Absent("none"))) == ["ok"]
    assert statuses("NET002", network(hub=silent, model=BaseModel("/sd", False))) == ["fail"]
    assert statuses("NET002", network(model=Absent("none"))) == ["ok"]


def test_three_pickles_are_named_and_the_rest_counted():
    names = tuple(f"{letter}.bin" for letter in "abcde")
    (row,) = rows("SEC001", sheet(model=BaseModel("/sd", True, pickled=names)))
    assert "a.bin, b.bin, c.bin and 2 more" in row.title
    assert statuses("SEC001", sheet(model=BaseModel("/sd", False, pickled=names))) == ["ok"]


# --- rules by name


def test_ids_and_families_separated_by_commas_and_blanks():
    assert chosen_rules("sys001, PKG004", "--only") == {"SYS001", "PKG004"}
    assert chosen_rules("SEC net", "--only") == {"SEC001", "NET001", "NET002"}
    assert chosen_rules("", "--only") == frozenset()


@pytest.mark.parametrize(
    ("name", "near", "far"),
    [("PKG04", "PKG004", "SYS001"), ("PKG999", "PKG001", "GPU001"), ("banana", "ACC, DATA, GPU", "PKG001")],
)
def test_an_unknown_name_is_refused_with_what_is_near(name, near, far):
    with pytest.raises(UsageError) as refusal:
        chosen_rules(f"SYS001,{name}", "--only")
    said = str(refusal.value)
    assert said.startswith(f"--only: {name.upper()} is no rule")
    assert near in said
    assert far not in said


def test_at_most_six_ids_are_near():
    assert near_ids("pkg") == [f"PKG{number:03}" for number in range(1, 7)]
    assert near_ids("banana") == []
    assert len(near_ids("PKG01")) == 6
    assert near_ids("SRC08")[0] == "SRC008"
    assert not set(near_ids("SRC08")) & {"PKG001", "GPU001"}
    assert near_ids("NET") == ["NET001", "NET002"]


# --- the judge


def test_a_rule_that_crashes_costs_only_its_own_row():
    def crash(context):
        raise ValueError("seven")

    def well(context):
        return ()

    context = Context(FactSheet(), SETTINGS, load("cpu"))
    found = judge(context, (Rule("A001", "a", crash), Rule("A002", "b", well)))
    assert [(row.rule, row.status) for row in found] == [("A001", "unknown"), ("A002", "ok")]
    assert "ValueError: seven" in found[0].detail


@pytest.mark.parametrize(
    ("status", "cause", "expected"),
    [
        ("fail", None, "skip"),
        ("skip", "Z001", "skip"),
        ("skip", None, "ok"),
        ("ok", "Z001", "ok"),
        ("info", "Z001", "ok"),
        ("warn", "Z001", "ok"),
        ("warn", None, "ok"),
        ("unknown", "Z001", "ok"),
    ],
)
def test_only_a_failed_or_waiting_rule_holds_up_the_next(status, cause, expected):
    first = Rule("A001", "a", lambda context: (Verdict(spelt(status), "a", caused_by=cause),))
    second = Rule("A002", "b", lambda context: (), after=("A001",))
    context = Context(FactSheet(), SETTINGS, load("cpu"))
    (row,) = [row for row in judge(context, (first, second)) if row.rule == "A002"]
    assert (row.status, row.caused_by) == (expected, "A001" if expected == "skip" else None)


def test_a_finding_is_not_repairable_unless_it_says_so():
    assert not Finding("A001", "warn", "a").repairable


@pytest.mark.parametrize("of_rule", [True, False])
@pytest.mark.parametrize(
    ("status", "said", "expected"),
    [
        ("fail", None, "the rule's"),
        ("warn", None, "the rule's"),
        ("fail", False, False),
        ("warn", True, True),
        ("info", None, False),
        ("unknown", None, False),
        ("skip", None, False),
    ],
)
def test_the_judge_binds_id_title_and_repairability(of_rule, status, said, expected):
    verdicts = (Verdict(spelt(status), "seen", repairable=said), Verdict(spelt(status), "seen", title="its own"))
    rule = Rule("A001", "the rule's", lambda context: verdicts, repairable=of_rule)
    first, second = judge(Context(FactSheet(), SETTINGS, load("cpu")), (rule,))
    assert (first.rule, first.title, second.title) == ("A001", "the rule's", "its own")
    assert first.repairable == (of_rule if expected == "the rule's" else expected)


# --- words


def test_listings_and_near_names():
    assert listing("abcdef") == "a, b, c, d, e, f"
    assert listing("abcdefgh") == "a, b, c, d, e, f and 2 more"
    assert listing("abc", 2) == "a, b and 1 more"
    assert nearest("Screww", ("bottle", "Screw", "screws")) == "; did you mean `Screw`?"
    assert nearest("banana", ("bottle", "screw")) == ""
    assert nearest("abcxyz", ("abcdef",)) == ""  # half alike is not alike
    assert nearest("abcdxy", ("abcdef",)) == "; did you mean `abcdef`?"
    assert name_of("/a/b\nc.png") == "b\\nc.png"
    assert shown("a\udcff\x1b") == "a\\udcff\\x1b"
