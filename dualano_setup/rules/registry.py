"""Every rule, in the order of their families; an id stands here once and for ever."""

from __future__ import annotations

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
