"""What a report says about a world."""

import re


def complaints(report):
    """Rule ids of every row that says more than "fine"; rows folded under a cause are that cause's business."""
    return {f.rule for f in report.findings if f.status in ("fail", "warn", "unknown") and not f.caused_by}


def told(report):
    """All rows that complain, for the assertion's message."""
    return [
        f"{f.rule} {f.status}: {f.title}: {f.detail}"
        for f in report.findings
        if f.status in ("fail", "warn", "unknown")
    ]


def assert_found(world, report):
    """The world's rule speaks, names the cause, and no other rule does but the consequences that the world states."""
    own = [f for f in report.findings if f.rule == world.rule and f.status in ("fail", "warn")]
    assert own, told(report)
    assert complaints(report) <= {world.rule, *world.also}, told(report)
    assert world.repairable == any(f.repairable for f in own), told(report)
    gravest = "fail" if report.count("fail") else "warn"
    assert report.count(gravest) == world.causes, told(report)
    assert any(re.search(world.named_by, f"{f.title} {f.detail} {f.evidence}", re.IGNORECASE) for f in own), own
