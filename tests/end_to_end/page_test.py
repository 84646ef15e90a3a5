"""The page in a real Chromium: a question typed, an answer seen streaming, stopped, in two languages, on a phone."""

import os
import shutil
import time

import pytest
from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

from conftest import MODEL, Hearth

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")


def open_browser(language="en-US", width=1200, height=800, dark=False):
    if not CHROMIUM or not DRIVER:
        pytest.skip("chromium and chromium-driver are not installed: ./test installs them")
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for argument in ("--headless=new", "--disable-gpu", "--disable-dev-shm-usage", f"--lang={language}"):
        options.add_argument(argument)
    if os.geteuid() == 0:
        options.add_argument("--no-sandbox")
    options.add_experimental_option("prefs", {"intl.accept_languages": language})
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(DRIVER))
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride",
                           {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600})
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {
        # Without motion: a message that still fades in has no visible text yet for the driver.
        "features": [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"},
                     {"name": "prefers-reduced-motion", "value": "reduce"}]})
    return driver


@pytest.fixture
def browser():
    driver = open_browser()
    yield driver
    driver.quit()


def by_id(driver, name):
    return driver.find_element(By.ID, name)


def wait_until(driver, condition, seconds=300):
    # What was found may be drawn anew before it is read.
    return WebDriverWait(driver, seconds, 0.05, [StaleElementReferenceException]).until(lambda _: condition())


def open_page(driver, server):
    driver.get(server.address)
    wait_until(driver, lambda: MODEL in by_id(driver, "model").text)


def ask(driver, text):
    by_id(driver, "question").send_keys(text, Keys.ENTER)


def answers(driver):
    return [node.text for node in driver.find_elements(By.CSS_SELECTOR, ".message.assistant .markdown")]


def script_answers(driver, *texts):
    """From now on until the page is loaded again the model says these texts, in small pieces; the last one for ever. What
    is sent stands in window.bodies. {"thought", "text"}: what is thought before."""
    driver.execute_script("""
        const texts = [...arguments], original = window.fetch, encoder = new TextEncoder();
        window.bodies = [];
        window.fetch = async (path, options) => {
          if (path !== '/v1/chat/completions') return original(path, options);
          window.bodies.push(JSON.parse(options.body));
          const given = texts.length > 1 ? texts.shift() : texts[0];
          const {thought = '', text} = typeof given === 'string' ? {text: given} : given;
          const events = [...(thought.match(/[^]{1,7}/g) ?? []).map((reasoning_content) => ({choices: [{delta: {reasoning_content}, finish_reason: null}]})),
            ...text.match(/[^]{1,7}/g).map((content) => ({choices: [{delta: {content}, finish_reason: null}]})),
            {choices: [{delta: {}, finish_reason: 'stop'}]},
            {choices: [], usage: {prompt_tokens: 40, completion_tokens: 20, prompt_tokens_details: {cached_tokens: 8}},
             timings: {queue_seconds: 0.25, prefill_seconds: 0.5, decode_seconds: 2}}];
          return new Response(new ReadableStream({
            async start(controller) {
              for (const event of events) {
                controller.enqueue(encoder.encode(`data: ${JSON.stringify(event)}\\n\\n`));
                await new Promise((resolve) => setTimeout(resolve));
              }
              controller.enqueue(encoder.encode('data: [DONE]\\n\\n'));
              controller.close();
            }}));
        };""", *texts)


def is_running(driver):
    return by_id(driver, "stop").is_displayed()


def set_length(driver, position):
    driver.execute_script(
        "const s = document.getElementById('length'); s.value = arguments[0]; s.dispatchEvent(new Event('input'));",
        position)


def assert_nothing_came_from_elsewhere(driver, server):
    names = driver.execute_script("return performance.getEntriesByType('resource').map((entry) => entry.name)")
    assert len(names) > 5
    assert all(name.startswith(server.address + "/") for name in names), names
    complaints = [entry for entry in driver.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")]
    assert not complaints


def test_a_question_is_answered_as_a_stream(browser, server):
    open_page(browser, server)
    assert "stays here" in by_id(browser, "welcome").text
    set_length(browser, 2)
    # The page itself notes each length it shows: a driver that polls would miss some on a busy machine.
    browser.execute_script("""
        window.lengths = new Set();
        new MutationObserver(() => {
          const shown = document.querySelector('.message.assistant .markdown');
          if (shown && shown.textContent) window.lengths.add(shown.textContent.length);
          window.motions = Math.max(window.motions || 0, document.getAnimations().length);
        }).observe(document.body, {subtree: true, childList: true, characterData: true});""")
    ask(browser, "Tell me a long story about a river.")
    assert [node.text for node in browser.find_elements(By.CSS_SELECTOR, ".message.user")] == [
        "Tell me a long story about a river."]
    assert by_id(browser, "question").get_attribute("value") == ""
    wait_until(browser, lambda: not is_running(browser))
    lengths = browser.execute_script("return [...window.lengths]")
    assert len(lengths) >= 4, f"the text did not grow: {sorted(lengths)}"
    assert browser.execute_script("return window.motions") == 0, "something moves for one who asked for no motion"
    meta = browser.find_element(By.CSS_SELECTOR, ".message.assistant .meta").text
    assert "tokens/s" in meta
    assert by_id(browser, "model-dot").get_attribute("class") == "state-dot loaded"
    # It is kept, and goes on with its history.
    text = answers(browser)
    browser.refresh()
    wait_until(browser, lambda: browser.find_elements(By.CSS_SELECTOR, "#history .open"))
    browser.find_element(By.CSS_SELECTOR, "#history .open").click()
    wait_until(browser, lambda: answers(browser) == text)
    by_id(browser, "new-chat").click()
    assert not browser.find_elements(By.CSS_SELECTOR, ".message")
    assert_nothing_came_from_elsewhere(browser, server)


def test_stop_ends_an_answer_and_keeps_what_came(browser, server):
    for stop in (lambda: by_id(browser, "stop").click(),
                 lambda: by_id(browser, "question").send_keys(Keys.ESCAPE)):
        open_page(browser, server)
        by_id(browser, "new-chat").click()
        set_length(browser, 7)
        ask(browser, "Write a very long story about a king, with many chapters.")
        wait_until(browser, lambda: len("".join(answers(browser))) > 40)
        stop()
        wait_until(browser, lambda: not is_running(browser))
        text = answers(browser)[0]
        assert len(text) > 40
        assert "stopped" in browser.find_element(By.CSS_SELECTOR, ".message.assistant .meta").text
        time.sleep(0.5)
        assert answers(browser) == [text]
        assert by_id(browser, "send").is_displayed()


def test_languages_switch_and_follow_the_browser(browser, server):
    open_page(browser, server)
    by_id(browser, "language").click()
    assert "话不出门" in by_id(browser, "welcome").text
    assert browser.execute_script("return document.documentElement.lang") == "zh-CN"
    browser.refresh()
    wait_until(browser, lambda: "话不出门" in by_id(browser, "welcome").text)
    by_id(browser, "language").click()
    assert "stays here" in by_id(browser, "welcome").text
    chinese = open_browser("zh-CN")
    try:
        open_page(chinese, server)
        assert "话不出门" in by_id(chinese, "welcome").text
        assert by_id(chinese, "question").get_attribute("placeholder") == "问点什么"
        set_length(chinese, 0)
        ask(chinese, "你好")
        wait_until(chinese, lambda: not is_running(chinese))
        assert "词元" in chinese.find_element(By.CSS_SELECTOR, ".message.assistant .meta").text
    finally:
        chinese.quit()


def test_both_languages_have_the_same_texts(browser, server):
    open_page(browser, server)
    missing = browser.execute_async_script("""
        const done = arguments[0];
        Promise.all([import('/web/english.js'), import('/web/chinese.js')]).then(([{english}, {chinese}]) => {
          const shape = (texts) => Object.entries(texts).map(([key, text]) => typeof text === 'string'
            ? [key, [...text.matchAll(/\\{\\w+\\}/g)].map(String).sort()] : [key, text.length]).sort();
          done({english: shape(english), chinese: shape(chinese),
                same: Object.keys(english).filter((key) => english[key] === chinese[key])});
        });""")
    assert missing["english"] == missing["chinese"]
    assert len(missing["english"]) > 100
    assert missing["same"] == []


def test_appearance_follows_the_system_and_the_switch(server):
    driver = open_browser(dark=True)
    try:
        open_page(driver, server)
        theme = lambda: driver.execute_script("return document.documentElement.dataset.theme")
        assert theme() == "dark"
        by_id(driver, "theme").click()
        assert theme() == "light"
        driver.refresh()
        assert theme() == "light"
    finally:
        driver.quit()


def test_on_a_phone_nothing_scrolls_sideways(server):
    driver = open_browser(width=320, height=640)
    try:
        open_page(driver, server)
        sideways = lambda: driver.execute_script(
            "return Math.max(document.documentElement.scrollWidth, document.body.scrollWidth) - innerWidth")
        assert sideways() <= 0
        assert not by_id(driver, "new-chat").is_displayed()
        by_id(driver, "open-sidebar").click()
        wait_until(driver, lambda: by_id(driver, "new-chat").is_displayed())
        assert sideways() <= 0
        by_id(driver, "new-chat").click()
        wait_until(driver, lambda: not by_id(driver, "new-chat").is_displayed())
        by_id(driver, "open-settings").click()
        assert sideways() <= 0
        by_id(driver, "close-settings").click()
        set_length(driver, 0)
        ask(driver, "x" * 300)
        wait_until(driver, lambda: not is_running(driver) and answers(driver))
        assert sideways() <= 0
    finally:
        driver.quit()


def test_an_input_method_and_shift_do_not_send(browser, server):
    open_page(browser, server)
    question = by_id(browser, "question")
    question.send_keys("one", Keys.SHIFT, Keys.ENTER, Keys.NULL, "two")
    assert question.get_attribute("value") == "one\ntwo"
    # As an input method's Enter arrives: while composing, or with the code 229.
    for event in ("{key: 'Enter', isComposing: true, bubbles: true}", "{key: 'Enter', keyCode: 229, bubbles: true}"):
        browser.execute_script(f"arguments[0].dispatchEvent(new KeyboardEvent('keydown', {event}))", question)
    assert not browser.find_elements(By.CSS_SELECTOR, ".message")
    assert question.get_attribute("value") == "one\ntwo"


def test_settings_reach_the_server(browser, server):
    open_page(browser, server)
    browser.execute_script("""
        const original = window.fetch;
        window.bodies = [];
        window.fetch = (path, options) => {
          if (options && options.body) window.bodies.push(JSON.parse(options.body));
          return original(path, options);
        };""")
    by_id(browser, "open-settings").click()
    by_id(browser, "system").send_keys("Be brief.")
    slider = by_id(browser, "temperature")
    slider.send_keys(Keys.HOME)
    by_id(browser, "length").send_keys(Keys.HOME)
    assert "32" in by_id(browser, "length-value").text
    by_id(browser, "question").click()
    ask(browser, "Hello.")
    wait_until(browser, lambda: not is_running(browser) and answers(browser))
    body = browser.execute_script("return window.bodies[0]")
    assert body["messages"][0] == {"role": "system", "content": "Be brief."}
    assert body["temperature"] == 0
    assert body["max_tokens"] == 32
    assert body["model"] == MODEL


def test_an_error_says_what_to_do_next(browser, server):
    open_page(browser, server)
    by_id(browser, "question").click()
    browser.execute_script("arguments[0].value = 'river '.repeat(3000); arguments[0].dispatchEvent(new Event('input'))",
                           by_id(browser, "question"))
    by_id(browser, "send").click()
    wait_until(browser, lambda: browser.find_elements(By.CSS_SELECTOR, ".problem"))
    problem = browser.find_element(By.CSS_SELECTOR, ".problem")
    assert "2048" in problem.text
    assert "Start a new chat" in problem.text
    problem.find_element(By.XPATH, ".//button[text()='New chat']").click()
    assert not browser.find_elements(By.CSS_SELECTOR, ".message, .problem")


def test_without_a_model_the_page_tells_how_to_get_one(models, browser, tmp_path):
    hearth = Hearth(home=tmp_path)
    try:
        browser.get(hearth.address)
        wait_until(browser, lambda: by_id(browser, "no-model").is_displayed())
        assert "hearth pull smollm2:135m" in by_id(browser, "no-model").text
        assert not by_id(browser, "send").is_enabled()
    finally:
        hearth.stop()


def test_a_server_that_is_gone_is_noticed(models, browser, tmp_path):
    hearth = Hearth(home=tmp_path)
    browser.get(hearth.address)
    wait_until(browser, lambda: by_id(browser, "no-model").is_displayed())
    hearth.stop()
    wait_until(browser, lambda: "not reachable" in by_id(browser, "model-state").text)


def test_markdown_is_drawn_and_hostile_text_stays_text(browser, server):
    open_page(browser, server)
    source = "\n".join([
        "# Title", "", "Some **bold**, *soft*, `code <b>`, 2 * 3 * 4, snake_case_name and https://example.org/a.", "",
        "- one", "  - inner", "- two", "", "3. three", "4. four", "", "```html", "<script>alert(1)</script>", "```", "",
        "| a | b |", "|---|---|", "| 1 | 2 |", "", "> quoted", "", "[bad](javascript:alert(1)) ![x](https://example.org/x.png)",
        "<img src=x onerror=alert(1)>", "", "```python", "unfinished = True"])
    drawn = browser.execute_async_script("""
        const [source, done] = arguments;
        import('/web/markdown.js').then(({renderMarkdown}) => {
          const whole = document.createElement('div'), grown = document.createElement('div');
          renderMarkdown(whole, source);
          for (let i = 1; i <= source.length; ++i) renderMarkdown(grown, source.slice(0, i));
          const texts = (selector) => [...whole.querySelectorAll(selector)].map((node) => node.textContent);
          done({same: whole.innerHTML === grown.innerHTML, text: whole.textContent,
                bad: whole.querySelectorAll('script, img, iframe, [onerror]').length,
                links: [...whole.querySelectorAll('a')].map((a) => a.href), strong: texts('strong'), em: texts('em'),
                inline: texts('p code'), code: texts('pre'), cells: texts('td'), start: whole.querySelector('ol').start,
                nested: texts('ul ul li'), heading: texts('h1'), quote: texts('blockquote')});
        });""", source)
    assert drawn["same"], "drawn piece by piece it looks different"
    assert drawn["bad"] == 0
    assert all(link.startswith("https://example.org/") for link in drawn["links"])
    assert "https://example.org/a" in drawn["links"]
    assert drawn["strong"] == ["bold"]
    assert drawn["em"] == ["soft"]
    assert drawn["inline"] == ["code <b>"]
    assert drawn["code"] == ["<script>alert(1)</script>", "unfinished = True"]
    assert drawn["cells"] == ["1", "2"]
    assert drawn["start"] == 3
    assert drawn["nested"] == ["inner"]
    assert drawn["heading"] == ["Title"]
    assert [text.strip() for text in drawn["quote"]] == ["quoted"]
    for kept in ("2 * 3 * 4", "snake_case_name", "<img src=x onerror=alert(1)>", "javascript:alert(1)"):
        assert kept in drawn["text"]


def test_markdown_takes_no_long_over_hostile_text(browser, server):
    open_page(browser, server)
    for piece in ("*", "**a ", "***a_", "[", "`", "> ", "> - ", "- ", "_a_", "| a |\n|-|\n", "|", "https://a", "![](", "\\",
                  "1. a\n\n", "[a]: b\n\n", "**a\n", "[a](\n", "> a\n> > b\n"):
        milliseconds = browser.execute_async_script("""
            const [text, done] = arguments;
            import('/web/markdown.js').then(({renderMarkdown}) => {
              const start = performance.now();
              renderMarkdown(document.createElement('div'), text);
              done(performance.now() - start);
            });""", piece * (20_000 // len(piece)))
        assert milliseconds < 5000, piece
