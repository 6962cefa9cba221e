"""Pages and pictures in real Chromium: what they show, that nothing overlaps, that nothing is asked of the network.

Playwright (the extra `browser`) drives the browser that is installed. Where either is missing these tests are skipped
and say so; under CI that is a failure.
"""

import os
import shutil
from contextlib import ExitStack
from pathlib import Path

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]


def missing():
    """What these tests need and isn't there; empty where all is."""
    try:
        import playwright.sync_api  # noqa: F401
    except ImportError:
        return 'playwright isn\'t installed: pip install "tinygrad-edu[browser]"'
    return "" if program() else "Chromium isn't installed: apt install chromium"


def program():
    return next((path for path in map(shutil.which, NAMES) if path), None)


@pytest.fixture(scope="session")
def chromium():
    """The browser, started once for all tests."""
    if reason := missing():
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program(), headless=True, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def open_page(chromium):
    """Opens files: `page = open_page(path, width=400, dark=True, scripts=False)`, a Playwright page, offline.

    After the test no page may have written to the console, thrown an error, or asked for anything but its own file.
    """
    with ExitStack() as contexts:
        talk, asked = [], []

        def open_file(path, width=1000, height=800, dark=False, scripts=True):
            context = chromium.new_context(
                viewport={"width": width, "height": height},
                color_scheme="dark" if dark else "light",
                java_script_enabled=scripts,
                offline=True,
            )
            contexts.callback(context.close)
            page = context.new_page()
            page.set_default_timeout(10_000)
            page.on("console", lambda message: talk.append(f"{message.type}: {message.text}"))
            page.on("pageerror", lambda error: talk.append(f"error: {error}"))
            page.on("request", lambda request: asked.append(request.url))
            url = Path(path).resolve().as_uri()
            page.goto(url)
            asked.remove(url)
            return page

        yield open_file
    assert talk == []
    assert [url for url in asked if not url.startswith(("data:", "file:"))] == []
    assert not [url for url in asked if url.startswith("file:") and "#" not in url]


# --- what must hold of every drawing ---------------------------------------------------------------------------

OVERFLOWS = """() => {
  const out = [];
  for (const card of document.querySelectorAll('.cards > g')) {
    const box = card.querySelector('rect').getBoundingClientRect();
    for (const text of card.querySelectorAll('text')) {
      const t = text.getBoundingClientRect();
      if (t.left < box.left || t.right > box.right || t.top < box.top - 1 || t.bottom > box.bottom + 1)
        out.push(card.id + ': ' + text.textContent);
    }
  }
  return out;
}"""
OVERLAPS = """selector => {
  const out = [];
  const all = [...document.querySelectorAll(selector)].map(e => [e, e.getBoundingClientRect()]);
  for (let i = 0; i < all.length; i++) for (let j = 0; j < i; j++) {
    const [[a, p], [b, q]] = [all[i], all[j]];
    if (p.left < q.right - 0.5 && q.left < p.right - 0.5 && p.top < q.bottom - 0.5 && q.top < p.bottom - 0.5)
      out.push((a.textContent || a.parentNode.id) + ' / ' + (b.textContent || b.parentNode.id));
  }
  return out;
}"""
CONTRASTS = """() => {
  const channel = c => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  const light = c => { const [r, g, b] = c.match(/[\\d.]+/g).map(Number);
                       return 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b); };
  const ratio = (a, b) => (Math.max(light(a), light(b)) + 0.05) / (Math.min(light(a), light(b)) + 0.05);
  const out = [];
  const page = getComputedStyle(document.querySelector('.page')).fill;
  const boxes = [...document.querySelectorAll('.boxes rect')].map(e => getComputedStyle(e).fill);
  for (const part of document.querySelectorAll('.tg text, .tg tspan')) {
    const card = part.closest('.cards > g');
    const grounds = card ? [getComputedStyle(card.querySelector('rect')).fill] : [page, ...boxes];
    for (const ground of grounds) {
      const found = ratio(getComputedStyle(part).fill, ground);
      if (found < 4.5) out.push([part.textContent, found]);
    }
  }
  return out;
}"""


def check_drawing(page):
    """No text leaves its card, no two cards, no two texts overlap; every text can be read on its ground."""
    assert page.evaluate(OVERFLOWS) == []
    assert page.evaluate(OVERLAPS, ".cards rect") == []
    assert page.evaluate(OVERLAPS, ".tg text") == []
    assert page.evaluate(CONTRASTS) == []
