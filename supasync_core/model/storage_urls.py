"""URLs of a project's Storage in rows: counted and replaced in their text, which is not decoded."""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Final
from urllib.parse import quote, urlsplit

from supasync_core.model.batch import Batch
from supasync_core.model.copy_batch import CopyBatch
from supasync_core.model.raw_columns import raw_columns

_SLASH: Final = r"(?:\\{0,15}/|%2[Ff])"
"""As it stands, escaped in JSON, in JSON within JSON four deep, or as the part of another URL."""
_COLON: Final = r"(?::|%3[Aa])"
_PATH: Final = f"{_SLASH}storage{_SLASH}v1{_SLASH}"
_QUICK: Final = b"storage"
"""What each of them has in small letters: hosts are the same in any."""
_OF_SUPABASE: Final = re.compile(r"([a-z]{20})\.supabase\.co\Z")


@dataclass(frozen=True)
class StorageUrls:
    """Those that begin with ``address``, which is a project's own, without a path behind it.

    A project of Supabase serves its files by a host of its own, too: ``ref.storage.supabase.co``.
    """

    address: str

    @cached_property
    def _hosts(self) -> tuple[str, ...]:
        host = urlsplit(self.address).netloc
        hosted = _OF_SUPABASE.fullmatch(host)
        return (host, f"{hosted[1]}.storage.supabase.co") if hosted else (host,)

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        hosts = "|".join(re.escape(host).replace(":", _COLON) for host in self._hosts)
        path = "".join(_SLASH + re.escape(part) for part in _parts(self.address))
        return re.compile(
            f"(?:(?P<scheme>(?i:https?))(?P<colon>{_COLON}))?"
            f"(?P<slash>{_SLASH}){_SLASH}(?i:{hosts}){path}(?={_PATH})"
        )

    @cached_property
    def _bytes(self) -> re.Pattern[bytes]:
        return re.compile(self._pattern.pattern.encode())

    def counts(self, batch: Batch) -> Counter[str]:
        """By column, how many rows of the batch hold one; a batch that holds none is only passed over."""
        if isinstance(batch, CopyBatch):
            if not self._held(b"".join(batch.lines)):  # one look at all lines costs less than one at each
                return Counter()
            lines = [line for line in batch.lines if self._held(line)]
            cells = ((line.rstrip(b"\n").split(b"\t")) for line in lines)
            return self._counted(zip(batch.columns, each, strict=True) for each in cells)
        if not self._held(batch.body):
            return Counter()
        texts = raw_columns(batch).texts
        return self._counted(((name, bytes(cell)) for cell in cells) for name, cells in texts.items())

    def _held(self, text: bytes) -> bool:
        """Whether it may hold one: a quick look."""
        return _QUICK in text and self._bytes.search(text) is not None

    def _counted(self, cells: Iterable[Iterable[tuple[str, bytes]]]) -> Counter[str]:
        found: Counter[str] = Counter()
        for each in cells:
            found.update(name for name, text in each if self._held(text))
        return found

    def replaced(self, text: str, address: str) -> str:
        """The text with those of another address in their place, written as they were."""
        scheme, host = urlsplit(address).scheme, urlsplit(address).netloc

        def other(match: re.Match[str]) -> str:
            slash = match["slash"]
            inside = slash.startswith("%")
            head = f"{scheme}{match['colon']}" if match["scheme"] else ""
            parts = [quote(part, safe="") if inside else part for part in (host, *_parts(address))]
            return head + slash * 2 + slash.join(parts)

        return self._pattern.sub(other, text)


def _parts(address: str) -> list[str]:
    """The path that a project of one's own server may have."""
    return [part for part in urlsplit(address).path.split("/") if part]
