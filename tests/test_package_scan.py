"""The plugins of supasync alone are found in its folder; those of others by Python's own search."""

import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from supasync_core.api.installed import GROUP, installed, origin_of, own_version, package_of
from supasync_core.system.package_scan import only_package

OURS = "[console_scripts]\nx = y:main\n\n[supasync]\nb = mod_b\na = mod_a\n\n[other]\nc = d\n"


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder of packages, beside one that is not there."""
    monkeypatch.setattr(sys, "path", [str(tmp_path), str(tmp_path / "none")])
    return tmp_path


def put(site: Path, folder: str, points: str | None) -> None:
    (site / folder).mkdir()
    if points is not None:
        (site / folder / "entry_points.txt").write_text(points, "utf-8")


def test_what_is_found_is_what_python_finds() -> None:
    points, damaged = installed()
    mine = [point for point in entry_points(group=GROUP) if point.dist and point.dist.name == "supasync"]
    assert [(each.name, each.value) for each in points][: len(mine)] == sorted(
        (each.name, each.value) for each in mine
    )
    assert damaged == []
    assert package_of(points[0]) == "supasync"
    assert origin_of(points[0]) == f"supasync {own_version()}"


def test_one_package_is_found_among_others_without_plugins(site: Path) -> None:
    put(site, "supasync-1.2.dist-info", OURS)
    put(site, "other-3.dist-info", "[console_scripts]\nz = z:main\n")
    put(site, "bare-3.dist-info", None)
    assert only_package(GROUP) == ("supasync", "1.2", (("b", "mod_b"), ("a", "mod_a")))


@pytest.mark.parametrize(
    ("folder", "points"),
    [
        ("second-1.dist-info", "[supasync]\nmine = mine\n"),
        ("supasync-1.1.dist-info", OURS),
        ("second-1.egg-info", "[supasync]\nmine = mine\n"),
        ("second.egg", None),
        ("second-1.dist-info", "[supasync]\nno value\n"),
        ("second-1.dist-info", "[supasync]\nmine = mine:function\n"),
    ],
)
def test_anything_unusual_is_left_to_pythons_own_search(site: Path, folder: str, points: str | None) -> None:
    put(site, "supasync-1.2.dist-info", OURS)
    put(site, folder, points)
    assert only_package(GROUP) is None


def test_a_file_that_is_not_text_is_left_to_pythons_own_search(site: Path) -> None:
    put(site, "supasync-1.2.dist-info", OURS)
    put(site, "bad-1.dist-info", None)
    (site / "bad-1.dist-info" / "entry_points.txt").write_bytes(b"[supasync]\n\xff = x\n")
    assert only_package(GROUP) is None


def test_packages_in_an_archive_are_left_to_pythons_own_search(
    site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(site, "supasync-1.2.dist-info", OURS)
    (site / "more.zip").write_bytes(b"PK")
    monkeypatch.setattr(sys, "path", [*sys.path, str(site / "more.zip")])
    assert only_package(GROUP) is None
