"""The number of a case elsewhere, which the log keeps for ever: no free text."""

import re
from typing import Final

CASE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/#-]{0,63}", re.ASCII)
EXPECTED: Final = "only A-Z, a-z, 0-9 and . _ / # -, at most 64"
