"""Verification: whether NEW holds what OLD has, proved over the API, cheaply first.

`verify` compares tables and returns a `Verification`. It reads on both sides and writes on neither.
"""

from supasync_core.verify.digest_rule import digests_of
from supasync_core.verify.verdict import TableVerdict, Verification
from supasync_core.verify.verify_tables import Progress, verify

__all__ = ["Progress", "TableVerdict", "Verification", "digests_of", "verify"]
