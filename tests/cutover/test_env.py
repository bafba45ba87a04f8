"""The text of a .env gets other values, and nothing else of it changes."""

from io import StringIO

import pytest
from dotenv import dotenv_values
from hypothesis import given
from hypothesis import strategies as st

from supasync_core.cutover.env_file import lines, rewritten
from supasync_core.model.errors import SupasyncError

WANTED = {"SUPABASE_URL": "https://new.supabase.co", "SUPABASE_ANON_KEY": "eyJnew.an_on-key"}

CASES = {
    "the guide's": (
        "SUPABASE_URL=https://old.supabase.co\nSUPABASE_ANON_KEY=a\nPORT=1\n",
        (
            "# SUPABASE_URL=https://old.supabase.co\nSUPABASE_URL=https://new.supabase.co\n"
            "# SUPABASE_ANON_KEY=a\nSUPABASE_ANON_KEY=eyJnew.an_on-key\nPORT=1\n"
        ),
    ),
    "comments, order, indent, export and the comment behind a value": (
        "# app\n\n  export SUPABASE_URL = 'https://old' # mine\nA=1\nSUPABASE_ANON_KEY=\"a\"\n# end\n",
        (
            "# app\n\n  # export SUPABASE_URL = 'https://old' # mine\n"
            "  export SUPABASE_URL='https://new.supabase.co'\nA=1\n"
            '# SUPABASE_ANON_KEY="a"\nSUPABASE_ANON_KEY="eyJnew.an_on-key"\n# end\n'
        ),
    ),
    "CRLF, and no line end at the end": (
        "A=1\r\nSUPABASE_ANON_KEY=a\r\nSUPABASE_URL=b",
        (
            "A=1\r\n# SUPABASE_ANON_KEY=a\r\nSUPABASE_ANON_KEY=eyJnew.an_on-key\r\n"
            "# SUPABASE_URL=b\r\nSUPABASE_URL=https://new.supabase.co"
        ),
    ),
    "a name given twice stands once, where the last one stood": (
        "SUPABASE_URL=a\nB=1\nSUPABASE_URL=b\nSUPABASE_ANON_KEY=eyJnew.an_on-key\n",
        (
            "# SUPABASE_URL=a\nB=1\n# SUPABASE_URL=b\nSUPABASE_URL=https://new.supabase.co\n"
            "SUPABASE_ANON_KEY=eyJnew.an_on-key\n"
        ),
    ),
    "a value of several lines": (
        'SUPABASE_ANON_KEY="one\n#two\n\nA=3"\nSUPABASE_URL\n',
        (
            '# SUPABASE_ANON_KEY="one\n# #two\n# \n# A=3"\nSUPABASE_ANON_KEY="eyJnew.an_on-key"\n'
            "# SUPABASE_URL\nSUPABASE_URL=https://new.supabase.co\n"
        ),
    ),
    "what is missing is added at the end": (
        "A=1",
        "A=1\nSUPABASE_URL=https://new.supabase.co\nSUPABASE_ANON_KEY=eyJnew.an_on-key",
    ),
    "an empty file": (
        "",
        "SUPABASE_URL=https://new.supabase.co\nSUPABASE_ANON_KEY=eyJnew.an_on-key\n",
    ),
}


@pytest.mark.parametrize(("before", "after"), CASES.values(), ids=CASES)
def test_new_values_stand_under_the_old_lines(before: str, after: str) -> None:
    assert rewritten(before, WANTED).text == after


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_second_time_nothing_changes(case: tuple[str, str]) -> None:
    again = rewritten(case[1], WANTED)
    assert again.text == case[1]
    assert again.changed == ()


def test_what_was_given_twice_is_told() -> None:
    done = rewritten("SUPABASE_URL=a\nSUPABASE_URL=b\nSUPABASE_ANON_KEY=c\n", WANTED)
    assert (done.changed, done.repeated) == (("SUPABASE_URL", "SUPABASE_ANON_KEY"), ("SUPABASE_URL",))


@pytest.mark.parametrize(
    ("text", "line"),
    [("A=1\n\n\nB='open\nC=2\n", 4), ("\nset -a\n", 2), ('A="x" y\n', 1), ("=x\n", 1)],
)
def test_a_line_that_is_none_is_named_and_nothing_is_rewritten(text: str, line: int) -> None:
    with pytest.raises(SupasyncError, match=f"line {line} is not NAME=value"):
        rewritten(text, WANTED)


def test_a_value_that_dotenv_would_replace_is_refused() -> None:
    with pytest.raises(SupasyncError, match="SUPABASE_URL cannot be written"):
        rewritten("HOME=/x\n", {"SUPABASE_URL": "https://${HOME}.co"})


NAMES = st.sampled_from(["SUPABASE_URL", "KEY", "A", "b", "ENABLE"])
BLANK = st.sampled_from(["", " ", "\t", "  "])
ENDS = st.sampled_from(["\n", "\r\n", "\r"])
PLAIN = st.text(
    st.characters(
        codec="utf-8", exclude_characters="\r\n'\"#\\$", exclude_categories=("Zs", "Zl", "Zp", "Cc")
    ),
    max_size=8,
)
QUOTED = st.text(st.sampled_from("aä\n\r#=$ '\"\\\u2028\tx"), max_size=12)


@st.composite
def bindings(draw: st.DrawFn) -> str:
    """A line of a .env in any of its spellings."""
    quote = draw(st.sampled_from(["", "'", '"']))
    if quote:
        inner = draw(QUOTED).replace("\\", "\\\\").replace(quote, f"\\{quote}")
        value = f"{quote}{inner}{quote}"
    else:
        value = draw(PLAIN)
    export = draw(st.sampled_from(["", "export "]))
    equal = f"{draw(BLANK)}={draw(BLANK)}"
    comment = draw(st.sampled_from(["", " # note 'x", "  #"]))
    return f"{draw(BLANK)}{export}{draw(NAMES)}{equal}{value}{comment}"


OTHER = st.sampled_from(["", "# a comment = 1", "   ", "#SUPABASE_URL=x", "BARE"])
TEXTS = st.builds(
    lambda found, last: "".join(line + end for line, end in found) + last,
    st.lists(st.tuples(st.one_of(bindings(), OTHER), ENDS), max_size=8),
    st.one_of(st.just(""), bindings(), OTHER),
)
VALUES = st.text(st.characters(codec="utf-8", exclude_characters="$\0"), max_size=12)


@given(TEXTS, st.dictionaries(NAMES, VALUES, min_size=1))
def test_any_file_reads_back_as_wanted_and_else_as_before(text: str, wanted: dict[str, str]) -> None:
    try:
        before = [(line.name, line.value) for line in lines(text)]
    except SupasyncError:
        return
    done = rewritten(text, wanted)
    after = dotenv_values(stream=StringIO(done.text), interpolate=False)
    assert {name: after[name] for name in wanted} == wanted
    assert [each for each in before if each[0] not in wanted] == [
        (line.name, line.value) for line in lines(done.text) if line.name not in wanted
    ]
    assert [line.name for line in lines(done.text)].count(next(iter(wanted))) == 1
    assert rewritten(done.text, wanted).text == done.text


@given(TEXTS, st.dictionaries(NAMES, VALUES, min_size=1))
def test_without_its_new_lines_and_marks_the_file_is_the_one_before(
    text: str, wanted: dict[str, str]
) -> None:
    """Every character of the old file is still there, in its order."""
    try:
        list(lines(text))
    except SupasyncError:
        return
    rest = iter(rewritten(text, wanted).text)
    assert all(character in rest for character in text)
