"""Verification: whether NEW holds what OLD has, proved over the API, cheaply first.

`verify` compares tables and returns a `Verification`. It reads on both sides and writes on neither.
"""

from supasync_core.verification.conduct import verify
from supasync_core.verification.findings import Onlooker, TableVerdict, Verification

__all__ = ["Onlooker", "TableVerdict", "Verification", "verify"]
