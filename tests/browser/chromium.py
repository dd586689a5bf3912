# Headless Chromium, driven over two pipes (the DevTools protocol): open a page, evaluate JavaScript in it, press keys,
# take a picture. Standard library alone.
import base64
import json
import os
import shutil
import subprocess
import tempfile
import time


class Chromium:
    """A browser with one tab. Errors that a page throws or logs are in `errors`, dialogs that it opens in `dialogs`."""

    @staticmethod
    def path():
        return shutil.which("chromium") or shutil.which("google-chrome")  # Ubuntu's chromium-browser needs snapd

    def __init__(self):
        self.profile = tempfile.mkdtemp(prefix="skein-browser-")
        read_there, self.write_here = os.pipe()
        self.read_here, write_there = os.pipe()

        def as_3_and_4():  # where --remote-debugging-pipe looks for its ends
            a, b = os.dup(read_there), os.dup(write_there)
            os.dup2(a, 3)
            os.dup2(b, 4)

        self.process = subprocess.Popen(
            [
                self.path(),
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--remote-debugging-pipe",
                "--hide-scrollbars",
                "--no-first-run",
                "--disable-extensions",
                "--disable-background-networking",
                "--force-color-profile=srgb",
                f"--user-data-dir={self.profile}",
                "about:blank",
            ],
            close_fds=False,
            preexec_fn=as_3_and_4,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(read_there)
        os.close(write_there)
        self.waiting, self.number, self.session = b"", 0, None
        self.errors, self.dialogs, self.requests, self.loaded = [], [], [], False
        tabs = self.call("Target.getTargets")["targetInfos"]
        tab = next(t["targetId"] for t in tabs if t["type"] == "page")
        self.session = self.call("Target.attachToTarget", targetId=tab, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(domain + ".enable")

    def close(self):
        try:
            self.session = None
            self.call("Browser.close")
        except (OSError, EOFError):
            pass
        self.process.wait(20)
        os.close(self.write_here)
        os.close(self.read_here)
        shutil.rmtree(self.profile, ignore_errors=True)

    def call(self, method, **parameters):
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.write_here, json.dumps(message).encode() + b"\0")
        while True:
            answer = self.next_message()
            if answer.get("id") == self.number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return answer["result"]

    def next_message(self):
        while b"\0" not in self.waiting:
            more = os.read(self.read_here, 1 << 20)
            if not more:
                raise EOFError("Chromium has ended")
            self.waiting += more
        text, _, self.waiting = self.waiting.partition(b"\0")
        message = json.loads(text)
        kind, about = message.get("method"), message.get("params", {})
        if kind == "Runtime.exceptionThrown":
            details = about["exceptionDetails"]
            self.errors.append(details.get("exception", {}).get("description", details["text"]))
        elif kind == "Log.entryAdded" and about["entry"]["level"] == "error":
            self.errors.append(about["entry"]["text"])
        elif kind == "Page.javascriptDialogOpening":
            self.dialogs.append(about["message"])
        elif kind == "Network.requestWillBeSent":
            self.requests.append(about["request"]["url"])
        elif kind == "Page.loadEventFired":
            self.loaded = True
        return message

    def size(self, width, height=900, phone=False):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=phone)

    def media(self, theme="light", medium=""):
        self.call(
            "Emulation.setEmulatedMedia", media=medium, features=[{"name": "prefers-color-scheme", "value": theme}]
        )

    def open(self, url):
        self.loaded = False
        self.call("Page.navigate", url=url)
        while not self.loaded:
            self.next_message()

    def evaluate(self, script):
        result = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in result:
            raise RuntimeError(result["exceptionDetails"].get("exception", {}).get("description", "exception"))
        return result["result"].get("value")

    def wait_for(self, script, seconds=15):
        end = time.monotonic() + seconds
        while not self.evaluate(script):
            if time.monotonic() > end:
                raise AssertionError(f"not within {seconds} s: {script}")
            time.sleep(0.1)

    def press(self, key):
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key, code=key)

    def picture(self, path):
        """The whole page, not only what fits into the window."""
        height = self.evaluate("document.documentElement.scrollHeight")
        width = self.evaluate("window.innerWidth")
        data = self.call(
            "Page.captureScreenshot",
            format="png",
            captureBeyondViewport=True,
            clip={"x": 0, "y": 0, "width": width, "height": height, "scale": 1},
        )["data"]
        with open(path, "wb") as file:
            file.write(base64.b64decode(data))
