"""A Chromium without a window, and what every page is judged by."""

import base64
import os
import shutil
from contextlib import contextmanager
from pathlib import Path

from selenium.common.exceptions import TimeoutException, WebDriverException
from selenium.webdriver import Chrome, ChromeOptions, ChromeService, Keys
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.support.wait import WebDriverWait

FLAGS = (
    "--headless=new --no-sandbox --disable-gpu --disable-dev-shm-usage --disable-background-networking "
    "--disable-component-update --disable-sync --no-first-run --hide-scrollbars --lang=en-GB"
)
# Name, width in pixels, colours. 320 pixels are what 1280 are at 400 % (WCAG 1.4.10).
LOOKS = [("light", 1024, "light"), ("dark", 1024, "dark"), ("narrow", 320, "light")]
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@contextmanager
def chromium(home, scripts=True):
    """A browser that nobody has used. Without `scripts` no page may run any."""
    options = ChromeOptions()
    options.binary_location = shutil.which("chromium")
    for flag in [*FLAGS.split(), f"--user-data-dir={home}"]:
        options.add_argument(flag)
    if not scripts:
        options.add_experimental_option("prefs", {"profile.managed_default_content_settings.javascript": 2})
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = Chrome(options, ChromeService(shutil.which("chromedriver")))
    try:
        driver.set_page_load_timeout(30)
        driver.implicitly_wait(5)
        yield Browser(driver, scripts)
    finally:
        driver.quit()


class Browser:
    def __init__(self, driver, scripts):
        self.driver, self.scripts = driver, scripts
        self.screenshots = Path(os.environ["PAYLENT_TEST_SCREENSHOTS"])
        self.screenshots.mkdir(parents=True, exist_ok=True)
        self.axe = Path(os.environ["PAYLENT_TEST_NODE"], "axe-core/axe.min.js").read_text()

    def open(self, url):
        self.driver.get(url)

    def find(self, selector):
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def expect(self, heading):
        """Waits for the page with this heading."""
        patience = WebDriverWait(self.driver, 10, ignored_exceptions=[WebDriverException])
        try:
            patience.until(lambda _: self.find("h1").text == heading)
        except TimeoutException:
            raise AssertionError(f"{self.driver.current_url} is not {heading!r} but {self.find('body').text}") from None

    def told(self, text):
        """Waits for the page that says this was done. The page before may look alike."""
        patience = WebDriverWait(self.driver, 10, ignored_exceptions=[WebDriverException])
        patience.until(lambda _: self.find("[role=status]").text == text, f"nobody says {text!r}")

    def hears(self, selector):
        """Waits until the focus is where somebody who sees nothing hears of it."""
        patience = WebDriverWait(self.driver, 10, ignored_exceptions=[WebDriverException])
        patience.until(lambda driver: driver.switch_to.active_element == self.find(selector), "nobody hears of it")

    def quiet(self, *expected):
        """Nothing went wrong since the last time but what is expected, as a part of what Chromium says of it."""
        said = [entry["message"] for entry in self.driver.get_log("browser")]
        for part in expected:
            assert any(part in message for message in said), f"{part} is not in {said}"
        said = [message for message in said if not any(part in message for part in expected)]
        assert not said, said

    def look(self, name):
        """Takes pictures of the page in every look, and judges each."""
        for look, width, colours in LOOKS:
            metrics = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": False}
            self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
            features = [
                {"name": "prefers-color-scheme", "value": colours},
                {"name": "prefers-reduced-motion", "value": "reduce"},
            ]
            self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
            picture = self.driver.execute_cdp_cmd("Page.captureScreenshot", {"captureBeyondViewport": True})
            (self.screenshots / f"{name}-{look}.png").write_bytes(base64.b64decode(picture["data"]))
            if self.scripts:
                self.judge(f"{name}, {look}", width)
        self.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})

    def judge(self, name, width):
        scrolled = self.driver.execute_script("return document.documentElement.scrollWidth")
        assert scrolled <= width, f"{name}: the page is {scrolled} pixels wide"
        self.driver.execute_script(self.axe)
        run = "axe.run(document, {runOnly: arguments[0]}).then(arguments[1])"
        found = self.driver.execute_async_script(run, RULES)["violations"]
        told = [f"{rule['id']}: {node['failureSummary']} in {node['html']}" for rule in found for node in rule["nodes"]]
        assert not told, f"{name}: " + "\n".join(told)

    def press(self, *keys):
        ActionChains(self.driver).send_keys(*keys).perform()

    def tab_to(self, selector):
        """Moves the focus with the keyboard. Where it is can be seen at every step."""
        wanted = self.find(selector)
        for _ in range(20):
            self.press(Keys.TAB)
            focused = self.driver.switch_to.active_element
            assert focused.value_of_css_property("outline-style") != "none", focused.get_attribute("outerHTML")
            if focused == wanted:
                return
        raise AssertionError(f"the keyboard does not reach {selector}")
