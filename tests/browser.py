"""Debian's Chromium, headless, with an empty profile: pages at a width and in a colour scheme."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

AXE = "4.14.1"
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--disable-dev-shm-usage", "--hide-scrollbars"),
)


class Browser:
    """A Chromium that keeps what pages log and which requests they make."""

    def __init__(self, driver: Any) -> None:
        self.driver = driver

    def open(self, page: Path | str, *, width: int, scheme: str = "light", media: str = "screen") -> None:
        """Open a file, or an address; the log of the pages before is forgotten."""
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
        self._do("Emulation.setDeviceMetricsOverride", **size)
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self._do("Emulation.setEmulatedMedia", media=media, features=features)
        for kind in ("browser", "performance"):
            self.driver.get_log(kind)
        self.driver.get(page if isinstance(page, str) else page.as_uri())

    def run(self, script: str, *values: Any) -> Any:
        """The value of a script's `return`; the page itself may run none."""
        return self.driver.execute_script(script, *values)

    def press(self, keys: str) -> None:
        """Press keys, one after the other, wherever the focus is."""
        from selenium.webdriver.common.action_chains import ActionChains

        ActionChains(self.driver).send_keys(keys).perform()

    def element(self, selector: str) -> Any:
        """The first element that a CSS selector names; the test fails where there is none."""
        return self.driver.find_element("css selector", selector)

    def text(self, selector: str = "main") -> str:
        """What an element shows, without line ends."""
        return " ".join(str(self.element(selector).text).split())

    def reads(self, words: str, selector: str = "main") -> None:
        """Wait until an element shows words, on this page or the next; the test fails after two minutes."""
        from selenium.common.exceptions import NoSuchElementException, StaleElementReferenceException

        deadline = time.monotonic() + 120
        while True:
            with suppress(NoSuchElementException, StaleElementReferenceException):
                if words in self.text(selector):
                    return
            if time.monotonic() > deadline:
                pytest.fail(f"never shown in {selector}: {words}")
            time.sleep(0.02)

    def until(self, condition: str, *values: Any) -> None:
        """Wait until the expression of a script is true; the test fails after two minutes."""
        deadline = time.monotonic() + 120
        while not self.run(f"return Boolean({condition})", *values):
            if time.monotonic() > deadline:
                pytest.fail(f"never true: {condition}")
            time.sleep(0.02)

    def scripts(self, allowed: bool) -> None:
        """Let pages that are opened from now on run scripts, or not."""
        self._do("Emulation.setScriptExecutionDisabled", value=not allowed)

    def offline(self, cut: bool) -> None:
        """Cut the network, or give it back."""
        self._do("Network.enable")
        speed = {"latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
        self._do("Network.emulateNetworkConditions", offline=cut, **speed)

    def complaints(self) -> list[str]:
        """What the console says."""
        return [entry["message"] for entry in self.driver.get_log("browser")]

    def requests(self) -> list[str]:
        """The addresses that were asked for, data: left out."""
        asked = []
        for entry in self.driver.get_log("performance"):
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                asked.append(message["params"]["request"]["url"])
        return [url for url in asked if not url.startswith("data:")]

    def picture(self) -> bytes:
        """The whole page as a PNG."""
        size = self.run("const r = document.documentElement; return [r.scrollWidth, r.scrollHeight]")
        clip = {"x": 0, "y": 0, "width": size[0], "height": min(size[1], 12_000), "scale": 1}
        shot = self._do("Page.captureScreenshot", clip=clip, captureBeyondViewport=True)
        return base64.b64decode(shot["data"])

    def violations(self, axe: str) -> list[str]:
        """What axe-core finds against WCAG 2.2 A and AA and its best practices."""
        self._do("Page.setBypassCSP", enabled=True)
        found = self.driver.execute_async_script(
            axe + "; const done = arguments[arguments.length - 1];"
            f"axe.run(document, {{runOnly: {json.dumps(TAGS)}}}).then(r => "
            "done(r.violations.map(v => v.id + ': ' + v.nodes.slice(0, 3)"
            ".map(n => n.html.slice(0, 120) + ' ' + n.failureSummary).join(' | '))));"
        )
        return [str(violation) for violation in found]

    def _do(self, command: str, **values: Any) -> Any:
        return self.driver.execute_cdp_cmd(command, values)


@contextmanager
def browser() -> Iterator[Browser]:
    """Start Chromium; it is stopped at the end. The test is skipped, saying so, where it is not installed."""
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    driver_path, program = shutil.which("chromedriver"), shutil.which("chromium")
    if driver_path is None or program is None:
        pytest.skip("reports were not opened: install Chromium and its driver (`make chromium`)")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        options = webdriver.ChromeOptions()
        options.binary_location = program
        for flag in (*FLAGS, f"--user-data-dir={profile}"):
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        driver = webdriver.Chrome(options=options, service=Service(driver_path))
        driver.set_script_timeout(120)
        driver.set_page_load_timeout(120)
        try:
            yield Browser(driver)
        finally:
            driver.quit()


def axe_core() -> str:
    """The text of axe-core, which npm installs; the test is skipped, saying so, where that cannot be."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("accessibility was not checked: there is no npm")
    cache = Path(os.environ.get("CALIB_TEST_CACHE", Path.home() / ".cache" / "calibwatch-tests"))
    folder = cache / f"axe-{AXE}"
    script = folder / "node_modules" / "axe-core" / "axe.min.js"
    if not script.is_file():
        making = cache / f"axe-{os.getpid()}"
        install = [npm, "install", "--no-audit", "--no-fund", "--no-save", "--ignore-scripts"]
        words = [*install, "--prefix", str(making), f"axe-core@{AXE}"]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        if done.returncode:
            shutil.rmtree(making, ignore_errors=True)
            pytest.skip(f"accessibility was not checked: npm cannot install axe-core: {done.stderr[-200:]}")
        try:
            making.rename(folder)
        except OSError:  # another run was faster
            shutil.rmtree(making, ignore_errors=True)
    return script.read_text(encoding="utf-8")
