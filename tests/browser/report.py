"""Opens a report with pictures and one of 10,000 pairs in headless Chromium and uses them as a person does, by keyboard
alone. Ends with 77 where Chromium or Selenium is not installed (Debian: chromium, chromium-driver, python3-selenium).

    report.py SMALL.html LARGE.html [--shots FOLDER]
"""

import json
import pathlib
import shutil
import sys
import time

try:
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys
    from selenium.webdriver.support.ui import Select
except ImportError:
    print("skipped in a browser: there is no Selenium for", sys.executable)
    sys.exit(77)

WIDTHS = (360, 400, 768, 1000, 1400, 2560)
MOST_SECONDS = 2.0


def start():
    options = webdriver.ChromeOptions()
    # The sandbox wants a user who is not root; /dev/shm is small in containers.
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu",
                     "--hide-scrollbars", "--force-prefers-reduced-motion"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"performance": "ALL", "browser": "ALL"})
    return webdriver.Chrome(service=Service(shutil.which("chromedriver")), options=options)


def size(browser, width, scheme="light", height=900):
    # A window of Chromium has a least width, a device that it emulates has none.
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride",
                            {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500})
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia",
                            {"features": [{"name": "prefers-color-scheme", "value": scheme}]})


def requests(browser, page):
    """What was asked for since the last call, other than the page itself and what lies in it."""
    asked = []
    for entry in browser.get_log("performance"):
        message = json.loads(entry["message"])["message"]
        if message["method"] == "Network.requestWillBeSent":
            url = message["params"]["request"]["url"]
            if url != page and not url.startswith("data:"):
                asked.append(url)
    return asked


def opened(browser, page):
    began = time.monotonic()
    browser.get(page)
    # The script has run, and the table has been laid out and painted.
    browser.execute_async_script("const done = arguments[0]; requestAnimationFrame(() => setTimeout(done));")
    seconds = time.monotonic() - began
    assert browser.find_element(By.ID, "table").is_displayed()
    return seconds


def processor_seconds(browser):
    """What the page's process has computed so far, on all its threads."""
    metrics = browser.execute_cdp_cmd("Performance.getMetrics", {})["metrics"]
    return next(metric["value"] for metric in metrics if metric["name"] == "ProcessTime")


def overflow(browser):
    return browser.execute_script(
        "const wide = document.documentElement.clientWidth;"
        "const root = document.querySelector('dialog[open]') ?? document.body;"
        "const out = [...root.querySelectorAll('*')].filter((e) => {"
        "  const box = e.getBoundingClientRect();"
        "  return box.width && (box.right > wide + 1 || box.left < -1) && getComputedStyle(e).position !== 'absolute'"
        "    && !e.closest('.skip, .settings thead'); });"
        "return [document.documentElement.scrollWidth - wide, root.scrollWidth - root.clientWidth,"
        "  out.slice(0, 3).map((e) => e.outerHTML.slice(0, 200))];")


def column(browser, title):
    """The cells of a column of the table as they stand."""
    return browser.execute_script(
        "const at = [...document.querySelectorAll('#table thead th')].findIndex((e) => e.innerText.trim() === arguments[0]);"
        "return [...document.querySelectorAll('#table tbody tr')].map((e) => e.cells[at].innerText);", title)


def header(browser, title):
    heads = browser.find_elements(By.CSS_SELECTOR, "#table thead th")
    return next(head for head in heads if head.text.strip() == title)


def active(browser):
    return browser.execute_script("return document.activeElement.id || document.activeElement.textContent")


def press(browser, *keys):
    for key in keys:
        browser.switch_to.active_element.send_keys(key)


def contrast(browser, selector, style):
    """Of what the selector finds first with what lies behind it, as WCAG 2 defines it."""
    return browser.execute_script(
        "const light = (text) => { const [r, g, b] = text.match(/[\\d.]+/g).map((v) => v / 255)"
        "  .map((v) => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);"
        "  return 0.2126 * r + 0.7152 * g + 0.0722 * b; };"
        "const found = document.querySelector(arguments[0]);"
        "const a = light(getComputedStyle(found)[arguments[1]]);"
        "const b = light(getComputedStyle(document.body).backgroundColor);"
        "return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);", selector, style)


def check_layout(browser, page):
    for width in WIDTHS:
        size(browser, width)
        opened(browser, page)
        found = overflow(browser)
        assert found[:2] == [0, 0] and not found[2], f"{width} px: {found}"
        browser.execute_script("document.querySelector('#table tbody button').click()")
        found = overflow(browser)
        assert found[:2] == [0, 0] and not found[2], f"the panel at {width} px: {found}"
    print("no width overflows:", *WIDTHS)


def check_contrast(browser, page):
    for scheme in ("light", "dark"):
        size(browser, 1400, scheme)
        opened(browser, page)
        for selector in ("body", ".note", "i", "h1 .name", ".bad", "#table tbody button"):
            found = contrast(browser, selector, "color")
            assert found >= 4.5, f"{scheme}: {selector} has a contrast of {found:.2f}"
        assert contrast(browser, ".plot text", "fill") >= 4.5, scheme
        lines = browser.execute_script(
            "return [...new Set([...document.querySelectorAll('ul.legend polyline')].map((e) => e.getAttribute('stroke')))]")
        for line in lines:
            found = contrast(browser, f".plot polyline[stroke='{line}']", "stroke")
            assert found >= 3, f"{scheme}: the line {line} has a contrast of {found:.2f}"
    print(f"text and {len(lines)} lines are readable, light and dark")


def check_table(browser):
    text = browser.find_element(By.ID, "text")
    before = browser.find_element(By.ID, "count").text
    # From the filter, the tab key leads through its fields to the heads of the table.
    browser.execute_script("arguments[0].focus()", text)
    reached = []
    for _ in range(4):
        press(browser, Keys.TAB)
        reached.append(active(browser))
    assert reached[-3:] == ["outcome", "image", "target"] or reached[:3] == ["setting", "outcome", "image"], reached
    focused = header(browser, "IoU").find_element(By.TAG_NAME, "button")
    browser.execute_script("arguments[0].focus({ focusVisible: true })", focused)
    ring = browser.execute_script("return getComputedStyle(document.activeElement).outlineStyle")
    assert ring == "solid", ring
    for direction, sign in (("ascending", 1), ("descending", -1)):
        press(browser, Keys.ENTER)
        assert header(browser, "IoU").get_attribute("aria-sort") == direction
        values = [float(value) for value in column(browser, "IoU") if value != "–"]
        assert len(values) > 20 and values == sorted(values, reverse=sign < 0), values
    sorted_heads = browser.find_elements(By.CSS_SELECTOR, "th[aria-sort=ascending], th[aria-sort=descending]")
    assert len(sorted_heads) == 1
    # Names are sorted by the numbers in them.
    header(browser, "image").find_element(By.TAG_NAME, "button").send_keys(Keys.SPACE)
    names = [name for name in column(browser, "image") if name.startswith("image_")]
    numbers = [int(name[6:-4]) for name in names]
    assert numbers == sorted(numbers) and len(set(numbers)) > 2, names

    text.send_keys("image_7.png")
    assert browser.find_element(By.ID, "count").text.endswith("filtered from 120")
    named = list(zip(column(browser, "image"), column(browser, "target")))
    assert named and all("image_7.png" in " ".join(pair) for pair in named), named
    text.clear()
    text.send_keys(" ")
    text.send_keys(Keys.BACKSPACE)
    assert browser.find_element(By.ID, "count").text == before
    Select(browser.find_element(By.ID, "outcome")).select_by_visible_text("failed")
    assert column(browser, "reached") == ["failed"] * 6, column(browser, "reached")
    Select(browser.find_element(By.ID, "outcome")).select_by_visible_text("reached 0.9")
    assert set(column(browser, "reached")) == {"0.9"}
    Select(browser.find_element(By.ID, "outcome")).select_by_visible_text("all")
    Select(browser.find_element(By.ID, "setting")).select_by_index(2)
    assert len(set(column(browser, "setting"))) == 1
    Select(browser.find_element(By.ID, "setting")).select_by_index(0)
    print("the table sorts and filters:", before)


def slide(browser, slider, output, key):
    before = browser.find_element(By.ID, output).text
    browser.find_element(By.ID, slider).send_keys(key)
    after = browser.find_element(By.ID, output).text
    assert before != after, f"{slider} stays at {before}"
    assert browser.find_element(By.ID, slider).get_attribute("aria-valuetext") == after
    return after


def check_panel(browser):
    header(browser, "image").find_element(By.TAG_NAME, "button").send_keys(Keys.ENTER)
    button = browser.find_elements(By.CSS_SELECTOR, "#table tbody button")[-1]
    name = button.text
    button.send_keys(Keys.ENTER)
    panel = browser.find_element(By.ID, "panel")
    assert panel.is_displayed() and name in panel.text
    for picture in ("source", "adversarial", "perturbation"):
        wide = browser.execute_async_script(
            "const [id, done] = arguments; const e = document.getElementById(id);"
            "e.decode().then(() => done(e.naturalWidth), () => done(0));", picture)
        assert wide > 100, f"{picture} is {wide} pixels wide"
    shown = "return getComputedStyle(document.getElementById('adversarial')).clipPath"
    assert "50%" in browser.execute_script(shown)
    slide(browser, "divide", "divide-value", Keys.ARROW_RIGHT)
    assert "51%" in browser.execute_script(shown), browser.execute_script(shown)
    slide(browser, "divide", "divide-value", Keys.HOME)
    assert "0%" in browser.execute_script(shown)
    first = browser.find_element(By.ID, "perturbation").value_of_css_property("filter")
    slide(browser, "magnify", "magnify-value", Keys.ARROW_LEFT)
    at = slide(browser, "magnify", "magnify-value", Keys.END)
    second = browser.find_element(By.ID, "perturbation").value_of_css_property("filter")
    assert first != second and "contrast" in second, (first, second)
    title = browser.find_element(By.ID, "panel-title").text
    browser.find_element(By.ID, "previous").send_keys(Keys.ENTER)
    assert browser.find_element(By.ID, "panel-title").text != title
    press(browser, Keys.ESCAPE)
    assert not panel.is_displayed()
    assert active(browser) == name, "the focus goes back to where it was"
    # One that failed, and one without pictures.
    for find, said in (("image_4.png", "Failed: image_4.png: is no image"), ("image_5.png", "no pictures of this pair")):
        buttons = browser.find_elements(By.CSS_SELECTOR, "#table tbody button")
        while find not in [button.text for button in buttons]:
            assert browser.find_element(By.ID, "next-page").is_enabled(), f"no page has {find}"
            browser.find_element(By.ID, "next-page").send_keys(Keys.ENTER)
            buttons = browser.find_elements(By.CSS_SELECTOR, "#table tbody button")
        next(button for button in buttons if button.text == find).send_keys(Keys.ENTER)
        assert said in panel.text, panel.text
        assert not browser.find_element(By.ID, "pictures").is_displayed()
        press(browser, Keys.ESCAPE)
    print("the panel opens, its sliders move by keyboard (", at, "), and it closes")


def check_names(browser):
    assert browser.title.startswith("asma: evaluation of weights/</script><img"), browser.title
    assert not browser.find_elements(By.CSS_SELECTOR, "img[src=x]")
    assert browser.find_element(By.CSS_SELECTOR, "h1 .name").text.endswith("{{ 7*7 }}<!--.png")
    print("names stand as they are")


def check_large(browser, page):
    size(browser, 1400)
    seconds = []
    busy = []
    browser.execute_cdp_cmd("Performance.enable", {"timeDomain": "threadTicks"})
    for _ in range(3):
        before = processor_seconds(browser)
        seconds.append(opened(browser, page))
        after = processor_seconds(browser)
        # A page may get a process of its own, whose time begins anew.
        busy.append(after - before if after >= before else after)
    assert browser.find_element(By.ID, "count").text == "1–50 of 10000"
    # What a clock shows depends on what else the machine does.
    assert 0 < min(busy) < MOST_SECONDS, f"opens in {busy} s of the processor, {seconds} s of the clock"
    began = time.monotonic()
    header(browser, "image").find_element(By.TAG_NAME, "button").send_keys(Keys.ENTER)
    column(browser, "image")
    by_name = time.monotonic() - began
    began = time.monotonic()
    browser.find_element(By.ID, "text").send_keys("9999")
    assert browser.find_element(By.ID, "count").text == "1–2 of 2, filtered from 10000", browser.find_element(By.ID, "count").text
    filtered = time.monotonic() - began
    print(f"10,000 pairs open in {min(seconds):.2f} s ({min(busy):.2f} s of the processor), are sorted by name in {by_name:.2f} s and filtered by four keys in {filtered:.2f} s")


def shoot(browser, page, folder):
    folder.mkdir(parents=True, exist_ok=True)
    for width in (360, 400, 1400):
        for scheme in ("light", "dark"):
            size(browser, width, scheme)
            opened(browser, page)
            height = browser.execute_script("return document.documentElement.scrollHeight")
            size(browser, width, scheme, min(height, 2400))
            browser.save_screenshot(str(folder / f"page_{width}_{scheme}.png"))
            size(browser, width, scheme)
            browser.execute_script("document.querySelectorAll('#table tbody button')[1].click()")
            time.sleep(0.3)
            browser.save_screenshot(str(folder / f"panel_{width}_{scheme}.png"))


def main(small, large, *rest):
    if not (shutil.which("chromium") and shutil.which("chromedriver")):
        print("skipped in a browser: there is no chromium with its chromedriver")
        sys.exit(77)
    small, large = (pathlib.Path(file).resolve().as_uri() for file in (small, large))
    browser = start()
    try:
        browser.execute_cdp_cmd("Network.enable", {})
        if rest[:1] == ("--shots",):
            shoot(browser, small, pathlib.Path(rest[1]))
        size(browser, 1400)
        opened(browser, small)
        check_names(browser)
        check_table(browser)
        check_panel(browser)
        check_contrast(browser, small)
        check_layout(browser, small)
        asked = requests(browser, small)
        check_large(browser, large)
        asked += requests(browser, large)
        assert not asked, f"it fetches {asked}"
        print("nothing is fetched")
        complaints = [entry["message"] for entry in browser.get_log("browser")]
        assert not complaints, complaints
    finally:
        browser.quit()


main(*sys.argv[1:])
