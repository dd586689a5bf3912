# What the page says about the best setting, and how many seeds that takes.
from checks import check, check_harmless, report
from runs import write_run


def test_verdict(skein, browser, place):
    said = "document.querySelector('.verdict').textContent"
    for seeds in (2, 5):
        runs = place / f"seeds-{seeds}"
        for steps in (1, 2):
            for seed in range(seeds):
                write_run(runs / f"h{steps}-seed-{seed}", seed, local_steps=steps, epochs=2, gain=20 * (steps == 1))
        report(skein, runs, "--out", place / f"seeds-{seeds}.html")
    browser.open((place / "seeds-2.html").as_uri())
    text = browser.evaluate(said)
    check("The two differ in sync (local:H=1, local:H=2)." in text, text)
    check("h1 has the highest" in text and "2 and 2 seeds cannot say" in text and "4 of each can" in text, text)
    browser.open((place / "seeds-5.html").as_uri())
    text = browser.evaluate(said)
    check("more than chance explains (rank test of 5 and 5 seeds, p = 0.00794)" in text, text)
    # Mann and Whitney, 1947, table I: P(U <= 1) = 2/70 of 4 and 4, P(U <= 2) = 4/126 of 4 and 5.
    check(abs(browser.evaluate("rankTest([1, 2, 3, 5], [4, 6, 7, 8])") - 4 / 70) < 1e-9, "U = 1 of 4 and 4")
    check(abs(browser.evaluate("rankTest([1, 2, 3, 6], [4, 5, 7, 8, 9])") - 8 / 126) < 1e-9, "U = 2 of 4 and 5")
    check(abs(browser.evaluate("smallestP(3, 3)") - 0.1) < 1e-9, "three seeds")
    check_harmless(browser, "verdict")
