"""Sign-in by the real program and in a real Chromium: a key becomes a session, and is kept nowhere."""

import json
import ssl
import subprocess
import urllib.error
import urllib.request

import pytest

from conftest import MODEL, Hearth, make_key, run_hearth
from page_test import answers, ask, by_id, is_running, open_browser, script_answers, wait_until

UNVERIFIED = ssl._create_unverified_context()


def send(address, path, method="GET", **headers):
    """Status, headers and JSON body."""
    request = urllib.request.Request(address + path, None, {name.replace("_", "-"): value for name, value in headers.items()},
                                     method=method)
    try:
        answer = urllib.request.urlopen(request, timeout=300, context=UNVERIFIED)
    except urllib.error.HTTPError as error:
        answer = error
    with answer:
        body = answer.read()
        return answer.status, answer.headers, json.loads(body) if body else None


def sign_in(address, key, **more):
    """The headers of a session that was begun with this key."""
    status, headers, document = send(address, "/session", "POST", Authorization=f"Bearer {key}", **more)
    assert status == 201, document
    return {"Cookie": headers["Set-Cookie"].split(";")[0], "X_CSRF_Token": document["csrf_token"]}


def key_id(key):
    return key.split("_")[1]


@pytest.mark.parametrize("arguments", [(), ("--supervise",)], ids=["alone", "supervised"])
def test_a_session_stands_for_its_key_until_either_ends(home, arguments):
    hearth = Hearth("--admin-port", "0", *arguments, home=home)
    try:
        assert send(hearth.address, "/session")[2] == {"needs_key": False}
        assert send(hearth.address, "/session", "POST")[0] == 409
        key, other = make_key(home, "--tenant", "legal"), make_key(home, "--scopes", "inference,admin,metrics")
        assert send(hearth.address, "/session")[0] == 401
        assert send(hearth.address, "/session", "POST", Authorization="Bearer hearth_wrong")[0] == 401
        session = sign_in(hearth.address, key)
        cookie = {"Cookie": session["Cookie"]}
        status, _, document = send(hearth.address, "/session", **cookie)
        assert (status, document["tenant"], document["key_id"]) == (200, "legal", key_id(key))
        assert send(hearth.address, "/v1/models", **cookie)[0] == 200
        # What changes something needs the token; a key of another is no help.
        assert send(hearth.address, "/session", "DELETE", **cookie)[0] == 401
        assert send(hearth.address, "/v1/models", Authorization=f"Bearer {other}", **cookie)[0] == 401
        assert send(hearth.address, "/v1/models", Authorization=f"Bearer {key}", **cookie)[0] == 200
        assert send(hearth.address, "/v1/models", Cookie=session["Cookie"][:-1] + "x")[0] == 401
        # The port of administration has sessions of its own, by the same rules.
        admin = hearth.metrics.removesuffix("/metrics")
        assert send(admin, "/session", **cookie)[0] == 401
        admin_session = sign_in(admin, other)
        assert urllib.request.urlopen(urllib.request.Request(hearth.metrics, headers={"Cookie": admin_session["Cookie"]}),
                                      timeout=60).status == 200
        assert send(hearth.address, "/session", "DELETE", **session)[0] == 204
        assert send(hearth.address, "/v1/models", **cookie)[0] == 401
        session = sign_in(hearth.address, key)
        assert run_hearth("key", "revoke", key_id(key), home=home).returncode == 0
        assert send(hearth.address, "/v1/models", Cookie=session["Cookie"])[0] == 401
        session = sign_in(hearth.address, other)
    finally:
        assert hearth.stop() == 0
    hearth = Hearth(home=home)
    try:
        assert send(hearth.address, "/v1/models", Cookie=session["Cookie"])[0] == 401
    finally:
        assert hearth.stop() == 0


def test_the_cookie_is_secure_where_the_page_is(home):
    certificate, private = home / "certificate.pem", home / "key.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(private), "-out",
                    str(certificate)], check=True, capture_output=True)
    (home / "hearth.yaml").write_text(f"service:\n  tls_certificate: {certificate}\n  tls_key: {private}\n")
    key = make_key(home)
    hearth = Hearth(home=home)
    try:
        assert hearth.address.startswith("https://")
        _, headers, _ = send(hearth.address, "/session", "POST", x_api_key=key)
        port = hearth.address.rsplit(":", 1)[1]
        assert headers["Set-Cookie"].startswith(f"__Host-hearth_session_{port}=")
        assert headers["Set-Cookie"].endswith("; Path=/; HttpOnly; SameSite=Strict; Secure")
        cookie = headers["Set-Cookie"].split(";")[0]
        assert send(hearth.address, "/v1/models", Cookie=cookie)[0] == 200
        # What a page of plain HTTP could have set does not count.
        assert send(hearth.address, "/v1/models", Cookie=cookie.removeprefix("__Host-"))[0] == 401
    finally:
        assert hearth.stop() == 0


def test_wrong_keys_are_slowed(home):
    key = make_key(home)
    hearth = Hearth(home=home)
    try:
        statuses = [send(hearth.address, "/session", "POST", x_api_key=key[:-1] + "x")[0] for _ in range(60)]
        assert set(statuses) == {401, 429} and statuses.index(429) >= 20
        status, headers, _ = send(hearth.address, "/session", "POST", x_api_key=key[:-1] + "x")
        assert status == 401 or int(headers["Retry-After"]) > 0
        assert send(hearth.address, "/v1/models", x_api_key=key)[0] == 200
    finally:
        assert hearth.stop() == 0


def everything_kept(driver):
    """All that scripts could read in this browser."""
    return driver.execute_async_script("""
        const done = arguments[0];
        (async () => done(JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie, location.href, history.state,
            document.documentElement.outerHTML, await indexedDB.databases(), await caches.keys(), globalThis.name])))();""")


def give_key(driver, key):
    wait_until(driver, lambda: driver.find_elements("id", "key"))
    by_id(driver, "key").send_keys(key + "\n")


def confirm(driver):
    driver.find_element("css selector", "dialog .primary").click()


def test_the_page_exchanges_the_key_and_keeps_it_nowhere(home):
    key = make_key(home, "--tenant", "legal")
    hearth = Hearth("--context", "1024", home=home)
    driver = open_browser()
    try:
        driver.get(hearth.address)
        give_key(driver, "hearth_wrong")
        wait_until(driver, lambda: "did not take" in by_id(driver, "key-more").text)
        assert by_id(driver, "key").get_attribute("value") == ""
        give_key(driver, key)
        wait_until(driver, lambda: MODEL in by_id(driver, "model").text)
        ask(driver, "Name a river.")
        wait_until(driver, lambda: answers(driver) and not is_running(driver))
        secret = key.split("_")[2]
        assert secret not in everything_kept(driver)
        assert "Name a river." in everything_kept(driver)
        (cookie,) = driver.get_cookies()
        assert cookie["httpOnly"] and cookie["sameSite"] == "Strict" and not cookie["secure"]
        assert cookie["value"] not in everything_kept(driver)
        # It lasts beyond this page, and is everywhere on this server.
        driver.refresh()
        wait_until(driver, lambda: driver.find_elements("css selector", "#history .open"))
        assert by_id(driver, "tenant").text == "legal"
        driver.get(hearth.address + "/live")
        wait_until(driver, lambda: by_id(driver, "phase").text == "ready")
        driver.get(hearth.address)
        wait_until(driver, lambda: by_id(driver, "sign-out").is_displayed())
        by_id(driver, "sign-out").click()
        confirm(driver)
        wait_until(driver, lambda: driver.find_elements("id", "key"))
        assert not driver.get_cookies()
        assert "Name a river." not in everything_kept(driver)
        assert not [name for name in driver.execute_script("return Object.keys(localStorage)") if "legal" in name]
    finally:
        driver.quit()
        assert hearth.stop() == 0


def test_history_is_of_who_is_signed_in(home):
    a, b = make_key(home, "--tenant", "a"), make_key(home, "--tenant", "b")
    hearth = Hearth("--context", "1024", home=home)
    driver = open_browser()
    titles = lambda: [node.text for node in driver.find_elements("css selector", "#history .open")]
    try:
        driver.get(hearth.address)
        give_key(driver, a)
        wait_until(driver, lambda: MODEL in by_id(driver, "model").text)
        script_answers(driver, "Yes.")
        ask(driver, "Of a alone?")
        wait_until(driver, lambda: answers(driver) == ["Yes."] and titles() == ["Of a alone?"])
        # The key ends: at the next request there is nobody, and then somebody else.
        assert run_hearth("key", "revoke", key_id(a), home=home).returncode == 0
        driver.execute_script("document.dispatchEvent(new Event('visibilitychange'))")
        give_key(driver, b)
        wait_until(driver, lambda: by_id(driver, "tenant").text == "b")
        assert titles() == [] and "Of a alone?" not in driver.find_element("tag name", "body").text
        script_answers(driver, "No.")
        ask(driver, "Of b?")
        wait_until(driver, lambda: titles() == ["Of b?"])
    finally:
        driver.quit()
        assert hearth.stop() == 0
