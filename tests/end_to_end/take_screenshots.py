"""Takes the README's pictures of the page anew, in a real Chromium: docs/images/page*.png. Run by hand, when the page has
changed:

    HEARTH_PROGRAM=... HEARTH_HOME=... build/test-python/bin/python tests/end_to_end/take_screenshots.py

What the model says is said by the model, at temperature 0. Wants qwen2.5-coder:1.5b in the store and the Debian package
fonts-noto-cjk; with optipng the files become smaller.
"""

import shutil
import subprocess

from conftest import ROOT, Hearth
from page_test import ask, by_id, is_running, open_browser, wait_until

MODEL = "qwen2.5-coder:1.5b"
IMAGES = ROOT / "docs/images"
MOST_BYTES = 200_000
EARLIER = {"en": ["A note that moves a meeting", "What is a hash table?", "Names for a sailing boat"],
           "zh": ["把会议改到周五的通知", "什么是哈希表？", "帆船取什么名字好"]}


def save(driver, name):
    path = IMAGES / name
    driver.save_screenshot(str(path))
    if shutil.which("optipng"):
        subprocess.run(["optipng", "-quiet", "-o5", "-strip", "all", str(path)], check=True)
    if path.stat().st_size > MOST_BYTES:
        raise SystemExit(f"{path} has {path.stat().st_size} bytes: more than {MOST_BYTES}")
    print(path)


def open_page(server, language, width, height, dark):
    """With a few conversations at the side."""
    driver = open_browser({"en": "en-US", "zh": "zh-CN"}[language], width, height, dark)
    driver.get(server.address)
    driver.execute_script("""
        localStorage.setItem('hearth.settings', JSON.stringify({temperature: 0, length: 4, model: arguments[1]}));
        localStorage.setItem('hearth.conversations', JSON.stringify(arguments[0].map((title, i) =>
          ({id: `c${i}`, title, updated: Date.now() - i * 26 * 3600 * 1000, messages: []}))));""", EARLIER[language], MODEL)
    driver.refresh()
    wait_until(driver, lambda: by_id(driver, "model").get_attribute("value") == MODEL)
    return driver


def talk(driver, question):
    ask(driver, question)
    wait_until(driver, lambda: driver.find_elements("css selector", ".message.assistant .meta .again") and not is_running(driver))
    driver.execute_script("document.getElementById('scroller').scrollTop = 0; document.getElementById('to-end').hidden = true;")


def main():
    server = Hearth("--model", MODEL, "--context", "2048")
    browsers = []
    try:
        browsers.append(open_page(server, "en", 1280, 800, False))
        talk(browsers[-1], "Write a short Python function that finds the median of a list, then explain it in three bullet points.")
        save(browsers[-1], "page.png")
        browsers.append(open_page(server, "zh", 1280, 800, True))
        by_id(browsers[-1], "open-settings").click()
        browsers[-1].find_element("css selector", "#preset option[value=b1]").click()
        save(browsers[-1], "page-settings.png")
        browsers.append(open_page(server, "zh", 390, 760, False))
        talk(browsers[-1], "用三个要点说明什么是中位数，并给出一段 Python 代码。")
        save(browsers[-1], "page-phone.png")
    finally:
        for driver in browsers:
            driver.quit()
        server.stop()


if __name__ == "__main__":
    main()
