# The network on the page: a graph of its layers, coloured by measured time, with norms over the epochs.
import json
import math
import subprocess

from checks import check, check_harmless, report
from runs import LAYERS, write_run

ROWS = """[...document.querySelectorAll('.layers tbody tr')].map((row) => ({
  name: row.dataset.layer, time: row.querySelector('.time')?.textContent,
  colour: getComputedStyle(row.querySelector('.name')).backgroundColor,
  height: row.getBoundingClientRect().height,
  weight: row.querySelector('.weight path')?.getAttribute('d'), grad: row.querySelector('.grad path')?.getAttribute('d')
}))"""
EDGES = "[...document.querySelectorAll('.edges path')].map((p) => [p.dataset.from, p.dataset.to].map(Number))"


def read_norms(browser, path, name):
    """The values of a norm's curve: its heights, mapped back by the logarithmic scale of its column."""
    low, high = map(float, browser.evaluate(f"document.querySelector('.layers table').dataset.{name}").split())
    heights = [float(point.split(",")[1]) for point in path[1:].split("L")]
    return [low * (high / low) ** ((17 - y) / 16) for y in heights]


def check_times(rows, profile):
    by_layer, most = {}, 0
    for kernel in profile["layers"]:
        layer = kernel["layer"].split("/")[0]
        by_layer[layer] = by_layer.get(layer, 0) + kernel["ms"]
    for row in rows:
        ms = by_layer.pop(row["name"])
        check(abs(float(row["time"]) - ms) <= 0.006 * ms, f"{row['name']}: {row['time']} ms drawn, {ms} measured")
        most = max(most, ms)
    check(set(by_layer) <= {"optimizer", "outside layers"}, f"layers without a row: {set(by_layer)}")
    slowest = max(rows, key=lambda row: float(row["time"]))
    quickest = min(rows, key=lambda row: float(row["time"]))
    check(slowest["colour"] != quickest["colour"], "the colour shows the time")
    return slowest["colour"]


def check_edges(browser, rows):
    names = [row["name"] for row in rows]
    edges = {(names[a], names[b]) for a, b in browser.evaluate(EDGES)}
    for pair in (
        ("conv1", "bn1"),
        ("bn1", "layer1.0.bn2"),  # the identity of the first block
        ("layer1.0.bn2", "layer2.0.downsample.0"),
        ("layer2.0.downsample.1", "layer2.0.bn2"),
        ("layer3.0.bn2", "fc"),
    ):
        check(pair in edges, f"no line from {pair[0]} to {pair[1]}")
    check(len(edges) == 21, f"{len(edges)} lines")  # 18 to the next layer, 3 more where a block begins or ends a branch


def check_norms(browser, rows, lines):
    for row in rows:
        for name in ("weight", "grad"):
            logged = [next(x for x in e["layers"] if x["name"] == row["name"])[f"{name}_norm"] for e in lines]
            drawn = read_norms(browser, row[name], name)
            check(len(drawn) == len(logged), f"{row['name']}: {len(drawn)} norms are drawn")
            check(
                all(abs(math.log(a / b)) < 0.02 for a, b in zip(drawn, logged)),
                f"{name} norm of {row['name']}: {drawn} drawn, {logged} logged",
            )


def check_keyboard(browser, rows):
    browser.evaluate("document.querySelector('.layers').focus()")
    for key in ("ArrowDown", "ArrowDown"):
        browser.press(key)
    text = browser.evaluate("document.getElementById('readout').textContent")
    check(text.startswith(rows[1]["name"]) and "reads" + rows[0]["name"] in text, f"the arrow keys: {text}")
    check(browser.evaluate("document.querySelectorAll('.edges path.at').length") > 1, "its lines stand out")
    browser.press("Escape")
    check(browser.evaluate("document.getElementById('readout').hidden"), "Escape hides the numbers")


def test_layers(skein, browser, place, pictures):
    folder = place / "layers" / "run"
    lines = [line for line in write_run(folder) if line["type"] == "epoch"]
    page = place / "layers.html"
    report(skein, folder, "--out", page)
    browser.open(page.as_uri())
    how = browser.evaluate("document.querySelector('.how code').textContent")
    check("bench step --model resnet8 --batch 64 --size 32 --channels 3" in how and str(folder) in how, how)
    check(browser.evaluate("document.querySelectorAll('.edges').length") == 0, "no graph without times")
    check([row["name"] for row in browser.evaluate(ROWS)] == LAYERS, "a row per layer")

    command = [skein, "bench", "step", "--model", "resnet8", "--batch", "2", "--threads", "1", "--steps", "3"]
    command += ["--profile", "--json"]
    profile = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    (folder / "profile.json").write_text(profile)
    report(skein, folder, "--out", page, "--force")
    colours = set()
    for theme in ("light", "dark"):
        browser.media(theme)
        for width in (400, 1600):
            browser.size(width, phone=width < 500)
            browser.open(page.as_uri())
            rows = browser.evaluate(ROWS)
            colours.add(check_times(rows, json.loads(profile.splitlines()[-1])))
            check(all(row["height"] == 22 for row in rows), "rows are as high as the graph's")
            check(browser.evaluate("document.documentElement.scrollWidth") <= width, f"wider than {width} pixels")
            if (theme, width) in (("light", 1600), ("dark", 400)):
                browser.picture(pictures / f"layers-{theme}-{width}.png")
    check(len(colours) == 2, "light and dark have their own colours")
    browser.media("light")
    check_edges(browser, rows)
    check_norms(browser, rows, lines)
    check_keyboard(browser, rows)
    check_harmless(browser, "layers")

    (folder / "profile.json").write_text(profile.replace("resnet8", "resnet20"))
    report(skein, folder, "--out", page, "--force")
    browser.open(page.as_uri())
    note = browser.evaluate("document.querySelector('.notes').textContent")
    check("profile.json are left out: it is of resnet20, and the run of resnet8" in note, note)
