"""Verification: whether NEW holds what OLD has, proved over the API, cheaply first.

`verify` compares tables and returns a `Verification`. It reads on both sides and writes on neither.
"""

from supasync_core.verify.findings import Onlooker, TableVerdict, Verification
from supasync_core.verify.verify_tables import verify

__all__ = ["Onlooker", "TableVerdict", "Verification", "verify"]
