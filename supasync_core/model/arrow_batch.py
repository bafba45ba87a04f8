"""A batch of rows that are handed over by column: as an Arrow stream of the text of each cell.

Whoever reads Arrow through its C interface (`__arrow_c_stream__` of the PyCapsule interface) takes it, and no
row is printed or split. To everybody else it is a batch like any other: its JSON is made when somebody looks
at it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from supasync_core.model.batch import Batch


@dataclass(frozen=True)
class ArrowBatch(Batch):
    """Rows whose cells can be had as raw JSON texts; each has a key of plain values, and no key comes twice.

    ``stream`` gives, for the columns that are asked for, an object with ``__arrow_c_stream__``: strings
    ``c0 ...``, NULL for a cell that is; the same rows each time. ``json`` gives the batch's body. ``held`` is
    the number of rows, ``weight`` about the bytes of their cells.
    """

    body: bytes = field(init=False, repr=False, compare=False)
    exact: Mapping[int, Mapping[str, str]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )
    stream: Callable[[Sequence[str]], object] = field(kw_only=True, repr=False)
    json: Callable[[], bytes] = field(kw_only=True, repr=False)
    names: tuple[str, ...] = field(kw_only=True)
    held: int = field(kw_only=True)
    weight: int = field(kw_only=True)

    def __getattr__(self, name: str) -> bytes:
        """The JSON, made once."""
        if name != "body":
            raise AttributeError(name)
        return self._body

    @cached_property
    def _body(self) -> bytes:
        return self.json()

    @property
    def size(self) -> int:
        """Bytes that it holds."""
        return self.weight

    @property
    def count(self) -> int:
        """How many rows the batch holds."""
        return self.held

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of the batch, in the source's order; empty without rows."""
        return self.names if self.held else ()
