"""Who looks for a module's tests finds them: in tests/<room>/test_<module>.py, or where the list here says."""

from __future__ import annotations

#: Where a module without a test file of its name is tested. A folder of tests, or the file of another module.
ELSEWHERE: dict[str, str] = {}
