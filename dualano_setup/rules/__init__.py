"""Rules: pure functions of facts, settings and knowledge; no process, no file, no network.

A rule's id begins with its family: `sys` machine, `py` Python and environment, `gpu`, `pkg` packages, `req`
requirements.txt, `acc` accelerate, `data` data set, `model` base model, `src` sources, `sec` security, `net` network.
"""
