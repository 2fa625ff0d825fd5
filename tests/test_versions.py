import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.specifiers import SpecifierSet

from dualano_setup.versions import minor, numbers, satisfies

number = st.integers(min_value=0, max_value=12).map(str)
release = st.lists(number, min_size=1, max_size=4).map(".".join)
version = st.builds(
    "".join,
    st.tuples(
        release,
        st.sampled_from(("", "", "", "rc1", ".post1", ".dev3", "a2")),
        st.sampled_from(("", "", "+cu118", "+cpu")),
    ),
)
clause = st.one_of(
    st.builds("{}{}".format, st.sampled_from((">=", "<=", "<", ">", "==", "!=")), release),
    st.builds("{}{}.*".format, st.sampled_from(("==", "!=")), release),
    st.builds("~={}.{}".format, number, release),
    st.builds("{}{}rc1".format, st.sampled_from((">=", "<")), release),
    st.builds("=={}+cu118".format, release),
)


@settings(max_examples=2000, deadline=None)
@given(version, st.lists(clause, min_size=0, max_size=3).map(",".join))
def test_satisfies_answers_as_packaging_does(candidate, specifier):
    assert satisfies(candidate, specifier) == SpecifierSet(specifier).contains(candidate, prereleases=True)


def test_local_parts_count_only_where_they_are_asked_for():
    assert satisfies("2.2.0+cu118", "==2.2.0")
    assert satisfies("2.2.0+cu118", "==2.2.0+cu118")
    assert not satisfies("2.2.0", "==2.2.0+cu118")
    assert not satisfies("2.2.0+cu118", ">2.2.0")


def test_spaces_and_empty_specifiers():
    assert satisfies("1.5", " >= 1.0 , < 2 ")
    assert satisfies("1.5", "")


@pytest.mark.parametrize(
    ("version_", "specifier"),
    [("not-a-version", ">=1"), ("1.0", ">="), ("1.0", ">=1.*"), ("1.0", "~=1"), ("1.0", "~=1.0.*"), ("1.0", "rubbish")],
)
def test_what_pep_440_does_not_know_is_a_value_error(version_, specifier):
    with pytest.raises(ValueError):  # noqa: PT011
        satisfies(version_, specifier)


def test_numbers_and_minor():
    assert numbers("535.183.01") == (535, 183, 1)
    assert numbers("2.2.0+cu118") == (2, 2, 0)
    assert minor("3.10.13") == "3.10"
    with pytest.raises(ValueError, match="does not begin"):
        numbers("cu118")
