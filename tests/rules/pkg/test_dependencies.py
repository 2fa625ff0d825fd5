import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.markers import Marker

from dualano_setup.rules.pkg.dependencies import contradictions, marker_holds, marker_values, parse
from tests.rules.hand_made import dist


def unmet(*distributions, python="3.10.13"):
    return [(c.distribution.name, c.need.name, c.have) for c in contradictions(distributions, python)]


def test_met_and_unmet_needs():
    assert unmet(dist("a", "1.0", "b>=1", "c"), dist("b", "1.5"), dist("c", "0.1")) == []
    assert unmet(dist("a", "1.0", "b>=2"), dist("b", "1.5")) == [("a", "b", "1.5")]
    assert unmet(dist("a", "1.0", "b")) == [("a", "b", None)]


def test_names_are_compared_as_pep_503_writes_them():
    assert unmet(dist("a", "1.0", "Ruamel.YAML >= 0.18"), dist("ruamel-yaml", "0.18.6")) == []


def test_markers_are_the_environments_not_ours():
    line = 'tomli>=1; python_version < "3.11"'
    assert unmet(dist("a", "1.0", line), python="3.10.13") == [("a", "tomli", None)]
    assert unmet(dist("a", "1.0", line), python="3.11.7") == []
    assert unmet(dist("a", "1.0", 'pywin32; sys_platform == "win32"')) == []


def test_extras_count_only_when_somebody_asks_for_them():
    owner = dist("b", "1.0", 'numpy; extra == "fast"')
    assert unmet(dist("a", "1.0", "b"), owner) == []
    assert unmet(dist("a", "1.0", "b[fast]"), owner) == [("b", "numpy", None)]
    assert unmet(dist("a", "1.0", 'b[fast]; python_version < "3"'), owner) == []


def test_old_brackets_urls_and_rubbish():
    assert unmet(dist("a", "1.0", "b (>=1.0,<2)"), dist("b", "1.5")) == []
    assert unmet(dist("a", "1.0", "b (>=2)"), dist("b", "1.5")) == [("a", "b", "1.5")]
    assert unmet(dist("a", "1.0", "b @ https://example.org/b.whl"), dist("b", "1.5")) == []
    assert unmet(dist("a", "1.0", "torch (>=1.7.*)", "%%%"), dist("torch", "1.0")) == []


def test_parse():
    need = parse('Foo_Bar[x, Y.z] (>=1.0) ; python_version < "3.9" and extra == "q"')
    assert (need.name, need.extras, need.specifier) == ("foo-bar", ("x", "y-z"), ">=1.0")
    assert need.marker == 'python_version < "3.9" and extra == "q"'
    with pytest.raises(ValueError, match="not a requirement"):
        parse("%%%")


comparison = st.one_of(
    st.builds(
        "python_version {} '3.{}'".format, st.sampled_from(("<", "<=", "==", "!=", ">=", ">")), st.integers(6, 14)
    ),
    st.builds(
        "python_full_version {} '3.{}.{}'".format,
        st.sampled_from(("<", ">=", ">")),
        st.integers(9, 12),
        st.integers(0, 9),
    ),
    st.builds("sys_platform {} '{}'".format, st.sampled_from(("==", "!=")), st.sampled_from(("linux", "win32"))),
    st.builds("platform_machine == '{}'".format, st.sampled_from(("x86_64", "aarch64"))),
    st.builds("extra == '{}'".format, st.sampled_from(("dev", "fast"))),
    st.builds("(os_name == '{}' or extra == 'dev')".format, st.sampled_from(("posix", "nt"))),
)
marker = st.recursive(
    comparison, lambda inner: st.builds("{} {} {}".format, inner, st.sampled_from(("and", "or")), inner), max_leaves=5
)


@settings(max_examples=500, deadline=None)
@given(
    marker,
    st.sampled_from(("3.8.10", "3.10.13", "3.11.0", "3.13.1")),
    st.sampled_from((frozenset(), frozenset({"dev"}))),
)
def test_markers_hold_as_packaging_says(text, python, extras):
    values = marker_values(python)
    expected = any(Marker(text).evaluate({**values, "extra": extra}) for extra in extras | {""})
    assert marker_holds(text, values, extras) == expected
