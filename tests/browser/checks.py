# What the tests of the page share: checks, curves read back from the drawing, reports.
import subprocess

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


def check_harmless(browser, what):
    check(not browser.dialogs, f"{what}: a script of a run's text was run: {browser.dialogs}")
    check(not browser.errors, f"{what}: {browser.errors}")
    outside = [url for url in browser.requests if not url.startswith(("file:", "data:"))]
    check(not outside, f"{what}: asks the network for {outside}")


def report(skein, *arguments):
    subprocess.run([skein, "report", *map(str, arguments)], check=True, stdout=subprocess.DEVNULL)
