# The page of `skein report`: curves, table, looks, hostile names, size.
from checks import check, check_harmless, curve, epochs, near, report
from runs import write_run

# Text that runs a script wherever it is taken for HTML.
HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\"'&"


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
    write_run(place / "bad" / "other", seed=1, local_steps=2, gain=0)  # the page shows the best run first
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
