"""Opens the page in headless Chromium, on its software adapter and on the CPU, attacks as a person does, and compares what
comes out with what the command line comes to. Every shader goes through Chromium's own compiler too.

    test.py ASMA [--shots FOLDER] [--whole]

ASMA is the command-line tool; web/build.sh has been run. With --whole the demo's attack runs to its end on the software adapter
too, which takes minutes. Ends with 77 where Chromium or Selenium is not installed (Debian:
chromium, chromium-driver, python3-selenium).
"""

import base64
import functools
import http.server
import json
import pathlib
import shutil
import struct
import subprocess
import sys
import tempfile
import threading
import time
import zlib

try:
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service
    from selenium.webdriver.common.by import By
    from selenium.webdriver.support.ui import Select, WebDriverWait
except ImportError:
    print("skipped in a browser: there is no Selenium for", sys.executable)
    sys.exit(77)

WWW = pathlib.Path(__file__).parent / "www"
WEIGHTS = pathlib.Path(__file__).parent.parent / "weights"
PATIENCE = 600


class Server(http.server.SimpleHTTPRequestHandler):
    extensions_map = {**http.server.SimpleHTTPRequestHandler.extensions_map, ".wasm": "application/wasm"}

    def log_message(self, *_):
        pass


def serve():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Server, directory=WWW))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}/"


def start():
    options = webdriver.ChromeOptions()
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--enable-unsafe-webgpu",
                     "--use-webgpu-adapter=swiftshader", "--disable-background-networking", "--hide-scrollbars"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"performance": "ALL", "browser": "ALL"})
    browser = webdriver.Chrome(service=Service(shutil.which("chromedriver")), options=options)
    browser.set_window_size(1200, 1500)
    browser.set_script_timeout(PATIENCE)
    return browser


def opened(browser, page, device):
    browser.get(f"{page}?device={device}")
    WebDriverWait(browser, PATIENCE).until(
        lambda b: b.find_element(By.TAG_NAME, "body").get_attribute("data-ready")
        or b.find_element(By.ID, "message").text)
    problem = browser.find_element(By.ID, "message").text
    assert not problem, problem
    print(device, "→", browser.find_element(By.ID, "device").text)


def attacked(browser, attack, target, iterations, settings=()):
    """What the page comes to."""
    Select(browser.find_element(By.ID, "attack")).select_by_visible_text(attack)
    Select(browser.find_element(By.ID, "target")).select_by_value(target)
    for name, value in {"iterations": iterations, **dict(settings)}.items():
        box = browser.find_element(By.ID, name)
        box.clear()
        box.send_keys(str(value))
    browser.execute_script("window.asma = undefined")
    browser.find_element(By.ID, "run").click()
    WebDriverWait(browser, PATIENCE).until(
        lambda b: b.execute_script("return !document.getElementById('run').disabled"))
    problem = browser.find_element(By.ID, "message").text
    assert not problem, problem
    return browser.execute_script("return {summary: asma.summary, milliseconds: asma.milliseconds}")


def native(asma, folder, *arguments):
    """What the command line comes to."""
    out = pathlib.Path(folder) / "native"
    subprocess.run(
        [asma, "attack", "--image", WEIGHTS / "demo.png", "--weights", WEIGHTS / "fundus.safetensors", "--device", "cpu",
         "--out", out, *arguments], check=True, capture_output=True)
    return json.loads((out / "summary.json").read_text())


def both(what, page, other):
    found, wanted = page["summary"], other
    each = page["milliseconds"] / max(1, found["iterations"])
    print(f"{what}: {found['iterations']} iterations, {each:.0f} ms each, {found['stop_reason']}; by the command line "
          f"{wanted['iterations']}, {wanted['stop_reason']}")
    for image in ("best", "rounded_to_8_bits"):
        for number, value in wanted["results"][image].items():
            print(f"   {image} {number}: {found['results'][image][number]:.7f}, {value:.7f}")
            yield f"{image} {number}", found["results"][image][number], value


def same(what, page, other):
    """Few iterations come to the same numbers, but for rounding."""
    assert page["summary"]["iterations"] == other["iterations"]
    for name, found, wanted in both(what, page, other):
        # Whether a value is rounded up or down hangs on the last digit, and what is lost is handed on.
        if name.startswith("best") or name.endswith(("iou", "accuracy")):
            allowed = 2e-4 if name.startswith("best") else 0.03
            assert abs(found - wanted) <= allowed * max(1e-3, abs(wanted)), name


def alike(what, page, other):
    """Many go apart where rounding decides, and end alike."""
    assert page["summary"]["stop_reason"] == other["stop_reason"]
    for name, found, wanted in both(what, page, other):
        assert abs(found - wanted) <= (0.02 if name.endswith(("iou", "accuracy")) else 0.2 * wanted), name


def shaders(browser, page, asma, folder):
    """Every text of every shader through the browser's compiler."""
    texts = {}
    for precision in ("f32", "f16"):
        out = pathlib.Path(folder) / precision
        subprocess.run([asma, "shaders", "--emit", "wgsl", "--precision", precision, "--out", out],
                       check=True, capture_output=True)
        for file in sorted(out.glob("*.wgsl")):
            text = file.read_text()
            # Matrices that wgpu alone has, which no browser is given.
            if "wgpu_cooperative_matrix" not in text:
                texts[f"{precision}/{file.name}"] = text
    browser.get(page + "style.css")
    answers = browser.execute_async_script("""
        const [texts, done] = arguments;
        (async () => {
          const adapter = await navigator.gpu.requestAdapter();
          const features = ['subgroups', 'shader-f16'].filter((feature) => adapter.features.has(feature));
          const device = await adapter.requestDevice({ requiredFeatures: features });
          const answers = [];
          for (const [name, text] of Object.entries(texts)) {
            if (/enable f16/.test(text) && !features.includes('shader-f16')) continue;
            const code = (/subgroup/.test(text) ? 'enable subgroups;\\n' : '') + text;
            const module = device.createShaderModule({ code });
            const { messages } = await module.getCompilationInfo();
            answers.push([name, messages.map(({ type, lineNum, message }) => `${type} ${lineNum}: ${message}`)]);
          }
          done(answers);
        })().catch((error) => done(String(error)));
    """, texts)
    assert isinstance(answers, list), answers
    wrong = {name: messages for name, messages in answers if messages}
    print(f"{len(answers)} of {len(texts)} shader texts compiled by the browser, {len(wrong)} with messages")
    assert len(answers) > 50 and not wrong, wrong


def quiet(browser, page):
    """Nothing is fetched from elsewhere, and nothing is said on the console."""
    for entry in browser.get_log("performance"):
        message = json.loads(entry["message"])["message"]
        if message["method"] == "Network.requestWillBeSent":
            url = message["params"]["request"]["url"]
            assert url.startswith((page, "data:", "blob:")), url
    said = [entry["message"] for entry in browser.get_log("browser") if entry["level"] in ("WARNING", "SEVERE")]
    # Chromium itself says of its software adapter that it is one.
    said = [line for line in said if "software" not in line.lower() and "powerPreference" not in line]
    assert not said, said


def closed_midway(browser, page):
    """A tab that is closed while it attacks takes nothing with it: the other goes on."""
    first = browser.current_window_handle
    browser.switch_to.new_window("tab")
    opened(browser, page, "gpu")
    browser.execute_script("""
        document.getElementById('iterations').value = 5000;
        document.getElementById('stop-iou').value = 1;
        document.getElementById('run').click();
    """)
    WebDriverWait(browser, PATIENCE).until(lambda b: "iteration " in b.find_element(By.ID, "numbers").text)
    browser.close()
    browser.switch_to.window(first)
    after = attacked(browser, "pgd", "class:0", 3)
    assert after["summary"]["stop_reason"] == "all iterations done", after["summary"]
    print("a tab was closed midway, and the other went on")


def refused(browser, what, ending, content, words):
    """A file that is opened, and what the page says of it: nothing if it is taken."""
    with tempfile.NamedTemporaryFile(suffix=ending) as file:
        file.write(content)
        file.flush()
        browser.execute_script("for (const id of ['lines', 'message']) document.getElementById(id).textContent = ''")
        browser.find_element(By.ID, what).send_keys(file.name)
        said = lambda b: b.find_element(By.ID, "message").text
        read = "return document.getElementById('lines').textContent"
        WebDriverWait(browser, PATIENCE).until(lambda b: said(b) or b.execute_script(read))
    found = said(browser)
    print("refused:" if found else "taken", found)
    assert bool(found) == bool(words) and words in found, found


def square_png(side):
    """The content of a square image."""
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    rows = zlib.compress((b"\0" + b"\x80" * 3 * side) * side, 1)
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def main():
    asma = pathlib.Path(sys.argv[1]).resolve()
    shots = pathlib.Path(sys.argv[sys.argv.index("--shots") + 1]) if "--shots" in sys.argv else None
    whole = "--whole" in sys.argv

    def shot(browser, name):
        if shots:
            shots.mkdir(parents=True, exist_ok=True)
            browser.save_screenshot(str(shots / f"{name}.png"))

    page = serve()
    browser = start()
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        try:
            shaders(browser, page, asma, folder)
            # A page that is none is asked for its icon.
            browser.get_log("browser")
            short, long = (("--target", "scale:1.6", "--iterations", number, "--stop-iou", "0.9") for number in ("6", "400"))
            short, long = native(asma, folder, *short), native(asma, folder, *long)
            pgd = native(asma, folder, "--attack", "pgd", "--target", "class:0", "--iterations", "2")
            for device in ("gpu", "cpu"):
                opened(browser, page, device)
                shot(browser, f"{device}_opened")
                same(f"pgd on the {device}", attacked(browser, "pgd", "class:0", 2), pgd)
                same(f"asma on the {device}", attacked(browser, "asma", "scale:1.6", 6), short)
                # Chromium's software adapter takes its time.
                if device == "cpu" or whole:
                    alike(f"asma to its end on the {device}", attacked(browser, "asma", "scale:1.6", 400, [("stop-iou", "0.9")]), long)
                shot(browser, f"{device}_attacked")
                png = base64.b64decode(browser.execute_script(
                    "return btoa(Array.from(asma.png, (byte) => String.fromCharCode(byte)).join(''))"))
                assert png.startswith(b"\x89PNG"), png[:8]
                quiet(browser, page)
            # A target that is painted, and an attack that is stopped.
            Select(browser.find_element(By.ID, "target")).select_by_value("painted")
            browser.execute_script("""
                const canvas = document.getElementById('wanted'), box = canvas.getBoundingClientRect();
                for (let i = 0; i < 30; i++) canvas.dispatchEvent(new PointerEvent('pointermove', { buttons: 1,
                    clientX: box.left + box.width * (0.3 + 0.01 * i), clientY: box.top + box.height * 0.3 }));
            """)
            shot(browser, "painted")
            # Stopped once it was seen to go on.
            browser.execute_script("""
                window.seen = new Set();
                const seen = setInterval(() => {
                  window.seen.add(document.getElementById('adversarial').toDataURL());
                  if (window.seen.size < 3) return;
                  clearInterval(seen);
                  document.getElementById('stop').click();
                }, 100);
            """)
            painted = attacked(browser, "asma", "painted", 5000, [("stop-iou", "1")])
            assert painted["summary"]["stop_reason"] in ("interrupted", "IoU reached"), painted["summary"]["stop_reason"]
            pictures = browser.execute_script("return window.seen.size")
            assert pictures == 3, f"{pictures} pictures were seen while the attack went on"
            print("painted:", painted["summary"]["iterations"], "iterations,", painted["summary"]["stop_reason"])
            shot(browser, "painted_attacked")
            quiet(browser, page)
            closed_midway(browser, page)
            # What is no model, and what the browser has no memory for, is refused in words, and the page goes on.
            refused(browser, "model", ".safetensors", b"no network at all", "no network")
            refused(browser, "image", ".png", square_png(6000), "not as much memory")
            refused(browser, "image", ".png", (WEIGHTS / "demo.png").read_bytes(), "")
        finally:
            browser.quit()
    print(f"passed in {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
