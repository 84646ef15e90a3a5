"""What the page can do beside asking, in a real Chromium: edit, history, presets, JSON, downloads, the keyboard; and that
nothing anybody writes becomes more than text. What the model says is scripted where it does not matter."""

import json

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from conftest import MODEL, Hearth
from page_test import answers, ask, browser, by_id, is_running, open_browser, open_page, script_answers, wait_until  # noqa: F401

HOSTILE = ["<script>window.hacked = 1</script>", "<img src=x onerror='window.hacked = 1'>", "<svg onload=window.hacked=1>",
           "[a](javascript:window.hacked=1)", "[b](&#106;avascript:window.hacked=1)", "[c](data:text/html,<script>alert(1)</script>)",
           "![x](https://elsewhere.example/pixel.png)", "<iframe srcdoc='<script>parent.hacked=1</script>'></iframe>",
           "```<img src=x onerror=window.hacked=1>\n<img src=x onerror=window.hacked=1>\n```",
           "<math><mtext><table><mglyph><style><img src=x onerror=window.hacked=1>", "<a href='x' onclick='window.hacked=1'>y</a>",
           "<form action=https://elsewhere.example><input name=a></form>", "<style>body { display: none }</style>",
           "[d]: javascript:window.hacked=1\n\n[d]", "<https://a.example/\"onmouseover=window.hacked=1>", "`<b>`"]


def one(driver, selector):
    return driver.find_element(By.CSS_SELECTOR, selector)


def all_texts(driver, selector):
    return [node.text for node in driver.find_elements(By.CSS_SELECTOR, selector)]


def talk(driver, question):
    """Asks and waits for the answer."""
    before = len(answers(driver))
    ask(driver, question)
    wait_until(driver, lambda: len(answers(driver)) > before and not is_running(driver) and answers(driver)[-1])


def submit(driver, text=None):
    """Answers the dialog that is open."""
    if text is not None:
        field = one(driver, "dialog input")
        field.send_keys(Keys.CONTROL, "a", Keys.NULL, text)
    one(driver, "dialog .primary").click()
    wait_until(driver, lambda: not driver.find_elements(By.CSS_SELECTOR, "dialog"))


def assert_harmless(driver):
    assert driver.execute_script("return window.hacked") is None
    bad = driver.execute_script("""
        return [...document.querySelectorAll('#thread *, #history *, dialog *')].filter((node) =>
          ['SCRIPT', 'IFRAME', 'FORM', 'STYLE', 'OBJECT', 'EMBED', 'MATH'].includes(node.tagName) && !node.closest('form.own, dialog')
          || node.tagName === 'IMG' && !node.classList.contains('mark')
          || [...node.attributes].some((one) => one.name.startsWith('on'))
          || node.tagName === 'A' && !/^(https?|mailto):/.test(node.href)).map((node) => node.outerHTML);""")
    assert bad == []
    names = driver.execute_script("return performance.getEntriesByType('resource').map((entry) => entry.name)")
    assert not [name for name in names if "elsewhere.example" in name]


def test_what_a_model_says_stays_harmless(browser, server):
    open_page(browser, server)
    script_answers(browser, *HOSTILE, "\n\n".join(HOSTILE))
    for _ in HOSTILE:
        talk(browser, "Say something bad.")
    by_id(browser, "new-chat").click()
    talk(browser, "<img src=x onerror='window.hacked = 1'>")
    assert_harmless(browser)
    # What looked like markup can be read.
    assert "<script>window.hacked = 1</script>" in answers(browser)[-1]
    assert one(browser, ".message.user").text == "<img src=x onerror='window.hacked = 1'>"


def test_what_the_history_holds_stays_harmless(browser, server):
    open_page(browser, server)
    kept = [{"id": "c1", "title": HOSTILE[1], "updated": 1, "messages": [{"role": "user", "content": HOSTILE[0]}, *(
        {"role": "assistant", "content": text, "finish": HOSTILE[1], "figures": {"tokens": HOSTILE[1], "speed": HOSTILE[2], "prompt": 1}}
        for text in HOSTILE)]}, {"id": 7}, None, {"id": "c2", "title": "", "messages": [{"content": {}}]}]
    own = {"system": HOSTILE[1], "schema": HOSTILE[0], "presets": [{"name": HOSTILE[1], "text": HOSTILE[2]}, 3]}
    browser.execute_script("localStorage.setItem('hearth.conversations', arguments[0]); localStorage.setItem('hearth.own', arguments[1])",
                           json.dumps(kept), json.dumps(own))
    browser.refresh()
    wait_until(browser, lambda: all_texts(browser, "#history .open") == [HOSTILE[1]])
    one(browser, "#history .open").click()
    wait_until(browser, lambda: len(answers(browser)) == len(HOSTILE))
    by_id(browser, "open-settings").click()
    assert HOSTILE[1] in by_id(browser, "preset").text
    assert "Not a schema yet" in by_id(browser, "schema-state").text
    assert_harmless(browser)


def test_the_names_of_who_is_signed_in_stay_harmless(browser, server):
    browser.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": """
        const original = window.fetch;
        window.fetch = async (path, options) => path !== '/session' ? original(path, options) : new Response(JSON.stringify(
          {needs_key: true, tenant: "<img src=x onerror='window.hacked = 1'>", key_id: '<b>', scopes: [], csrf_token: 'x'}));"""})
    open_page(browser, server)
    assert by_id(browser, "tenant").text.startswith("<img")
    assert_harmless(browser)


def test_deep_nesting_is_sanitised_too(browser, server):
    open_page(browser, server)
    found = browser.execute_async_script("""
        const done = arguments[0];
        import('/web/sanitise.js').then(({sanitised}) => {
          const deep = '<b>'.repeat(600) + '<img src=x onerror=window.hacked=1><b onclick=a>x</b>' + '</b>'.repeat(600);
          const node = document.createElement('div');
          node.append(sanitised(deep, ['b'], []));
          done([node.querySelectorAll('img, [onclick]').length, node.querySelectorAll('b').length]);
        });""")
    assert found[0] == 0 and found[1] < 600
    assert browser.execute_script("return window.hacked") is None


def test_code_is_coloured_and_copied(browser, server):
    open_page(browser, server)
    source = "def f(x):\n    return x < 3  # <b>"
    script_answers(browser, f"Here:\n\n```python\n{source}\n```\n\nDone.")
    browser.execute_script("navigator.clipboard.writeText = async (text) => { window.copied = text; };")
    talk(browser, "Code?")
    wait_until(browser, lambda: browser.find_elements(By.CSS_SELECTOR, ".code .hljs-keyword"))
    assert one(browser, ".code pre").text == source
    one(browser, ".code .head button").click()
    assert browser.execute_script("return window.copied") == source
    one(browser, ".message.assistant .meta .copy").click()
    assert browser.execute_script("return window.copied").startswith("Here:\n\n```python")


def test_a_question_is_edited_and_asked_again(browser, server):
    open_page(browser, server)
    script_answers(browser, "First.", "Second.", "Third.", "Fourth.")
    talk(browser, "One?")
    talk(browser, "Two?")
    # The arrow opens the last one, Escape leaves it as it was.
    by_id(browser, "question").send_keys(Keys.ARROW_UP)
    field = one(browser, ".message.user.editing textarea")
    assert field.get_attribute("value") == "Two?"
    field.send_keys(" no", Keys.ESCAPE)
    assert all_texts(browser, ".message.user") == ["One?", "Two?"]
    browser.find_elements(By.CSS_SELECTOR, ".message.user .edit")[0].click()
    one(browser, ".editing textarea").send_keys(" Or other?", Keys.ENTER)
    wait_until(browser, lambda: answers(browser) == ["Third."] and not is_running(browser))
    assert all_texts(browser, ".message.user") == ["One? Or other?"]
    one(browser, ".again").click()
    wait_until(browser, lambda: answers(browser) == ["Fourth."] and not is_running(browser))
    bodies = browser.execute_script("return window.bodies.map((body) => body.messages.map((message) => message.content))")
    assert bodies == [["One?"], ["One?", "First.", "Two?"], ["One? Or other?"], ["One? Or other?"]]


def test_conversations_are_found_renamed_and_deleted(browser, server):
    open_page(browser, server)
    script_answers(browser, "About rivers.", "About hills.", "About seas.")
    titles = lambda: all_texts(browser, "#history .open")
    for question in ("Alpha?", "Beta?", "Gamma?"):
        by_id(browser, "new-chat").click()
        talk(browser, question)
    assert titles() == ["Gamma?", "Beta?", "Alpha?"]
    by_id(browser, "search").send_keys("HILLS about")  # in what was said, too
    wait_until(browser, lambda: titles() == ["Beta?"])
    by_id(browser, "search").send_keys(" nowhere")
    wait_until(browser, lambda: titles() == [] and "Nothing found" in by_id(browser, "history").text)
    by_id(browser, "search").send_keys(Keys.ESCAPE)
    wait_until(browser, lambda: len(titles()) == 3)
    browser.execute_script("document.querySelectorAll('#history .rename')[1].click()")
    submit(browser, "The hills")
    assert titles() == ["Gamma?", "The hills", "Alpha?"]
    browser.execute_script("document.querySelectorAll('#history .remove')[0].click()")
    one(browser, "dialog").send_keys(Keys.ESCAPE)  # no
    wait_until(browser, lambda: not browser.find_elements(By.CSS_SELECTOR, "dialog"))
    assert len(titles()) == 3
    browser.execute_script("document.querySelectorAll('#history .remove')[0].click()")
    submit(browser)
    wait_until(browser, lambda: titles() == ["The hills", "Alpha?"])
    assert not answers(browser)  # it was the one on the screen
    browser.refresh()
    wait_until(browser, lambda: titles() == ["The hills", "Alpha?"])


def test_presets_fill_the_system_prompt(browser, server):
    open_page(browser, server)
    by_id(browser, "open-settings").click()
    names = all_texts(browser, "#preset option")
    assert names[0] == "No system prompt" and "Translator" in names
    one(browser, "#preset option[value=b0]").click()
    assert "three sentences" in by_id(browser, "system").get_attribute("value")
    by_id(browser, "system").send_keys(" Be kind.")
    assert one(browser, "#preset option:checked").text == "My own words"
    by_id(browser, "save-preset").click()
    submit(browser, "Kind")
    assert one(browser, "#preset option:checked").text == "Kind"
    script_answers(browser, "Yes.")
    by_id(browser, "close-settings").click()
    talk(browser, "Now?")
    (body,) = browser.execute_script("return window.bodies")
    assert body["messages"][0]["role"] == "system" and body["messages"][0]["content"].endswith(" Be kind.")
    browser.refresh()
    wait_until(browser, lambda: MODEL in by_id(browser, "model").text)
    by_id(browser, "open-settings").click()
    assert one(browser, "#preset option:checked").text == "Kind"
    by_id(browser, "remove-preset").click()
    submit(browser)
    assert by_id(browser, "system").get_attribute("value") == ""
    assert "Kind" not in all_texts(browser, "#preset option")


def test_an_answer_is_json_by_a_schema(browser, server):
    """By the model itself: what it says is valid."""
    open_page(browser, server)
    by_id(browser, "open-settings").click()
    field = by_id(browser, "schema")
    field.send_keys('{"type": ')
    assert "Not a schema yet" in by_id(browser, "schema-state").text
    assert not by_id(browser, "schema-mark").is_displayed()
    by_id(browser, "schema-clear").click()
    field.send_keys('{"type": "object", "properties": {"river": {"type": "string", "maxLength": 12}, "long": {"type": "boolean"}},'
                    ' "required": ["river", "long"], "additionalProperties": false}')
    assert "valid" in by_id(browser, "schema-state").text
    by_id(browser, "close-settings").click()
    assert by_id(browser, "schema-mark").is_displayed()
    talk(browser, "Name a river.")
    answer = json.loads(one(browser, ".message.assistant pre").text)
    assert set(answer) == {"river", "long"} and isinstance(answer["long"], bool)


def test_it_says_what_the_model_is_doing(browser, server):
    open_page(browser, server)
    script_answers(browser, "Yes.")
    talk(browser, "Now?")
    figures = one(browser, ".meta details")
    assert figures.text.startswith("20 tokens · 10.0 tokens/s")
    figures.find_element(By.TAG_NAME, "summary").click()
    assert "Waited 0.25 s · read 40 tokens in 0.50 s, 8 of them from the cache · wrote 20 in 2.00 s" in figures.text
    # While it waits: the queue, as GET /v1/models says it.
    browser.execute_script("""
        const original = window.fetch;
        window.fetch = async (path, options) => {
          if (path === '/v1/chat/completions') return new Promise((_, fail) => options.signal.addEventListener('abort',
            () => fail(new DOMException('', 'AbortError'))));
          const answer = await original(path, options);
          if (path !== '/v1/models') return answer;
          const list = await answer.json();
          for (const model of list.data) Object.assign(model, {state: 'loaded', running: 4, waiting: 3});
          return new Response(JSON.stringify(list));
        };""")
    ask(browser, "Then?")
    wait_until(browser, lambda: any("3 in the queue, 4 being answered" in text for text in all_texts(browser, ".waiting")))
    by_id(browser, "stop").click()
    wait_until(browser, lambda: not is_running(browser))


@pytest.fixture
def alone(models, tmp_path, monkeypatch):
    """A server without a model, on a machine whose package index does not answer."""
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_RETRIES", "0")
    hearth = Hearth(home=tmp_path)
    yield hearth
    assert hearth.stop() == 0


def test_a_model_is_offered_and_why_it_does_not_come_is_said(browser, alone):
    browser.get(alone.address)
    wait_until(browser, lambda: by_id(browser, "offer").is_displayed())
    assert "qwen2.5-coder:1.5b" in by_id(browser, "offer").text and "Apache-2.0" in by_id(browser, "offer").text
    assert "98 MB" in by_id(browser, "fetch-small").text
    by_id(browser, "fetch-small").click()
    wait_until(browser, lambda: "The download ended early" in by_id(browser, "offer-problem").text)
    one(browser, "#offer button:not(.primary)").click()
    assert not by_id(browser, "offer").is_displayed()


def test_a_download_shows_how_far_it_is_and_then_its_model_is_chosen(browser, server):
    """What the server would say, step by step."""
    open_page(browser, server)
    browser.execute_script("""
        const original = window.fetch, json = (document) => new Response(JSON.stringify(document));
        const offer = {name: 'big:1b', recommended: true, size_bytes: 2e9, languages: ['zh', 'en'], licence: 'MIT'};
        window.calls = [];
        window.download = null;
        window.fetch = async (path, options) => {
          if (path === '/v1/models') return json({data: [{id: 'smollm2:135m', state: 'loaded', size_bytes: 1e8, type: 'text'},
            ...(window.download?.running === false ? [{id: 'big:1b', state: 'available', size_bytes: 2e9, type: 'text'}] : [])]});
          if (!path.startsWith('/admin/downloads')) return original(path, options);
          window.calls.push([options.method ?? 'GET', path]);
          if (options.method === 'POST') window.download = {model: 'big:1b', running: true, phase: 'resolving', bytes_done: 0, bytes_total: 0, error: null};
          return json({models: [offer], download: window.download});
        };
        return Promise.all([import('/web/models.js'), import('/web/offers.js')]).then(async ([models, offers]) => {
          await models.refreshModels();
          await offers.startOffers({needs_key: false});
        });""")
    wait_until(browser, lambda: "big:1b" in by_id(browser, "offer").text)
    assert "2.0 GB · Chinese, English · MIT" in by_id(browser, "offer").text
    one(browser, "#offer .primary").click()
    wait_until(browser, lambda: "looking it up" in by_id(browser, "offer").text)
    assert browser.execute_script("return window.calls.at(-1)") == ["POST", "/admin/downloads/big%3A1b"]
    browser.execute_script("Object.assign(window.download, {phase: 'downloading', bytes_done: 5e8, bytes_total: 2e9})")
    wait_until(browser, lambda: "500 MB of 2.0 GB · 25%" in by_id(browser, "offer").text)
    assert one(browser, "#offer progress").get_attribute("value") == "0.25"
    browser.execute_script("Object.assign(window.download, {running: false, bytes_done: 2e9})")
    wait_until(browser, lambda: not by_id(browser, "offer").is_displayed())
    wait_until(browser, lambda: by_id(browser, "model").get_attribute("value") == "big:1b")


def test_everything_is_reached_by_keyboard(browser, server):
    open_page(browser, server)
    page = one(browser, "body")
    active = lambda: browser.execute_script("return document.activeElement.id")
    by_id(browser, "question").send_keys(Keys.CONTROL, "k")
    # Nothing is kept yet, so there is nothing to search.
    script_answers(browser, "Yes.")
    by_id(browser, "question").send_keys(Keys.NULL)
    talk(browser, "Now?")
    page.send_keys(Keys.CONTROL, "k", Keys.NULL)
    assert active() == "search"
    page.send_keys(Keys.CONTROL, ",", Keys.NULL)
    assert by_id(browser, "settings").is_displayed() and active() == "temperature"
    page.send_keys(Keys.ESCAPE)
    assert not by_id(browser, "settings").is_displayed() and active() == "open-settings"
    browser.switch_to.active_element.send_keys("?")
    assert "Keyboard shortcuts" in one(browser, "dialog").text
    one(browser, "dialog").send_keys(Keys.ESCAPE)
    wait_until(browser, lambda: not browser.find_elements(By.CSS_SELECTOR, "dialog"))
    browser.switch_to.active_element.send_keys("/")
    assert active() == "question" and by_id(browser, "question").get_attribute("value") == ""
    page.send_keys(Keys.CONTROL, Keys.SHIFT, "o", Keys.NULL)
    wait_until(browser, lambda: not answers(browser))
    # Every control that shows has a name and can have the focus, and that can be seen.
    lacking = browser.execute_script("""
        const nodes = [...document.querySelectorAll('button, a[href], input, select, textarea')].filter((node) => node.checkVisibility());
        const named = (node) => node.ariaLabel || node.textContent.trim() || node.labels?.length || node.placeholder;
        return nodes.filter((node) => !named(node) || node.tabIndex < 0 && !node.disabled).map((node) => node.outerHTML);""")
    assert lacking == []
    seen = set()
    for _ in range(60):
        browser.switch_to.active_element.send_keys(Keys.TAB)
        name, outline, shadow = browser.execute_script("""
            const node = document.activeElement, style = getComputedStyle(node);
            return [node.id || node.className, style.outlineStyle !== 'none', getComputedStyle(node.parentElement).borderColor]""")
        seen.add(name)
        if name not in ("", "question", "search"):  # these show it on their frames
            assert outline, name
    assert {"new-chat", "search", "theme", "language", "show-shortcuts", "model", "open-settings", "question"} <= seen


def test_what_a_model_thinks_stands_apart(browser, server):
    open_page(browser, server)
    script_answers(browser, {"thought": "First <b>this</b>,\nthen that.", "text": "**Done.**"})
    ask(browser, "Think!")
    wait_until(browser, lambda: len(answers(browser)) == 1 and not is_running(browser))

    def thought():
        return browser.execute_script("return document.querySelector('.message.assistant details.thought:not([hidden]) div').textContent")

    assert thought() == "First <b>this</b>,\nthen that."
    assert browser.execute_script("return document.querySelector('.thought b')") is None
    assert answers(browser)[-1].strip().startswith("Done.")
    ask(browser, "Again!")
    wait_until(browser, lambda: len(answers(browser)) == 2 and not is_running(browser))
    assert "this" not in browser.execute_script("return JSON.stringify(window.bodies[1])"), "it is not sent again"


def click_at_rest(driver, element):
    """A click may miss what still moves."""
    last = None

    def rests():
        nonlocal last
        before, last = last, element.rect
        return before == last

    wait_until(driver, rests)
    element.click()


@pytest.mark.parametrize("language", ["en-US", "zh-CN"])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [320, 1280])
def test_it_fits_and_can_be_read(server, language, dark, width):
    """Every state of the page: nothing scrolls sideways, nothing is cut, and texts stand out from what is behind them."""
    driver = open_browser(language, width, 740, dark)
    sideways = lambda: driver.execute_script("""
        const wide = [document.documentElement, document.body, document.getElementById('scroller'), document.getElementById('settings')];
        return wide.map((node) => node.scrollWidth - node.clientWidth).filter((more) => more > 0).length;""")
    try:
        open_page(driver, server)
        wait_until(driver, lambda: by_id(driver, "welcome").is_displayed())
        assert sideways() == 0
        script_answers(driver, "# A title\n\nText with `code` and https://example.org/" + "long" * 60 + "\n\n```python\n" +
                       "x = 1  # " + "wide " * 60 + "\n```\n\n| " + "column | " * 12 + "\n|" + "---|" * 12 + "\n| " + "cell | " * 12)
        talk(driver, "w" * 200)
        assert sideways() == 0
        faint = driver.execute_script("""
            const light = (color) => {
              const [r, g, b] = color.match(/[\\d.]+/g).map((part) => Number(part) / 255).map((c) => c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
              return 0.2126 * r + 0.7152 * g + 0.0722 * b;
            };
            const behind = (node) => {
              for (; node; node = node.parentElement) {
                const color = getComputedStyle(node).backgroundColor;
                if (color.startsWith('rgb(')) return color;
              }
            };
            const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), found = [];
            for (let text; text = walker.nextNode();) {
              const node = text.parentElement;
              if (!text.data.trim() || !node.checkVisibility({opacityProperty: true}) || node.closest('.unseen, .skip, :disabled')) continue;
              const [a, b] = [light(getComputedStyle(node).color), light(behind(node))].sort((x, y) => x - y);
              if ((b + 0.05) / (a + 0.05) < 4.5) found.push(text.data.trim() + ' ' + getComputedStyle(node).color + ' on ' + behind(node));
            }
            return found;""")
        assert faint == []
        by_id(driver, "open-settings").click()
        assert sideways() == 0
        by_id(driver, "close-settings").click()
        if width < 600:
            by_id(driver, "open-sidebar").click()
            wait_until(driver, lambda: by_id(driver, "new-chat").is_displayed())
            assert sideways() == 0
        click_at_rest(driver, by_id(driver, "show-shortcuts"))
        wait_until(driver, lambda: driver.execute_script("return document.querySelector('dialog[open]') !== null"))
        assert sideways() == 0
        assert driver.execute_script("const box = document.querySelector('dialog').getBoundingClientRect(); return box.left >= 0 && box.right <= innerWidth")
    finally:
        driver.quit()
