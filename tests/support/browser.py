"""A headless Chromium, driven by selenium, and a server of static files."""

import os
import shutil
import threading
import time
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

LITERT_JS = os.environ.get("ESRGAN_TEST_LITERT_JS")  # node_modules with @litertjs/core
SCREENSHOTS = os.environ.get("ESRGAN_TEST_SCREENSHOTS")  # a folder, such as docs; none are kept without it
PATIENCE = 60  # s


def open_browser():
    """A browser; the test is skipped where there is none."""
    webdriver = pytest.importorskip("selenium.webdriver")
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not chromium or not driver:
        pytest.skip("Chromium or its driver is not installed")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for flag in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--window-size=1100,1200"):
        options.add_argument(flag)
    return webdriver.Chrome(options, webdriver.ChromeService(driver))


class _Handler(SimpleHTTPRequestHandler):
    extensions_map = {**SimpleHTTPRequestHandler.extensions_map, ".js": "text/javascript", ".wasm": "application/wasm"}

    def log_message(self, *arguments):
        pass

    def do_GET(self):
        self.server.asked.append(self.path)
        super().do_GET()

    def end_headers(self):
        for name, value in self.server.headers.items():
            self.send_header(name, value)
        super().end_headers()


class Site:
    """A folder that is served on this machine while the block runs, and the paths that were `asked` for."""

    def __init__(self, folder, headers=None):
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, directory=str(folder)))
        self._server.headers, self._server.asked = headers or {}, []
        self.asked = self._server.asked
        self.url = f"http://localhost:{self._server.server_port}/"

    def __enter__(self):
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def stop(self):
        self._server.shutdown()
        self._server.server_close()

    def __exit__(self, *_):
        self.stop()


def wait_for(condition, what, patience=PATIENCE):
    """What `condition` gives, once it gives something."""
    end = time.monotonic() + patience
    while time.monotonic() < end:
        if found := condition():
            return found
        time.sleep(0.05)
    pytest.fail(f"{what}: not within {patience} s")


def downloaded(browser, link, folder: Path) -> Path:
    """The file that a link of the page saves into an empty folder, when it is clicked."""
    folder.mkdir()
    browser.execute_cdp_cmd("Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(folder)})
    link.click()
    return wait_for(lambda: next((p for p in folder.iterdir() if p.suffix != ".crdownload"), None), "the download")


def screenshot(browser, name: str) -> None:
    """Keep a screenshot of the page, where they are asked for; it is not of one colour."""
    from io import BytesIO

    from PIL import Image

    image = Image.open(BytesIO(browser.get_screenshot_as_png())).convert("RGB")
    assert np.asarray(image).std() > 5
    if SCREENSHOTS:
        image.quantize(256).save(Path(SCREENSHOTS) / name, optimize=True)
