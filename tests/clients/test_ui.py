"""The status page, in a browser."""

import shutil

import pytest
import requests
from programs import node
from kmuxd import TOKEN

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg=="
CELL = f"""
from IPython.display import display
print("before anybody looked")
print("\\x1b[31mred\\x1b[0m <b>not bold</b>")
display({{"image/png": "{PIXEL}", "text/plain": "a pixel"}}, raw=True)
import time
time.sleep(1000)
"""


@pytest.mark.timeout(400)
def test_the_page(make_daemon):
    daemon = make_daemon("[kernels]\necho = true\n").start()
    kernel = daemon.kernel("python3")
    channels = daemon.channels(kernel)
    channels.execute(CELL)
    channels.until(lambda m: m["msg_type"] == "display_data")
    node("ui.cjs", daemon.url, TOKEN, shutil.which("chromium"), daemon.directory, kernel)


def test_its_files(daemon):
    page = requests.get(daemon.url + "ui", timeout=60)
    assert page.status_code == 200 and page.headers["Content-Type"].startswith("text/html")
    assert "script-src 'self'" in page.headers["Content-Security-Policy"] and "unsafe" not in page.headers["Content-Security-Policy"]
    assert requests.get(daemon.url, timeout=60).url == daemon.url + "ui"
    assert requests.get(daemon.url + "ui/app.js", timeout=60).headers["Content-Type"].startswith("text/javascript")
    assert requests.get(daemon.url + "ui/nothing.js", timeout=60).status_code == 404
    assert requests.get(daemon.url + "ui/..%2Fapp.cpp", timeout=60).status_code == 401
