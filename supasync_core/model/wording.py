"""Numbers in sentences: the words around a number agree with it."""


def counted(number: int, one: str, more: str) -> str:
    """The number and what there are so many of, as in ``1 row is`` and ``1,200 rows are``."""
    return f"{number:,} {one if number == 1 else more}"
