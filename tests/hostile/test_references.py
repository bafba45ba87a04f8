"""Variables of an app that refer to each other take no more time and memory than they are long."""

import time
from pathlib import Path

from supasync_core.api.switch import Ends
from supasync_core.cutover import env_file
from supasync_core.model.cost import Ledger
from supasync_core.model.secret import Values
from supasync_core.model.settings import Endpoint
from supasync_rest.env_names import Names

END = Endpoint("rest", Values({}), "old.supabase.co")
NOBODY = Ends(source=END, sink=END, environment={}, folder=Path(), ledger=Ledger())
DOUBLED = "V0=xxxxxxxx\n" + "".join(f"V{n}=${{V{n - 1}}}${{V{n - 1}}}\n" for n in range(1, 60))
TEXT = f"{DOUBLED}SUPABASE_URL=https://abcdefghijklmnopqrst.supabase.co\n"


def test_references_that_double_are_followed_once() -> None:
    start = time.process_time()
    names = Names(NOBODY, env_file.lines(TEXT))
    assert names.expanded["V3"].value == "xxxxxxxx" * 8
    assert max(len(line.value) for line in names.expanded.values()) <= 100_000
    rewritten = env_file.rewritten(TEXT, {"SUPABASE_URL": "https://b.supabase.co"})
    assert rewritten.text.startswith(DOUBLED)
    assert time.process_time() - start < 5
