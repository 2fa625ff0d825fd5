"""What all tests share: messages are compared in English, whatever the developer's locale says."""

import os

os.environ["LANGUAGE"] = "en"
os.environ.pop("DUALANO_LANG", None)
