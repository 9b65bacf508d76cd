"""Headless Chromium."""
from selenium import webdriver
from selenium.webdriver.chrome.service import Service

BOUND_S = 15


def chromium(folder):
    """A browser with a profile of its own, which saves files in FOLDER. Scripts are on."""
    options = webdriver.ChromeOptions()
    for word in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage",
                 "--disable-gpu", "--window-size=900,800"):
        options.add_argument(word)
    options.add_experimental_option("prefs", {"download.default_directory": folder})
    options.set_capability("unhandledPromptBehavior", "ignore")
    driver = webdriver.Chrome(options=options, service=Service("/usr/bin/chromedriver"))
    driver.set_page_load_timeout(BOUND_S)
    return driver
