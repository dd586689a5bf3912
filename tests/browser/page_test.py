#!/usr/bin/env python3
# The page of `skein report` and `skein view` in headless Chromium: what is drawn is read back and compared with the
# logs. Then what the server of `skein view` refuses.
#   page_test.py SKEIN SCREENSHOTS      exit status 77: there is no Chromium
# Leaves pictures of the page in the folder SCREENSHOTS: light and dark, 400 and 1600 pixels wide.
import pathlib
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import geometry_pages
import layer_pages
import report_pages
import verdict_pages
import view_pages
from chromium import Chromium


def main(skein, pictures):
    if not Chromium.path():
        print("skipped: there is no Chromium (package chromium)")
        return 77
    pictures = pathlib.Path(pictures)
    pictures.mkdir(parents=True, exist_ok=True)
    browser = Chromium()
    try:
        with tempfile.TemporaryDirectory() as name:
            place = pathlib.Path(name)
            for test, arguments in (
                (report_pages.test_report, (skein, browser, place, pictures)),
                (report_pages.test_hostile_names, (skein, browser, place)),
                (report_pages.test_many_epochs, (skein, browser, place)),
                (layer_pages.test_layers, (skein, browser, place, pictures)),
                (geometry_pages.test_geometry, (skein, browser, place, pictures)),
                (verdict_pages.test_verdict, (skein, browser, place)),
                (view_pages.test_view, (skein, browser, place, pictures)),
                (view_pages.test_server, (skein, place)),
            ):
                begin = time.monotonic()
                test(*arguments)
                print(f"{test.__name__}: {time.monotonic() - begin:.1f} s", flush=True)
    finally:
        browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
