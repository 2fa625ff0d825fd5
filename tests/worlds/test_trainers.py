"""Rows are judged for the trainer that is chosen; one line stands for the other."""

from __future__ import annotations

from dualano_setup.repairs.plan import make_plan
from dualano_setup.report.terminal import Style, render_report

PLAIN = Style(False)


def wrong(report) -> set[str]:
    return {row.rule for row in report.findings if row.status in ("fail", "warn")}


def test_one_line_stands_for_the_trainer_that_is_not_chosen(project):
    project.add_checkout("dual-runner-paths", "dual-train-shell")
    project.requirements.write_text("torch==1.13.1\nnot a requirement\n")
    both = project.look()
    assert {"SRC001", "REQ001"} <= wrong(both)
    assert both.exit_status == 1
    text = render_report(both, PLAIN)
    assert "`--trainer bundled`" in text

    project.flags["trainer"] = "bundled"
    chosen = project.look()
    assert wrong(chosen) == {rule for rule in wrong(both) if not rule.startswith(("SRC", "REQ", "DATA007"))}
    assert chosen.exit_status == 0
    assert {row.rule for row in chosen.findings} == {row.rule for row in both.findings}
    text = render_report(chosen, PLAIN)
    assert text.count("authors' trainer") == 1
    assert "would block" in text
    assert "SRC0" not in text
    assert make_plan(chosen).actions == ()

    project.flags["trainer"] = "checkout"
    assert {"SRC001", "REQ001"} <= wrong(project.look())
    assert "--trainer" not in render_report(project.look(), PLAIN)
