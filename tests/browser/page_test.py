#!/usr/bin/env python3
# The page of `skein report` and `skein view` in headless Chromium: what is drawn is read back and compared with the
# logs. Then what the server of `skein view` refuses.
#   page_test.py SKEIN SCREENSHOTS      exit status 77: there is no Chromium
# Leaves pictures of the page in the folder SCREENSHOTS: light and dark, 400 and 1600 pixels wide.
import http.client
import json
import os
import pathlib
import socket
import struct
import subprocess
import sys
import tempfile
import time
import urllib.parse

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from chromium import Chromium
from runs import write_run

# Text that runs a script wherever it is taken for HTML.
HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\"'&"

# The numbers of a curve: the coordinates of its path, mapped back by the scales of its chart.
READ_CURVE = """(chart, name) => {
  const svg = document.querySelector(`#chart-${chart} svg`), pair = (key) => svg.dataset[key].split(' ').map(Number);
  const path = [...svg.querySelectorAll('.line')].find((p) => p.dataset.series === name).getAttribute('d');
  const back = (v, [a, b], [r, s]) => a + (v - r) / (s - r) * (b - a);
  return path.slice(1).split('L').map((p) => p.split(',').map(Number)).map(([x, y]) => [
    back(x, pair('xDomain'), pair('xRange')), back(y, pair('yDomain'), pair('yRange'))]);
}"""


def check(condition, what):
    if not condition:
        raise AssertionError(what)


def near(drawn, expected, chart, browser):
    """Coordinates are rounded to a tenth of a pixel."""
    box = browser.evaluate(
        f"(s => [s.xDomain, s.xRange, s.yDomain, s.yRange])(document.querySelector('#chart-{chart} svg').dataset)"
    )
    spans = [abs(b - a) for a, b in (map(float, text.split()) for text in box)]
    check(len(drawn) == len(expected), f"{chart}: {len(drawn)} points are drawn, not {len(expected)}")
    for (x, y), (x0, y0) in zip(drawn, expected):
        check(
            abs(x - x0) <= 0.06 * spans[0] / spans[1] + 1e-5 * abs(x0)
            and abs(y - y0) <= 0.06 * spans[2] / spans[3] + 1e-5 * abs(y0),
            f"{chart}: drawn ({x}, {y}), logged ({x0}, {y0})",
        )


def curve(browser, chart, name):
    return browser.evaluate(f"({READ_CURVE})({chart!r}, {name!r})")


def epochs(lines):
    return [line for line in lines if line["type"] == "epoch"]


def check_curves(browser, two_seeds, one):
    drawn = curve(browser, "test-top1", "two")
    near(
        drawn,
        [(a["epoch"], (a["test_top1"] + b["test_top1"]) / 2) for a, b in zip(*map(epochs, two_seeds))],
        "test-top1",
        browser,
    )
    near(curve(browser, "test-top1", "one"), [(e["epoch"], e["test_top1"]) for e in epochs(one)], "test-top1", browser)
    near(
        curve(browser, "distance", "one"),
        [(r["step"] / 8, sum(r["distance"]) / 2) for r in one if r["type"] == "round"],
        "distance",
        browser,
    )
    for axis, of in (
        ("bytes", lambda e: e["rounds"]["bytes"]),
        ("seconds", lambda e: e["seconds"]),
        ("simulated", lambda e: e["rounds"]["compute_seconds"] + e["rounds"]["network_seconds"]),
    ):
        browser.evaluate(f"document.querySelector('[data-axis={axis}]').click()")
        near(curve(browser, "test-loss", "one"), [(of(e), e["test_loss"]) for e in epochs(one)], "test-loss", browser)
    browser.evaluate("document.querySelector('[data-axis=epoch]').click()")


def check_table(browser, one):
    best = max(e["test_top1"] for e in epochs(one))
    row = "[...document.querySelectorAll('tr[data-run]')].find((r) => r.dataset.run === 'one')"
    check(
        browser.evaluate(f"{row}.querySelector('[data-label=\"Best %\"]').textContent") == f"{best:.2f}",
        "best accuracy in the table",
    )
    check(
        browser.evaluate(f"{row}.querySelector('[data-label=sync]').textContent") == "local:H=4",
        "differing setting in the table",
    )
    check(
        browser.evaluate("[...document.querySelectorAll('.worst img')].every((i) => i.naturalWidth === 8)"),
        "pictures are shown",
    )
    check(browser.evaluate("document.querySelectorAll('.matrix td')[1].textContent") == "8", "confusion matrix")


def check_keyboard(browser, one):
    browser.evaluate("document.querySelector('#chart-test-loss .plot').focus()")
    browser.press("ArrowRight")
    loss = epochs(one)[0]["test_loss"]
    check(
        f"{loss:.4f}" in browser.evaluate("document.getElementById('readout').textContent"),
        "the arrow key shows the first epoch",
    )
    browser.press("Escape")
    check(browser.evaluate("document.getElementById('readout').hidden"), "Escape hides the numbers")


def check_looks(browser, address, folder):
    paper = {}
    for theme in ("light", "dark"):
        browser.media(theme)
        for width in (400, 1600):
            browser.size(width, phone=width < 500)
            browser.open(address)
            check(
                browser.evaluate("document.documentElement.scrollWidth") <= width,
                f"the page is wider than {width} pixels",
            )
            browser.picture(folder / f"report-{theme}-{width}.png")
        paper[theme] = browser.evaluate("getComputedStyle(document.body).backgroundColor")
    check(paper["light"] != paper["dark"], "light and dark differ")
    browser.media("dark", "print")
    check(browser.evaluate("getComputedStyle(document.body).backgroundColor") == paper["light"], "paper is light")
    browser.media("light")
    for _ in range(2):  # auto, light, dark
        browser.evaluate("document.getElementById('theme').click()")
    check(
        browser.evaluate("getComputedStyle(document.body).backgroundColor") == paper["dark"],
        "the switch makes the page dark",
    )
    browser.evaluate("document.getElementById('theme').click()")


def check_harmless(browser, what):
    check(not browser.dialogs, f"{what}: a script of a run's text was run: {browser.dialogs}")
    check(not browser.errors, f"{what}: {browser.errors}")
    outside = [url for url in browser.requests if not url.startswith(("file:", "data:"))]
    check(not outside, f"{what}: asks the network for {outside}")


def report(skein, *arguments):
    subprocess.run([skein, "report", *map(str, arguments)], check=True, stdout=subprocess.DEVNULL)


def test_report(skein, browser, place, pictures):
    two = [write_run(place / "runs" / "two" / f"seed-{seed}", seed=seed) for seed in (0, 1)]
    one = write_run(place / "runs" / "one", local_steps=4)
    out = place / "report.html"
    report(skein, place / "runs", "--out", out)
    check_looks(browser, out.as_uri(), pictures)
    check_curves(browser, two, one)
    check_table(browser, one)
    check_keyboard(browser, one)
    check_harmless(browser, "report")


def test_hostile_names(skein, browser, place):
    name = HOSTILE.replace("/", "")
    write_run(
        place / "bad" / name,
        classes=[HOSTILE, "<b>", "'"],
        cpu=HOSTILE,
        settings=f"data = {chr(39) * 3}{HOSTILE}{chr(39) * 3}\n",
    )
    write_run(place / "bad" / "other", seed=1, local_steps=2)
    with open(place / "bad" / "other" / "metrics.jsonl", "a") as log:
        log.write('{"type":"epoch","epoch":7,"st')  # cut
    odd = place / "bad" / "odd"
    odd.mkdir()
    (odd / "config.toml").write_text("epochs = 2\n")
    (odd / "metrics.jsonl").write_text(
        '{"type":"run","schema":1,"machine":"none","workers":{}}\n{"type":"epoch","epoch":1,"step":8,"test_top1":null,'
        '"train_loss":1e9,"test_loss":-3,"seconds":"x"}\n[]\n{"type":"round","step":"x"}\n'
        '{"type":"step","step":1,"loss":null}\n'
    )
    out = place / "hostile.html"
    report(skein, place / "bad", "--out", out)
    browser.open(out.as_uri())
    check(
        browser.evaluate("[...document.querySelectorAll('tr[data-run]')].map((r) => r.dataset.run)").count(name) == 1,
        "the name is shown as it is",
    )
    check(
        HOSTILE
        in browser.evaluate("document.querySelector('.matrix').textContent + document.querySelector('dl').textContent"),
        "class and processor",
    )
    check(
        browser.evaluate("document.querySelectorAll('#main script, #main img:not([src^=data])').length") == 0,
        "no element of a run's text",
    )
    check(
        "1 lines of metrics.jsonl cannot be read" in browser.evaluate("document.querySelector('.notes').textContent"),
        "the cut line is counted",
    )
    check_harmless(browser, "hostile names")


def test_many_epochs(skein, browser, place):
    for i in range(20):
        write_run(place / "many" / f"run-{i:02}", local_steps=i + 1, epochs=300, steps=4)
    out = place / "many.html"
    report(skein, place / "many", "--out", out)
    megabytes = out.stat().st_size * 1e-6
    browser.open(out.as_uri())
    seconds = min(
        browser.evaluate(
            "(() => { const begin = performance.now(); draw(); document.body.offsetHeight;"
            " return performance.now() - begin; })()"
        )
        * 1e-3
        for _ in range(3)
    )
    print(f"20 runs of 300 epochs: {megabytes:.2f} MB, drawn in {seconds:.2f} s")
    check(megabytes < 3 and seconds < 1, "20 runs of 300 epochs: under 3 MB and a second")
    check_harmless(browser, "many epochs")


class View:
    """skein view on a port of its own; `address` is what it prints."""

    def __init__(self, skein, *arguments):
        self.process = subprocess.Popen(
            [skein, "view", *map(str, arguments), "--port", "0"], stdout=subprocess.PIPE, text=True
        )
        self.address = self.process.stdout.readline().split()[-1]
        self.url = urllib.parse.urlsplit(self.address)

    def get(self, path, method="GET", **headers):
        connection = http.client.HTTPConnection("127.0.0.1", self.url.port, timeout=20)
        connection.request(method, path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read()

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.process.terminate()
        self.process.wait(20)


def append(folder, line):
    with open(folder / "metrics.jsonl", "a") as log:
        log.write(json.dumps(line, separators=(",", ":")) + "\n")


def test_server(skein, place):
    write_run(place / "served" / "one")
    (place / "secret").write_text("secret")
    with View(skein, place / "served") as view:
        check(view.url.hostname == "127.0.0.1" and not view.url.query, "only this machine, without a token")
        check(view.get("/")[0] == 200, "the page")
        status, text = view.get("/facts.json")
        check(status == 200 and json.loads(text)["runs"][0]["epochs"]["epoch"] == [1, 2, 3, 4, 5, 6], "the facts")
        check(view.get(f"/facts.json?have={json.loads(text)['digest']}")[0] == 204, "nothing new")
        for path in (
            "/../secret",
            "/%2e%2e/secret",
            "/..%2fsecret",
            str(place / "secret"),
            "/one/config.toml",
            "//one",
        ):
            status, text = view.get(path)
            check(status >= 400 and text.strip() != b"secret", f"{path} is refused, not {status}")
        check(view.get("/", Host="evil.example:80")[0] == 403, "a name that was resolved to this machine")
        for method in ("POST", "PUT", "DELETE"):
            check(view.get("/", method)[0] >= 400, f"{method} is refused")
        busy = subprocess.run(
            [skein, "view", str(place / "served"), "--port", str(view.url.port)], capture_output=True, text=True
        )
        check(
            busy.returncode == 2 and str(view.url.port) in busy.stderr and "in use" in busy.stderr,
            f"port in use: {busy.stderr}",
        )
        for _ in range(20):  # a browser that leaves in the middle
            with socket.create_connection(("127.0.0.1", view.url.port)) as leaving:
                leaving.sendall(b"GET /facts.json HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
                leaving.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        check(view.get("/")[0] == 200, "the server goes on")
    with View(skein, place / "served", "--host", "0.0.0.0") as view:
        check(view.get("/")[0] == 403 and view.get("/facts.json?token=0")[0] == 403, "without its token")
        check(view.get(f"/?{view.url.query}", Host="node-1:80")[0] == 200, "with its token")


def test_view(skein, browser, place, pictures):
    folder = place / "live"
    folder.mkdir()
    browser.size(1600)
    with View(skein, folder) as view:
        browser.requests.clear()
        browser.open(view.address)
        browser.wait_for("document.querySelector('.empty') !== null")
        lines = write_run(folder / "growing", epochs=6)
        log = folder / "growing" / "metrics.jsonl"
        log.write_text(
            "".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines if line.get("epoch", 0) <= 3)
        )
        points = "document.querySelector('#chart-test-top1 .line')?.getAttribute('d').split(/[LM]/).length - 1"
        browser.wait_for(f"({points}) === 3")
        check(browser.evaluate("document.querySelector('.status-running') !== null"), "the run is shown as running")
        browser.picture(pictures / "view-light-1600.png")
        for line in lines:
            if line.get("epoch", 0) > 3:
                append(folder / "growing", line)
        browser.wait_for(f"({points}) === 6")
        near(
            curve(browser, "test-top1", "growing"),
            [(e["epoch"], e["test_top1"]) for e in epochs(lines)],
            "test-top1",
            browser,
        )
        log.write_text(
            "".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines if line.get("epoch", 0) <= 5)
        )
        os.utime(log, (time.time() - 3600,) * 2)
        browser.wait_for("document.querySelector('.status-stalled') !== null")
        outside = [url for url in browser.requests if not url.startswith((view.address, "data:"))]
        check(not outside, f"the page asks {outside}")
        check(not browser.errors, f"view: {browser.errors}")
    browser.wait_for("document.getElementById('state').classList.contains('lost')")
    browser.errors.clear()


def main(skein, pictures):
    if not Chromium.path():
        print("skipped: there is no Chromium (package chromium)")
        return 77
    pictures = pathlib.Path(pictures)
    pictures.mkdir(parents=True, exist_ok=True)
    browser = Chromium()
    try:
        with tempfile.TemporaryDirectory() as place:
            place = pathlib.Path(place)
            test_report(skein, browser, place, pictures)
            test_hostile_names(skein, browser, place)
            test_many_epochs(skein, browser, place)
            test_view(skein, browser, place, pictures)
            test_server(skein, place)
    finally:
        browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
