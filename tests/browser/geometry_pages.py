# The page of `skein geometry`: the numbers of --json are those that are drawn.
import json
import subprocess

from checks import check, check_harmless, curve, near


def test_geometry(skein, browser, place, pictures):
    train = ["train", "--model", "resnet8", "--data", "synthetic", "--synthetic-train", "64", "--synthetic-size", "8"]
    train += ["--epochs", "1", "--batch", "16", "--threads", "1", "--conv", "onednn"]
    runs = [place / "geometry" / name for name in ("a", "<b>")]
    for seed, run in enumerate(runs):
        subprocess.run([skein, *train, "--seed", str(seed), "--out", run], check=True, capture_output=True)
    page = place / "geometry.html"
    command = [skein, "geometry", *runs, "--images", "32", "--batch", "16", "--steps", "3", "--trace", "2"]
    command += ["--line", "3", "--test", "--plane", "3", "--threads", "1", "--json", "--html", page]
    facts = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    browser.open(page.as_uri())
    for chart, series, column in (("line-loss", "training images", "loss"), ("line-top1", "test images", "test_top1")):
        near(curve(browser, chart, series), [(p["place"], p[column]) for p in facts["line"]], chart, browser)
    rows = browser.evaluate("[...document.querySelectorAll('#runs tbody tr')].map((row) => row.textContent)")
    check(len(rows) == 2 and "<b>" in rows[1] and "not converged" in rows[0], f"the table: {rows}")
    titles = "document.querySelector('.plane').querySelectorAll('title')"
    cells = browser.evaluate(f"[...{titles}].map((title) => title.textContent)")
    check(len(cells) == 9 and cells[4].startswith("0.00, 0.00: loss "), f"the plane: {cells}")
    check(abs(float(cells[4].split()[3].strip(",")) / facts["checkpoints"][0]["loss"] - 1) < 0.01, cells[4])
    check_harmless(browser, "geometry")
    browser.size(1200)
    browser.picture(pictures / "geometry.png")
