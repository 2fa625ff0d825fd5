"""Every page in a real browser: from the disk without a request, in both languages, narrow and wide, by keyboard."""

from __future__ import annotations

import json
import re
import shutil
import threading

import pytest

from dualano_setup.check import look
from dualano_setup.flows.report import check_html, report, write_page
from dualano_setup.language import speak
from dualano_setup.pages.live import WatchSite
from dualano_setup.pages.review_site import ReviewSite
from dualano_setup.pages.server import listen
from dualano_setup.pages.source import source_of
from dualano_setup.settings.options import Settings
from tests.pages.browser import axe, chromium
from tests.pages.campaigns import made_up_campaign
from tests.pages.made_up import made_up_run, write_pairs

RUN = "20261120-101500-bottle-scratch"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]


@pytest.fixture(scope="module")
def browser():
    program = chromium()
    from playwright.sync_api import Error, sync_playwright

    with sync_playwright() as playwright:
        # In a container root has no sandbox; /dev/shm may be small there.
        try:
            one = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-dev-shm-usage"])
        except Error as error:
            pytest.skip(f"Chromium is installed and does not start here: {str(error).splitlines()[0]}")
        yield one
        one.close()


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    folder = tmp_path_factory.mktemp("project")
    made_up_run(folder, RUN, steps=400, pairs=12, restart=200)
    made_up_run(folder, "20261120-111500-nut-crack", steps=60, pairs=0, state="failed", log=(
        "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB.\n"))  # fmt: skip
    made_up_campaign(folder, "all", 5, pairs=2)
    return folder


@pytest.fixture(scope="module", params=["en", "zh-TW"])
def pages(request, project):
    """Addresses of every kind of page on the disk, in one language."""
    settings = Settings(project, offline=True)
    try:
        speak(request.param)
        out = project / request.param
        files = {
            "run": report(settings, RUN, str(out / "run.html"), every_pair=True),
            "pairs": out / "run-pairs-1.html",
            "failed": report(settings, "nut", str(out / "failed.html")),
            "campaign": report(settings, "all", str(out / "campaign.html")),
            "check": write_page(out / "check.html", check_html(look(settings))),
        }
    finally:
        speak("en")
    return {name: file.as_uri() for name, file in files.items()}


@pytest.fixture
def watched(browser):
    """A new page, and what it asked for and complained about."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    seen: list[str] = []
    page.on("console", lambda message: seen.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: seen.append(str(error)))
    page.on("request", lambda one: seen.append(one.url) if not one.url.startswith(("data:", "file:")) else None)
    yield page, seen
    context.close()


def violations(page) -> list[str]:
    """What axe-core finds, in words."""
    source = axe()
    if not source:
        pytest.skip("axe-core could not be fetched (npm, network)")
    page.evaluate(source)
    found = page.evaluate("rules => axe.run(document, {runOnly: rules}).then(r => r.violations)", RULES)
    return [f"{one['id']}: {[node['html'][:120] for node in one['nodes'][:3]]}" for one in found]


def fits(page, width: int) -> bool:
    """Whether nothing sticks out at that width."""
    page.set_viewport_size({"width": width, "height": 900})
    return page.evaluate("document.documentElement.scrollWidth") <= width


def test_every_page_opens_from_the_disk_asks_nobody_and_passes_axe(pages, watched):
    page, seen = watched
    for name, address in pages.items():
        page.goto(address)
        assert page.locator("h1").inner_text()
        assert violations(page) == [], name
        if name == "failed":  # every colour is in it
            page.emulate_media(color_scheme="dark")
            assert violations(page) == [], "dark"
            page.emulate_media(color_scheme="light")
        assert fits(page, 360), name
        assert fits(page, 1600), name
    assert seen == []


def test_a_report_opens_quickly_and_its_curve_is_read_by_keyboard(pages, watched):
    page, seen = watched
    devtools = page.context.new_cdp_session(page)
    devtools.send("Performance.enable", {"timeDomain": "threadTicks"})
    page.goto(pages["run"])
    spent = {one["name"]: one["value"] for one in devtools.send("Performance.getMetrics")["metrics"]}
    assert 0 < spent["TaskDuration"] < 1  # seconds of processor time, so that other load does not count
    slider = page.locator("#step")
    slider.focus()
    page.keyboard.press("Home")
    told = page.locator("#told").inner_text()
    first = json.loads(page.locator("#metrics").text_content())["loss"][0]
    assert told.startswith(f"1: loss {float(f'{first:.5g}'):.12g}")
    assert page.locator("#part-curve").count() == 1
    assert seen == []


def test_a_report_is_whole_without_script_and_prints(pages, browser):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(pages["run"])
    assert page.locator("svg path.smooth").count() >= 4
    assert page.locator("#part-pairs li").count() == 16
    assert len(page.pdf()) > 20_000
    context.close()


@pytest.fixture(scope="module")
def served(project, tmp_path_factory):
    """A server of the watching and one of the reviewing page."""
    folder = tmp_path_factory.mktemp("reviewed") / RUN
    shutil.copytree(project / "outputs" / RUN, folder)
    write_pairs(folder / "generated", 24, side=32)
    review = ReviewSite(source_of(Settings(folder), str(folder)))
    servers = [listen(WatchSite(Settings(project, offline=True)), None), listen(review, None)]
    threads = [threading.Thread(target=one.serve_forever, kwargs={"poll_interval": 0.02}) for one in servers]
    for thread in threads:
        thread.start()
    yield [one.address for one in servers], review.review
    for one, thread in zip(servers, threads, strict=True):
        one.shutdown()
        one.server_close()
        thread.join()


def test_watching_follows_the_run(served, watched, project):
    from playwright.sync_api import expect

    page, seen = watched
    page.goto(served[0][0] + f"run/{RUN}")
    assert violations(page) == []
    with (project / "outputs" / RUN / "metrics.jsonl").open("a") as stream:
        stream.write('{"step": 401, "loss": 0.123, "lr": 1e-5, "grad_norm": 1.0, "seconds": 0.05}\n')
    expect(page.locator("#told")).to_have_text(re.compile("^401: loss 0.123"), timeout=20_000)
    page.goto(served[0][0])
    assert page.locator("tbody tr").count() == 2
    assert violations(page) == []
    assert fits(page, 360)
    assert [text for text in seen if not text.startswith(served[0][0])] == []


def test_twenty_pairs_by_keyboard_and_a_mask(served, watched):
    from playwright.sync_api import expect

    (__, address), review = served
    page, seen = watched
    page.goto(address)
    expect(page.locator("#counts")).to_have_text(re.compile("^0 of 24"))
    assert violations(page) == []
    assert fits(page, 360)
    assert fits(page, 1600)
    for number in range(20):
        page.keyboard.press("r" if number % 5 == 4 or number == 7 else "a")
        expect(page.locator("#counts")).to_have_text(re.compile(f"^{number + 1} of 24"))
    told = {pair.index: pair.verdict for pair in review.pairs()}
    assert [told[number] for number in (0, 4, 7, 9, 19, 20)] == ["accepted", "rejected", "rejected", "rejected",
                                                                 "rejected", ""]  # fmt: skip
    page.keyboard.press("u")
    expect(page.locator("#place")).to_have_text(re.compile("^00019"))
    assert sum(bool(pair.verdict) for pair in review.pairs()) == 19
    page.keyboard.press("a")  # it has no mask
    expect(page.locator("#said")).to_have_text(re.compile("paint one first"))
    for key in ("m", "[", "ArrowRight", " ", "ArrowDown", " ", "s"):
        page.keyboard.press(key)
    expect(page.locator("#said")).to_have_text("mask saved")
    page.keyboard.press("a")
    expect(page.locator("#counts")).to_have_text(re.compile("^20 of 24"))
    pair = next(one for one in review.pairs() if one.index == 19)
    assert pair.accepted
    assert 0 < pair.review["mask_area"] < 0.5
    assert [text for text in seen if not text.startswith(address)] == []
