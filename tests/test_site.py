"""The site that `make docs` builds: every link leads somewhere, and nothing is loaded from elsewhere."""

import re
from pathlib import Path

import pytest

from docs.site import main


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::PendingDeprecationWarning")
def test_the_site_is_whole_and_works_from_a_file_system(tmp_path: Path) -> None:
    main(tmp_path / "site")  # strict: any broken link or anchor ends it
    pages = {page.relative_to(tmp_path / "site").as_posix() for page in tmp_path.rglob("*.html")}
    assert {"index.html", "docs/how-to/move-again.html", "docs/reference/cli.html"} <= pages
    page = (tmp_path / "site/docs/tutorial/first-sync.html").read_text("utf-8")
    loaded = re.findall(r'<(?:script|link|img)[^>]*?(?:src|href)="([^"]+)"', page)
    assert [each for each in loaded if each.startswith(("http:", "https:", "//", "/"))] == []
    missing = [
        each for each in loaded if not (tmp_path / "site/docs/tutorial" / each.partition("?")[0]).exists()
    ]
    assert missing == []
