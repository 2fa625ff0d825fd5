"""Every rule, in the order of their families; an id stands here once and for ever."""

from __future__ import annotations

from ..language import _
from . import model, net, py, sec, src, sys
from .acc import rules as acc
from .data import rules as data
from .gpu import rules as gpu
from .pkg import rules as pkg
from .req import rules as req
from .rule import Rule

RULES: tuple[Rule, ...] = (
    *sys.RULES,
    *py.RULES,
    *gpu.RULES,
    *pkg.RULES,
    *req.RULES,
    *acc.RULES,
    *data.RULES,
    *model.RULES,
    *src.RULES,
    *sec.RULES,
    *net.RULES,
)


def by_id(id: str) -> Rule:
    """The rule of that id, in any case. Raises KeyError with the known ids when there is none."""
    for rule in RULES:
        if rule.id == id.upper():
            return rule
    raise KeyError(_("no rule {id!r}; known: {rules}", id=id, rules=", ".join(rule.id for rule in RULES)))
