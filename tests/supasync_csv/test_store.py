"""The state store `csv`: a file that is whole or absent, and left alone when it is neither."""

from dataclasses import replace
from pathlib import Path

import pytest

from supasync_core.api.file_journal import NAME
from supasync_core.api.state_store import Claim
from supasync_core.model.errors import StateError
from supasync_csv.store import CsvStore

CLAIM = Claim(holder="one", source="somewhere", command="setup", lease=60, baseline=True)


@pytest.mark.parametrize("content", ["", "[", "{}", '[{"run_id": 1}]', "\0"])
def test_a_damaged_state_is_named_and_left_alone(tmp_path: Path, content: str) -> None:
    """A cursor is never guessed."""
    path = tmp_path / NAME
    path.write_text(content, encoding="utf-8")
    for attempt in (lambda: CsvStore(tmp_path).begin(CLAIM), lambda: CsvStore(tmp_path).past(1)):
        with pytest.raises(StateError, match="damaged") as refused:
            attempt()
        assert str(path) in str(refused.value)
    assert path.read_text(encoding="utf-8") == content


def test_the_state_is_for_its_owner_alone(tmp_path: Path) -> None:
    """The folder too, where the store creates it."""
    CsvStore(tmp_path / "new").begin(CLAIM)
    assert (tmp_path / "new" / NAME).stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o700


def test_looking_creates_nothing(tmp_path: Path) -> None:
    """Not even the folder."""
    assert CsvStore(tmp_path / "new").past(1).state is None
    assert not (tmp_path / "new").exists()


def test_a_single_file_has_its_state_beside_it(tmp_path: Path) -> None:
    """In its folder."""
    CsvStore(tmp_path / "jobs.csv").begin(replace(CLAIM))
    assert (tmp_path / NAME).exists()
