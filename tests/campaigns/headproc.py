"""The head of a campaign that is planned already, as a process of its own: PROJECT NAME."""

from __future__ import annotations

import sys
from pathlib import Path

from dualano_setup.campaigns.store import find, load_plan
from dualano_setup.errors import UsageError
from dualano_setup.flows.campaign.running import conduct
from dualano_setup.system.unwinding import unwinding
from tests.campaigns.world import settings_for

if __name__ == "__main__":
    project = Path(sys.argv[1])
    root = find(project, sys.argv[2])
    try:
        with unwinding():
            sys.exit(conduct(settings_for(project), root, load_plan(root)))
    except UsageError as error:
        sys.exit(f"{error}")
