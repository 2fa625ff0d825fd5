"""A run's page: its numbers, its size, what it shows of pairs, and that nothing from outside becomes markup."""

from __future__ import annotations

import json
import re
import time

import pytest

from dualano_setup.flows.report import report
from dualano_setup.language import speak
from dualano_setup.pages.render import run_html
from dualano_setup.pages.run import EMBEDDED, read_run
from dualano_setup.pages.source import of_run, source_of
from dualano_setup.settings.options import Settings
from tests.pages.made_up import made_up_run, write_metrics, write_pairs

MARKUP = "<b id=hostile>bold</b><img src=x onerror=alert(1)>\"'>"


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A training gone on with once, with 70 pairs; and one that failed."""
    folder = tmp_path_factory.mktemp("project")
    made_up_run(folder, "20261120-091500-bottle-scratch", steps=400, pairs=0)
    made_up_run(
        folder, "20261120-101500-bottle-scratch", steps=600, pairs=70, restart=400, drawn=5,
        output=folder / "outputs" / "20261120-091500-bottle-scratch",
    )  # fmt: skip
    made_up_run(folder, "20261120-111500-nut-crack", steps=60, pairs=0, state="failed", log="error: out\n" + OOM)
    return folder


OOM = (
    "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 7.79 GiB "
    "of which 1.02 GiB is free.\n"
)


def page_of(project, word=None):
    settings = Settings(project, offline=True)
    return read_run(source_of(settings, word))


def data_in(html: str) -> dict:
    return json.loads(re.search(r'id="metrics">(.*?)</script>', html, re.DOTALL)[1])


def test_the_numbers_in_the_page_are_those_of_the_file(project):
    run = page_of(project, "101500")
    lines = (project / "outputs/20261120-091500-bottle-scratch/metrics.jsonl").read_text().splitlines()
    told = data_in(run_html(run))
    for name in ("step", "loss", "lr", "grad_norm", "seconds", "gpu_memory_gib"):
        assert told[name] == [json.loads(line)[name] for line in lines]


def test_a_resumed_run_is_one_line_with_its_restart_marked(project):
    run = page_of(project, "101500")
    assert run.restarts == [400]
    assert run.metrics.steps == list(range(1, 601))
    loss = run.plots[0]
    assert [line.path.count("M") for line in loss.lines] == [1, 1]
    assert [mark.step for mark in loss.marks if mark.kind == "checkpoint"] == [200, 400, 600]
    assert [mark.step for mark in loss.marks if mark.kind == "restart"] == [400]


def test_the_verdict_is_a_sentence_and_a_failure_is_explained(project):
    good, bad = page_of(project, "101500"), page_of(project, "nut")
    assert good.tone == "good"
    assert "600 steps" in good.sentence
    assert "56 of 70 generated pairs were accepted" in good.sentence
    assert bad.tone == "bad"
    assert bad.problem.name == "cuda-oom"
    assert bad.problem.cures


def test_at_most_sixty_pairs_and_the_rest_beside_it(project):
    settings = Settings(project, offline=True)
    run = page_of(project, "101500")
    assert run.shown == EMBEDDED
    assert {len(run.rejected), run.pairs.total - run.pairs.accepted} == {14}
    assert all(one.image and one.part and one.mask for one in (*run.accepted, *run.rejected))
    target = report(settings, "101500", str(project / "out" / "page.html"), every_pair=True)
    assert sorted(path.name for path in target.parent.iterdir()) == [
        "page-pairs-1.html", "page-pairs-2.html", "page.html",
    ]  # fmt: skip
    assert "page-pairs-2.html" in target.read_text()


def test_settings_facts_and_commands(project):
    run = page_of(project, "101500")
    assert ("--learning_rate", "1e-4", "2e-05") in run.settings
    assert "--rank" not in [flag for flag, *__ in run.settings]  # 32 is the default
    assert "--output_dir" not in run.commands[0]
    assert dict(run.facts)["trained on"] == "NVIDIA H200 (140 GiB)"
    assert dict(run.facts)["training images"] == "000.png"


def test_what_identifies_a_person_is_left_out(tmp_path, monkeypatch):
    monkeypatch.setenv("USER", "mei")
    monkeypatch.setenv("HOME", "/home/mei")
    made_up_run(tmp_path, steps=30, pairs=0, state="failed", log="HF_TOKEN=hf_abcdefghijklmnopqrstuvw /home/mei/x\n")
    html = run_html(page_of(tmp_path))
    assert "hf_abcdef" not in html
    assert "/home/mei" not in html


def test_hostile_names_stay_text(tmp_path):
    """Names of folders, reasons, measures, captions from logs, evaluation cells: escaped, and the policy is closed."""
    output = tmp_path / "outputs" / "<i>run<"
    output.mkdir(parents=True)
    write_metrics(output / "metrics.jsonl", 30)
    write_pairs(output / "generated", 6, reason=MARKUP)
    manifest = output / "generated" / "manifest.jsonl"
    rows = [json.loads(line) | {"measures": {MARKUP: 1.0}, "reasons": [MARKUP]} for line in manifest.open()]
    manifest.write_text("".join(json.dumps(row) + "\n" for row in rows))
    evaluation = output / "evaluation"
    evaluation.mkdir()
    row = {"training": MARKUP, "task": "x", "metrics": {MARKUP: 0.5}}
    (evaluation / "evaluation.json").write_text(json.dumps({"format": 1, "protocol": MARKUP, "rows": [row]}))
    html = run_html(read_run(source_of(Settings(tmp_path), str(output))))
    assert MARKUP not in html
    assert "<b id=hostile" not in html
    assert "<img src=x" not in html
    assert "<i>run<" not in html
    assert html.count("&lt;b id=hostile&gt;") >= 4
    rules = re.search(r'Security-Policy" content="([^"]*)"', html)[1]
    assert "default-src &#39;none&#39;" in rules
    assert "unsafe" not in rules
    assert "http" not in rules


def test_a_manifest_cannot_lead_away(tmp_path):
    output = tmp_path / "outputs" / "x"
    write_pairs(output / "generated", 1)
    manifest = output / "generated" / "manifest.jsonl"
    row = json.loads(manifest.read_text())
    manifest.write_text("".join(json.dumps(row | {"index": i, "file": name}) + "\n" for i, name in enumerate(
        ("../../../etc/passwd", "..", "a/b.png", "\0"))) + "{")  # fmt: skip
    assert read_run(source_of(Settings(tmp_path), str(output))).pairs.total == 0


@pytest.mark.parametrize("language", ["en", "zh-TW"])
def test_both_languages(project, language):
    try:
        speak(language)
        html = run_html(page_of(project, "101500"))
    finally:
        speak("en")
    assert ("<h2>Training</h2>" in html) == (language == "en")
    assert f'<html lang="{"en" if language == "en" else "zh-Hant-TW"}">' in html


def test_5000_steps_and_1000_pairs_are_quick_and_small(tmp_path):
    made_up_run(tmp_path, steps=5000, pairs=1000, drawn=1)
    settings = Settings(tmp_path, offline=True)
    run = of_run(settings, source_of(settings, None).run, source_of(settings, None).record)
    began = time.process_time()
    html = run_html(read_run(run))
    assert time.process_time() - began < 5
    assert len(html.encode()) < 5_000_000
