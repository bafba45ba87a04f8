"""URLs of a project's Storage in rows: counted and replaced in their text, which is not decoded."""

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Final
from urllib.parse import quote, urlsplit

from supasync_core.model.batch import Batch
from supasync_core.model.copy_batch import CopyBatch
from supasync_core.model.raw_columns import raw_columns

REPLACES: Final = "replace_storage_url"
"""The transform that supasync brings for them."""
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
    def _spellings(self) -> tuple[bytes, ...]:
        """How hosts are written most often; looking for these costs next to nothing."""
        return tuple({each.encode() for host in self._hosts for each in (host.lower(), host.upper())})

    @cached_property
    def _anywhere(self) -> re.Pattern[bytes]:
        """The hosts, wherever they stand: behind an escaped slash, too, which ends in ``2F``."""
        hosts = "|".join(re.escape(host).replace(":", _COLON) for host in self._hosts)
        return re.compile(rf"(?:(?<![\w.-])|(?<=2[Ff]))(?i:{hosts})(?![\w-]|\.\w)".encode())

    @cached_property
    def _bytes(self) -> re.Pattern[bytes]:
        return re.compile(self._pattern.pattern.encode())

    def counts(self, batch: Batch) -> Counter[str]:
        """By column, how many rows of the batch hold one; a batch that holds none is only passed over."""
        return _counted(batch, self._held)

    def others(self, batch: Batch) -> Counter[str]:
        """By column, how many rows hold a host otherwise: of another API, or a path spelt in another way."""
        return _counted(batch, self._held_otherwise)

    def _held(self, text: bytes) -> bool:
        """Whether it may hold one: a quick look."""
        return _QUICK in text and self._bytes.search(text) is not None

    def _held_otherwise(self, text: bytes) -> bool:
        if not self._names_a_host(text):
            return False
        rest = self._bytes.sub(b"", text)
        return self._names_a_host(rest) and self._anywhere.search(rest) is not None

    def _names_a_host(self, text: bytes) -> bool:
        """A quick look."""
        return any(each in text for each in self._spellings)

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


def _counted(batch: Batch, held: Callable[[bytes], bool]) -> Counter[str]:
    """By column, how many rows have a text of which this is so; it is asked of the whole batch first."""
    found: Counter[str] = Counter()
    if isinstance(batch, CopyBatch):
        if held(b"".join(batch.lines)):  # one look at all lines costs less than one at each
            for line in filter(held, batch.lines):
                cells = line.rstrip(b"\n").split(b"\t")
                found.update(name for name, cell in zip(batch.columns, cells, strict=True) if held(cell))
    elif held(batch.body):
        for name, texts in raw_columns(batch).texts.items():
            count = sum(held(bytes(text)) for text in texts)
            found.update({name: count} if count else {})
    return found


def _parts(address: str) -> list[str]:
    """The path that a project of one's own server may have."""
    return [part for part in urlsplit(address).path.split("/") if part]
