"""URLs of a project's Storage in rows: counted and replaced in their text, which is not decoded."""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property, partial
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
_ANY_SLASH: Final = r"(?:\\{0,15}/|%(?:25){0,4}2[Ff]|&#x2[Ff];|&#47;|\\{1,15}u002[Ff]){1,4}"
_ANY_COLON: Final = r"(?::|%(?:25){0,4}3[Aa]|&#x3[Aa];|&#58;|\\{1,15}u003[Aa])"
"""Also encoded more than once, as HTML has it, and by its number in JSON."""
_BEGINS: Final = r"(?:(?<![\w.-])|(?<=2[Ff])|(?<=\\[bfnrt]))"
"""Where no name goes on: behind an escaped slash, too, which ends in ``2F``, and a line break of JSON."""
_ENDS: Final = r"(?![\w-]|\.\w)"
_OTHER_PORT: Final = rf"(?!{_ANY_COLON}(?!(?:80|443)(?!\d))\d)"
_PATH: Final = f"{_SLASH}storage{_SLASH}v1{_SLASH}"
_BACKWARDS: Final = rb"(?:/\\{0,15}|[Ff]2%)"
_HEAD: Final = re.compile(rb"%b(?P<slash>%b)(?:(?P<colon>:|[Aa]3%%)(?i:s?ptth))?" % (_BACKWARDS, _BACKWARDS))
"""What stands before a host, read backwards from there."""
_LONGEST_HEAD: Final = 40
_PORT: Final = re.compile(r":\d+\Z")
_OF_SUPABASE: Final = re.compile(r"([a-z]{20})\.supabase\.co\Z")


@dataclass(frozen=True)
class StorageUrls:
    """Those that begin with ``address``, which is a project's own, without a path behind it.

    A project of Supabase serves its files by a host of its own, too: ``ref.storage.supabase.co``. What is
    written with the address ``new`` is NEW's, though that may begin as this one does.
    """

    address: str
    new: str | None = None

    @cached_property
    def _hosts(self) -> tuple[str, ...]:
        host = urlsplit(self.address).netloc
        hosted = _OF_SUPABASE.fullmatch(host.lower())
        return (host, f"{hosted[1]}.storage.supabase.co") if hosted else (host,)

    @cached_property
    def _start(self) -> bytes:
        """What all hosts begin with, in small letters."""
        return self._hosts[0].partition(":")[0].removesuffix(".supabase.co").lower().encode()

    def _host(self, colon: str) -> str:
        hosts = "|".join(re.escape(host).replace(":", colon) for host in self._hosts)
        return f"(?i:{hosts})"

    def _path(self, slash: str) -> str:
        return "".join(slash + re.escape(part) for part in _parts(self.address))

    @cached_property
    def _of_storage(self) -> re.Pattern[bytes]:
        return re.compile(f"{self._host(_COLON)}{self._path(_SLASH)}(?={_PATH})".encode())

    @cached_property
    def anywhere(self) -> re.Pattern[bytes]:
        """The address, in any spelling; a project of Supabase has its host alone, whatever the port."""
        port = "" if len(self._hosts) > 1 or _PORT.search(self._hosts[0]) else _OTHER_PORT
        address = f"{self._host(_ANY_COLON)}{port}{self._path(_ANY_SLASH)}"
        return re.compile(f"{_BEGINS}{address}{_ENDS}".encode())

    @cached_property
    def _news(self) -> re.Pattern[bytes] | None:
        return StorageUrls(self.new).anywhere if self.new else None

    def may_be_in(self, batch: Batch) -> bool:
        """Whether the host stands anywhere in the batch: one look, and most batches need no other."""
        return next(self._places(_whole(batch)), None) is not None

    def counts(self, batch: Batch) -> Counter[str]:
        """By column, how many rows of the batch hold one."""
        return _counted(batch, self._held)

    def others(self, batch: Batch) -> Counter[str]:
        """By column, how many rows hold a host otherwise: of another API, or a path spelt in another way."""
        return _counted(batch, self._held_otherwise)

    def replaced(self, text: str, address: str) -> str:
        """The text with those of another address in their place, written as they were."""
        data, done = text.encode("utf-8", "surrogatepass"), 0
        parts: list[bytes] = []
        for place in self._places(data):
            host = self._of_storage.match(data, place)
            if host and (head := _head(data, place)):
                parts += [data[done : place - head.end()], _alike(head, address)]
                done = host.end()
        return b"".join([*parts, data[done:]]).decode("utf-8", "surrogatepass") if parts else text

    def _held(self, text: bytes) -> bool:
        return any(map(partial(self._is_url, text), self._places(text)))

    def _held_otherwise(self, text: bytes) -> bool:
        return any(map(partial(self._is_otherwise, text), self._places(text)))

    def _is_otherwise(self, text: bytes, place: int) -> bool:
        if self._is_url(text, place) or not (found := self.anywhere.match(text, place)):
            return False
        new = self._news.match(text, place) if self._news else None
        return new is None or new.end() <= found.end()

    def _is_url(self, text: bytes, place: int) -> bool:
        """Whether the host of a URL of Storage begins there."""
        if self._of_storage.match(text, place) is None:
            return False
        return text.startswith(b"//", max(place - 2, 0)) or _head(text, place) is not None

    def _places(self, text: bytes) -> Iterator[int]:
        """Where hosts may begin. Patterns are tried there alone: running one through a text takes long."""
        small = text.lower()
        place = small.find(self._start)
        while place >= 0:
            yield place
            place = small.find(self._start, place + 1)


def _head(text: bytes, place: int) -> re.Match[bytes] | None:
    """What stands before the host that begins there, as far as it belongs to its URL."""
    return _HEAD.match(text[max(place - _LONGEST_HEAD, 0) : place][::-1])


def _alike(head: re.Match[bytes], address: str) -> bytes:
    """The address, written as the one of which this is the head."""
    scheme, host = urlsplit(address).scheme, urlsplit(address).netloc
    colon, slash = ((head[name] or b"")[::-1].decode() for name in ("colon", "slash"))
    inside = slash.startswith("%")
    parts = [quote(part, safe="") if inside else part for part in (host, *_parts(address))]
    return f"{scheme if colon else ''}{colon}{slash * 2}{slash.join(parts)}".encode()


def _counted(batch: Batch, held: Callable[[bytes], bool]) -> Counter[str]:
    """By column, how many rows have a text of which this is so; it is asked of the whole batch first."""
    found: Counter[str] = Counter()
    if not held(_whole(batch)):  # one look at all rows costs less than one at each
        return found
    if isinstance(batch, CopyBatch):
        for line in filter(held, batch.lines):
            cells = line.rstrip(b"\n").split(b"\t")
            found.update(name for name, cell in zip(batch.columns, cells, strict=True) if held(cell))
        return found
    for name, texts in raw_columns(batch).texts.items():
        count = sum(held(bytes(text)) for text in texts)
        found.update({name: count} if count else {})
    return found


def _whole(batch: Batch) -> bytes:
    """The text of all its rows."""
    return b"".join(batch.lines) if isinstance(batch, CopyBatch) else batch.body


def _parts(address: str) -> list[str]:
    """The path that a project of one's own server may have."""
    return [part for part in urlsplit(address).path.split("/") if part]
