"""What the benchmarks name in the code is there: they are run seldom, and names change often."""

from importlib import import_module
from operator import attrgetter

import pytest

from benchmarks.profile import PARTS


@pytest.mark.parametrize("place", [place for places in PARTS.values() for place in places])
def test_what_the_profile_measures_exists(place: str) -> None:
    module, _, name = place.partition(":")
    assert callable(attrgetter(name)(import_module(module)))
