# The page of `skein view` while a run goes on, and what its server refuses.
import http.client
import json
import os
import socket
import struct
import subprocess
import time
import urllib.parse

from checks import check, curve, epochs, near
from runs import write_run


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


def wait_for(browser, script):
    """The page asks for news at once, and not after its second of waiting."""
    browser.wait_for(f"ask().then(() => {script})")


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
        wait_for(browser, f"({points}) === 6")
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
        wait_for(browser, "document.querySelector('.status-stalled') !== null")
        outside = [url for url in browser.requests if not url.startswith((view.address, "data:"))]
        check(not outside, f"the page asks {outside}")
        check(not browser.errors, f"view: {browser.errors}")
    browser.wait_for("document.getElementById('state').classList.contains('lost')")
    browser.errors.clear()
