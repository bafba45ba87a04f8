"""Numbers in sentences: the words around a number agree with it."""


def counted(number: int, one: str, more: str) -> str:
    """The number and what there are so many of, as in ``1 row is`` and ``1,200 rows are``."""
    return f"{number:,} {one if number == 1 else more}"


def where_not_null(column: str) -> str:
    """The filter that leaves out rows without the column, in the languages of both kinds of sources."""
    return f"where: {column}=not.is.null (of a file: where: {column} is not null)"
