"""The live page in a real Chromium: figures and plots that follow the server, in both languages, on a phone."""

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from conftest import MODEL, Hearth
from page_test import assert_nothing_came_from_elsewhere, by_id, open_browser, wait_until

TILES = ["requests", "computed", "firstToken", "batch", "pages", "memory"]


@pytest.fixture(scope="module")
def watched(models):
    if MODEL not in models:
        pytest.skip(f"{MODEL} is not in the store: hearth pull {MODEL}")
    hearth = Hearth("--context", "512", "--admin-port", "0")
    yield hearth
    assert hearth.stop() == 0, hearth.errors()


def value(driver, tile):
    return driver.find_element(By.CSS_SELECTOR, f"#tile-{tile} .value").text


def ask(server, text="Hello.", **more):
    return server.client().chat.completions.create(
        model=MODEL, max_tokens=24, messages=[{"role": "user", "content": text}], extra_body={"ignore_eos": True}, **more)


def test_the_page_follows_the_server(watched):
    driver = open_browser()
    try:
        driver.get(watched.address + "/live")
        wait_until(driver, lambda: by_id(driver, "phase").text == "ready")
        assert [node.get_attribute("id") for node in driver.find_elements(By.CSS_SELECTOR, ".tile")] == [
            f"tile-{name}" for name in TILES]
        assert value(driver, "firstToken") == "–"
        with ask(watched, stream=True) as stream:
            for _ in stream:
                pass
        wait_until(driver, lambda: value(driver, "firstToken").endswith("s"))
        wait_until(driver, lambda: "24 out" in driver.find_element(By.CSS_SELECTOR, "#tile-computed .more").text)
        wait_until(driver, lambda: value(driver, "requests") == "0 running · 0 waiting")
        assert value(driver, "memory").endswith(" GB")
        row = driver.find_element(By.CSS_SELECTOR, "#models li:has(.loaded)").text
        assert MODEL in row and "loaded" in row
        # The arrow keys read the plot.
        plot = driver.find_element(By.CSS_SELECTOR, "#tile-memory svg")
        assert plot.get_attribute("aria-label").startswith("Memory: ")
        wait_until(driver, lambda: "L" in plot.find_element(By.CSS_SELECTOR, ".line-0").get_attribute("d"))
        plot.send_keys(Keys.ARROW_LEFT)
        assert " ago: " in driver.find_element(By.CSS_SELECTOR, "#tile-memory .reading").text
        plot.send_keys(Keys.ESCAPE)
        assert driver.find_element(By.CSS_SELECTOR, "#tile-memory .reading").text == ""
        by_id(driver, "language").click()
        assert by_id(driver, "phase").text == "就绪"
        assert driver.find_element(By.CSS_SELECTOR, "#tile-memory h2").text == "内存"
        assert_nothing_came_from_elsewhere(driver, watched)
    finally:
        driver.quit()


def test_administration_shows_it_too_and_the_chat_leads_to_it(watched):
    driver = open_browser(dark=True)
    try:
        driver.get(watched.metrics.removesuffix("/metrics") + "/live")
        wait_until(driver, lambda: by_id(driver, "phase").text == "ready")
        assert driver.execute_script("return document.documentElement.dataset.theme") == "dark"
        by_id(driver, "theme").click()
        assert driver.execute_script("return document.documentElement.dataset.theme") == "light"
        driver.get(watched.address)
        driver.find_element(By.CSS_SELECTOR, "a[href='/live']").click()
        wait_until(driver, lambda: driver.find_elements(By.CSS_SELECTOR, ".tile"))
    finally:
        driver.quit()


def test_beyond_this_machine_the_page_says_where_to_look(models):
    hearth = Hearth("--host", "0.0.0.0", "--allow-unauthenticated")
    driver = open_browser()
    try:
        driver.get(hearth.address.replace("0.0.0.0", "127.0.0.1") + "/live")
        wait_until(driver, lambda: "--admin-port" in by_id(driver, "phase").text)
    finally:
        driver.quit()
        assert hearth.stop() == 0


def test_on_a_phone_nothing_scrolls_sideways(watched):
    driver = open_browser(width=360, height=740)
    try:
        driver.get(watched.address + "/live")
        wait_until(driver, lambda: by_id(driver, "phase").text == "ready")
        assert driver.execute_script(
            "return Math.max(document.documentElement.scrollWidth, document.body.scrollWidth) - innerWidth") <= 0
        tiles = driver.find_elements(By.CSS_SELECTOR, ".tile")
        assert len({tile.rect["x"] for tile in tiles}) == 1
    finally:
        driver.quit()
