"""A real browser, in which pages are opened and measured."""

import shutil
import time

import pytest

WIDE, NARROW = (1400, 1000), (390, 844)


def chromium(profile):
    """Return Chromium without a window, if it is here with its driver."""
    webdriver = pytest.importorskip("selenium.webdriver")
    names = ("chromium", "chromium-browser", "google-chrome")
    program = next(filter(None, map(shutil.which, names)), None)
    driver = shutil.which("chromedriver")
    if not (program and driver):
        pytest.skip("not run: no chromium, or no chromedriver")
    options = webdriver.ChromeOptions()
    options.binary_location = program
    for argument in (
        *("headless", "no-sandbox", "disable-gpu", "disable-background-networking"),
        *("no-first-run", "disable-component-update", "disable-sync"),
        f"user-data-dir={profile}",
    ):
        options.add_argument(f"--{argument}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    service = webdriver.ChromeService(driver)
    return webdriver.Chrome(options=options, service=service)


def open_page(browser, path, size, scheme="light"):
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": size[0], "height": size[1], "deviceScaleFactor": 1, "mobile": size == NARROW},
    )
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    browser.get(path.as_uri())
    # On a busy machine it may come back before the page is there.
    there = "return document.readyState == 'complete' && location.href == arguments[0]"
    for _ in range(300):
        if browser.execute_script(there, path.as_uri()):
            return
        time.sleep(0.1)
    raise TimeoutError(f"{path} does not open")


def overflow(browser, size):
    """Return how many pixels the page is wider than the window."""
    # On a phone the window grows with the page; on a desktop a scroll bar takes some of it.
    page, window = browser.execute_script(
        "const e = document.documentElement; return [e.scrollWidth, e.clientWidth]"
    )
    return page - min(window, size[0])
