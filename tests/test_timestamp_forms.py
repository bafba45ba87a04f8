"""The forms of many texts are those of each: which digits there are tells no difference, but in a zone."""

from hypothesis import given
from hypothesis import strategies as st

from supasync_core.model.timestamp_forms import forms

TEXTS = st.one_of(
    st.builds(
        "{:%Y-%m-%d}{}{:%H:%M}{}{}".format,
        moment := st.datetimes(),
        st.sampled_from("T "),
        moment,
        st.sampled_from(["", ":07", ":07.5", ":59.123456"]),
        st.sampled_from(["", "Z", "+00:00", "+05:30", "-08", "+02"]),
    ),
    st.sampled_from(["2024-01-02", "infinity", "-infinity", "soon", "2024-01-02\n2024-01-02", ""]),
)


@given(st.lists(TEXTS, max_size=5))
def test_many_have_the_forms_of_each(texts: list[str]) -> None:
    assert set(forms(texts)) == {form for text in texts for form in forms([text])}
    assert len(forms(texts)) == len(set(forms(texts)))


def test_each_zone_is_a_form_of_its_own() -> None:
    assert len(forms(["2024-01-02 10:00:00+02:00", "2024-01-02 10:00:00+00:00"])) == 2
    assert forms(["2024-01-02 10:00:00.12+02:00", "2025-03-02 11:00:07.123+02:00"]) == [
        "YYYY-MM-DD HH:MM:SS+02:00"
    ]
