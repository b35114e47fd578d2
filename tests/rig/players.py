# SPDX-License-Identifier: GPL-2.0-or-later
"""Chromium with the page of a player: hls.js on index.html, Shaka Player on shaka.html."""
import json
import os
import shutil

from test_ladder import Browser
from testbed.origin import Origin
from testbed.processes import ROOT, wait_for

PAGE_PORT = 9110


class Page:
    """tools/player behind a web server. origins: URLs of master playlists, for hls.js."""

    def __init__(self, directory, origins=()):
        folder = os.path.join(directory, "page")
        shutil.copytree(os.path.join(ROOT, "tools", "player"), folder)
        with open(os.path.join(folder, "origins.json"), "w", encoding="utf-8") as file:
            json.dump([{"name": f"origin {i}", "url": url} for i, url in enumerate(origins)], file)
        self.server = Origin(os.path.join(directory, "nginx-page"), PAGE_PORT, root=folder, store=False)

    def start(self):
        self.server.start()
        return self

    def stop(self):
        self.server.stop()


def heights_shown(browser):
    return browser.ask("document.getElementById('video').videoHeight")


def play_with_hls_js(browser, page, origin, heights):
    """Plays, and shows each rung."""
    browser.driver.get(page.server.url + "/")
    wait_for(lambda: browser.ask("window.player && document.querySelectorAll('#origins button').length") > origin, 20, "page")
    browser.driver.execute_script(f"document.querySelectorAll('#origins button')[{origin}].click()")
    wait_for(lambda: browser.ask("player.origin") == origin and browser.ask("player.hls.levels.length") >= len(heights), 20,
             "the master playlist in hls.js")
    browser.wait_plays()
    levels = browser.ask("player.hls.levels.map((level) => level.height)")
    for height in heights:
        browser.driver.execute_script(f"player.hls.currentLevel = {levels.index(height)}")
        wait_for(lambda: heights_shown(browser) == height, 30, f"{height} lines shown by hls.js")
        browser.wait_plays(2)
    assert browser.ask("player.fatal") == 0, browser.ask("player.errors")


def play_with_shaka(browser, page, url, heights):
    browser.driver.get("about:blank")
    browser.driver.get(f"{page.server.url}/shaka.html#{url}")
    try:
        wait_for(lambda: browser.ask("window.player && player.heights().length") >= len(heights), 30, "tracks in Shaka")
        browser.wait_plays()
        for height in heights:
            browser.driver.execute_script(f"player.choose({height})")
            wait_for(lambda: heights_shown(browser) == height, 30, f"{height} lines shown by Shaka Player")
            browser.wait_plays(2)
    except Exception as error:
        raise AssertionError(f"{error}; Shaka says {browser.ask('player.errors')}") from error
    assert browser.ask("player.fatal") == 0, browser.ask("player.errors")


__all__ = ["Browser", "Page", "play_with_hls_js", "play_with_shaka"]
