"""Pages from templates: every text is escaped, and shows no control characters or bidi marks."""

from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from supasync_core.model.printable import visible


def rendered(template: str, **values: Any) -> str:  # noqa: ANN401 - whatever a page shows
    """The page; a name that the template uses and nobody gave is an error."""
    return _environment().get_template(template).render(**values)


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("supasync_core.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_shown,
    )


def _shown(value: object) -> object:
    """A text as people may see it; what is markup already stays."""
    return value if isinstance(value, Markup) or not isinstance(value, str) else visible(value, "\n")
