"""The light dataclasses against the standard library's own."""

from __future__ import annotations

import copy
import dataclasses
import pickle
import subprocess
import sys

import pytest

from dualano_setup import light_dataclasses as light


@light.dataclass(frozen=True, slots=True)
class Light:
    """A record of ours."""

    name: str
    size: int = 3
    parts: dict[str, int] = light.field(default_factory=dict)

    @property
    def doubled(self) -> int:
        """A method may stand beside the fields."""
        return 2 * self.size


@dataclasses.dataclass(frozen=True)
class Standard:
    """The same record of the standard library's."""

    name: str
    size: int = 3
    parts: dict[str, int] = dataclasses.field(default_factory=dict)


@light.dataclass(frozen=True, slots=True)
class Longer(Light):
    """Fields of its own after the inherited ones."""

    extra: str = ""


@pytest.mark.parametrize(
    ("values", "named"),
    [(("a",), {}), (("a", 4), {}), (("a",), {"size": 5}), ((), {"name": "a", "parts": {"b": 1}}), (("a", 1, {}), {})],
)
def test_makes_what_the_standard_library_makes(values: tuple[object, ...], named: dict[str, object]) -> None:
    ours, theirs = Light(*values, **named), Standard(*values, **named)  # type: ignore[arg-type]
    assert dataclasses.asdict(ours) == dataclasses.asdict(theirs)
    assert repr(ours) == repr(theirs).replace("Standard", "Light")
    assert ours == Light(*values, **named)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("values", "named"), [((), {}), (("a", 1, {}, 9), {}), (("a",), {"name": "b"}), (("a",), {"nonsense": 1})]
)
def test_refuses_what_the_standard_library_refuses(values: tuple[object, ...], named: dict[str, object]) -> None:
    for kind in (Light, Standard):
        with pytest.raises(TypeError):
            kind(*values, **named)  # type: ignore[arg-type]


def test_objects_do_not_share_a_made_default() -> None:
    first, second = Light("a"), Light("a")
    first.parts["x"] = 1
    assert second.parts == {}


def test_frozen() -> None:
    record = Light("a")
    with pytest.raises(dataclasses.FrozenInstanceError):
        record.size = 4  # type: ignore[misc]
    with pytest.raises(dataclasses.FrozenInstanceError):
        del record.name
    assert record.size == 3


def test_the_standard_library_takes_them_for_its_own() -> None:
    record = Light("a", 4)
    assert dataclasses.is_dataclass(record)
    assert [f.name for f in dataclasses.fields(record)] == ["name", "size", "parts"] == list(light.fields(record))
    assert dataclasses.replace(record, size=5) == light.replace(record, size=5) == Light("a", 5)
    with pytest.raises(TypeError):
        light.replace(record, nonsense=1)  # type: ignore[call-arg]


def test_equality_hash_copy_and_inheritance() -> None:
    assert Light("a") != Longer("a")
    assert Light("a") != Standard("a")  # type: ignore[comparison-overlap]
    assert Longer("a", extra="b") == Longer("a", 3, {}, "b")
    assert Longer("a").doubled == 6
    assert pickle.loads(pickle.dumps(Light("a", 9))) == copy.deepcopy(Light("a", 9)) == Light("a", 9)

    @light.dataclass(frozen=True, slots=True)
    class Pair:
        left: int
        right: int = 0

    assert hash(Pair(1)) == hash(Pair(1, 0))
    assert len({Pair(1), Pair(1, 0), Pair(2)}) == 2
    match Pair(1, 2):
        case Pair(left, right):
            assert (left, right) == (1, 2)


def test_a_check_never_loads_the_standard_ones() -> None:
    code = "import sys; import dualano_setup.check, dualano_setup.report.terminal; print('dataclasses' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_a_name_that_only_type_checkers_import_does_not_stop_the_standard_library():
    @light.dataclass(frozen=True, slots=True)
    class Typed:
        value: NameOfTypeCheckers  # noqa: F821

    assert dataclasses.replace(Typed("old"), value="new") == Typed("new")
