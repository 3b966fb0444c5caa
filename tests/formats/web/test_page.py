"""The exported site in a real browser: what it gives is what LiteRT gives in Python."""

import base64
import json
import math
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support import browser as browsers
from support.browser import LITERT_JS, Site, open_browser, screenshot, wait_for
from support.images import make_image, write_photo

from esrgan_tf import ExportOptions, export_generators, load_generator
from esrgan_tf.data.sample import sample_photographs
from esrgan_tf.formats.registry import open_network
from esrgan_tf.image.io import read_image, to_uint8, write_image
from esrgan_tf.image.tiling import spans
from esrgan_tf.inference.upscaler import Upscaler

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not LITERT_JS, reason="ESRGAN_TEST_LITERT_JS names no node_modules with @litertjs/core"),
]
TILE, SCALE = 64, 4


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A site of the zoo's smallest network, float32 and int8."""
    output = tmp_path_factory.mktemp("exported")
    options = ExportOptions(output=output, formats=("web",), tiles=(TILE,), litert_js=LITERT_JS)
    export_generators([load_generator("phone_x4")], options)
    (site,) = output.glob("*_web")
    return site


@pytest.fixture(scope="module")
def browser():
    driver = open_browser()
    yield driver
    driver.quit()


@pytest.fixture
def page(browser, folder):
    """The page, ready."""
    with Site(folder) as site:
        browser.get(site.url)
        wait_for(lambda: status(browser) == "Ready.", "the page is ready")
        yield browser
        browser.get("about:blank")


def element(browser, name):
    return browser.find_element("id", name)


def status(browser):
    return element(browser, "status").text


def finished(browser):
    """The status, once there is nothing more to wait for."""
    text = status(browser)
    return text if text and not text.endswith("…") else ""


def choose(browser, path, kind="float32"):
    """Give the page an image, with a kind of network chosen before; returns what it says in the end."""
    model = element(browser, "model")
    for option in model.find_elements("tag name", "option"):
        if option.text.startswith(kind):
            browser.execute_script("arguments[0].value = arguments[1]", model, option.get_attribute("value"))
    browser.execute_script("document.getElementById('status').textContent = ''")
    element(browser, "file").send_keys(str(path))
    return wait_for(lambda: finished(browser), "the image is done")


def downloaded(browser, folder):
    """The image that the page has made, by its link."""
    return read_image(browsers.downloaded(browser, element(browser, "download"), folder / "downloads"))


def by_python(folder, path, kind):
    """What the command makes of the image with the same file."""
    (file,) = folder.glob(f"*_{kind}_{TILE}.tflite")
    return Upscaler(open_network([file])).upscale_image(read_image(path))


@pytest.mark.parametrize("kind", ["float32", "int8"])
@pytest.mark.parametrize("size", [(64, 64), (150, 97), (21, 9)])
def test_the_page_gives_what_litert_gives_in_python(page, folder, tmp_path, size, kind):
    write_photo(tmp_path / "a.png", *size)
    assert choose(page, tmp_path / "a.png", kind).endswith(" done.")
    got, wanted = downloaded(page, tmp_path), by_python(folder, tmp_path / "a.png", kind)
    assert got.rgb.shape == wanted.rgb.shape == (SCALE * size[0], SCALE * size[1], 3)
    assert np.abs(255 * got.rgb - wanted.rgb.astype(np.float32)).max() <= 1
    assert got.alpha is None
    assert element(page, "download").get_attribute("download") == "a_x4.png"


def test_alpha_and_the_colours_under_it_are_kept(page, folder, tmp_path):
    write_image(tmp_path / "a.png", make_image(alpha=True, shape=(70, 90)))
    assert choose(page, tmp_path / "a.png").endswith(" done.")
    got, wanted = downloaded(page, tmp_path), by_python(folder, tmp_path / "a.png", "float32")
    assert np.abs(got.alpha - np.clip(wanted.alpha, 0, 1)).max() <= 1 / 255
    assert np.abs(255 * got.rgb - wanted.rgb.astype(np.float32)).max() <= 1


def test_a_photograph_on_its_side_is_upscaled_upright(page, folder, tmp_path):
    exif = Image.Exif()
    exif[274] = 6
    write_photo(tmp_path / "a.png", 40, 60)
    Image.open(tmp_path / "a.png").save(tmp_path / "a.jpg", exif=exif, quality=98, subsampling=0)
    choose(page, tmp_path / "a.jpg")
    got, wanted = downloaded(page, tmp_path), by_python(folder, tmp_path / "a.jpg", "float32")
    assert got.rgb.shape == (240, 160, 3)
    assert np.abs(255 * got.rgb - wanted.rgb).mean() < 1  # two decoders of JPEG


def test_another_network_upscales_the_image_that_was_given_last(page, folder, tmp_path):
    write_photo(tmp_path / "a.png", 30, 40)
    choose(page, tmp_path / "a.png", "float32")
    page.execute_script(
        "const model = document.getElementById('model'); model.value = '1';"
        "document.getElementById('status').textContent = ''; model.dispatchEvent(new Event('change'))"
    )
    wait_for(lambda: finished(page), "the other network")
    got = downloaded(page, tmp_path)
    assert np.abs(255 * got.rgb - by_python(folder, tmp_path / "a.png", "int8").rgb).max() <= 1


def test_a_second_image_replaces_the_first(page, folder, tmp_path):
    for seed, name in enumerate(("a.png", "b.png")):
        write_photo(tmp_path / name, 30 + 10 * seed, 40, seed)
        choose(page, tmp_path / name)
    got = downloaded(page, tmp_path)
    assert np.abs(255 * got.rgb - by_python(folder, tmp_path / "b.png", "float32").rgb).max() <= 1


def test_pasted_and_dropped_images_are_taken(page, tmp_path):
    write_photo(tmp_path / "a.png", 20, 30)
    script = """
        const [kind, base64] = arguments;
        const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
        const given = new DataTransfer();
        given.items.add(new File([bytes], "given.png", {type: "image/png"}));
        const event = kind === "paste" ? new ClipboardEvent(kind, {clipboardData: given, bubbles: true})
            : new DragEvent(kind, {dataTransfer: given, bubbles: true, cancelable: true});
        document.getElementById("status").textContent = "";
        document.getElementById("drop").dispatchEvent(event);
    """
    for kind in ("paste", "drop"):
        page.execute_script(script, kind, base64.b64encode((tmp_path / "a.png").read_bytes()).decode())
        assert wait_for(lambda: finished(page), kind).startswith("30 x 20 to 120 x 80 px by WebAssembly")


def test_what_is_no_image_gets_a_clear_message_and_the_page_goes_on(page, tmp_path):
    (tmp_path / "broken.png").write_bytes(b"no image")
    assert choose(page, tmp_path / "broken.png") == "broken.png is no image that this browser can read."
    write_photo(tmp_path / "whole.png", 64, 64)
    (tmp_path / "cut.jpg").write_bytes((tmp_path / "whole.png").read_bytes()[:80])
    assert "is no image" in choose(page, tmp_path / "cut.jpg")
    assert choose(page, tmp_path / "whole.png").endswith(" done.")


def changed_site(folder, target, **config):
    """A copy of the site with other settings."""
    shutil.copytree(folder, target)
    settings = json.loads((target / "config.json").read_text()) | config
    (target / "config.json").write_text(json.dumps(settings))
    return target


def test_an_image_that_is_too_large_and_a_missing_network_are_told(browser, folder, tmp_path):
    write_photo(tmp_path / "a.png", 64, 64)
    small = changed_site(folder, tmp_path / "small", largest=SCALE**2 * 63 * 63)
    with Site(small) as site:
        browser.get(site.url)
        assert choose(browser, tmp_path / "a.png") == "64 x 64 px is too large: at most 0 megapixels."
    gone = changed_site(folder, tmp_path / "gone")
    for file in gone.glob("*.tflite"):
        file.unlink()
    with Site(gone) as site:
        browser.get(site.url)
        assert "The network phone_x4_float32_64.tflite is missing (404)." in choose(browser, tmp_path / "a.png")
    without = changed_site(folder, tmp_path / "without")
    shutil.rmtree(without / "litert")
    with Site(without) as site:
        browser.get(site.url)
        assert choose(browser, tmp_path / "a.png").startswith("LiteRT.js cannot be loaded from litert/core/index.js")


def test_work_can_be_cancelled_and_begun_again(page, tmp_path):
    write_photo(tmp_path / "large.png", 900, 900)
    write_photo(tmp_path / "small.png", 20, 20)
    element(page, "file").send_keys(str(tmp_path / "large.png"))
    wait_for(lambda: page.execute_script("return document.getElementById('progress').value") > 0, "a tile is done")
    element(page, "cancel").click()
    assert status(page) == "Cancelled."
    assert not element(page, "cancel").is_enabled()
    assert choose(page, tmp_path / "small.png").endswith(" done.")


def test_before_and_after_are_compared_by_keyboard_and_at_any_zoom(page, tmp_path):
    from selenium.webdriver import Keys

    Image.open(sample_photographs()[1][0].hr).convert("RGB").resize((160, 160)).save(tmp_path / "small.png")
    choose(page, tmp_path / "small.png")
    slider = element(page, "compare")
    slider.send_keys(Keys.HOME)
    assert "100%" in element(page, "before").value_of_css_property("clip-path")
    slider.send_keys(Keys.END)
    assert slider.get_attribute("aria-valuetext") == "100 % before"
    widths = {}
    for zoom in ("0", "1", "3"):
        page.execute_script(
            "const zoom = document.getElementById('zoom'); zoom.value = arguments[0];"
            "zoom.dispatchEvent(new Event('change'))",
            zoom,
        )
        widths[zoom] = element(page, "after").size["width"]
    whole = page.execute_script("return document.getElementById('after').width")
    assert widths["1"] == whole and widths["3"] == 3 * whole
    assert widths["0"] <= element(page, "viewer").size["width"]
    slider.send_keys(Keys.HOME, *[Keys.ARROW_RIGHT] * 50)
    page.execute_script("document.getElementById('zoom').value = '0'; dispatchEvent(new Event('resize'))")
    screenshot(page, "web.png")


def test_every_control_has_a_name_and_is_reached_by_the_tab_key(page, tmp_path):
    from selenium.webdriver import ActionChains, Keys

    write_photo(tmp_path / "a.png", 20, 20)
    choose(page, tmp_path / "a.png")
    reached = []
    page.execute_script("document.activeElement.blur()")
    for _ in range(8):
        ActionChains(page).send_keys(Keys.TAB).perform()
        reached.append(page.switch_to.active_element.get_attribute("id"))
    assert [name for name in reached if name][:6] == ["file", "model", "download", "compare", "zoom", "viewer"]
    for name in ("file", "model", "cancel", "download", "compare", "zoom", "viewer", "before", "after", "progress"):
        assert element(page, name).accessible_name, name


def test_nothing_leaves_the_page(page, tmp_path):
    write_photo(tmp_path / "a.png", 20, 20)
    choose(page, tmp_path / "a.png")
    loaded = page.execute_script("return performance.getEntriesByType('resource').map((entry) => entry.name)")
    own = page.execute_script("return location.origin")
    assert loaded and all(name.startswith((own, "blob:")) for name in loaded)


def test_neither_the_page_nor_its_worker_may_send_anything_elsewhere(browser, folder, tmp_path):
    tried = tmp_path / "site"
    shutil.copytree(folder, tried)
    with Site(folder, {"Access-Control-Allow-Origin": "*"}) as elsewhere, Site(tried) as site:
        fetching = f"fetch('{elsewhere.url}config.json')"
        worker = (tried / "worker.js").read_text()
        (tried / "worker.js").write_text(
            f"const sent = {fetching}.then(() => 'sent', () => 'refused');\n"
            + worker.replace("async function upscale(", "async function upscale_(", 1)
            + "async function upscale() { throw userError(await sent); }\n"
        )
        write_photo(tmp_path / "a.png", 20, 20)
        browser.get(site.url)
        wait_for(lambda: status(browser) == "Ready.", "the page is ready")
        script = f"const done = arguments[0]; {fetching}.then(() => done('sent'), () => done('refused'))"
        assert browser.execute_async_script(script) == "refused"
        assert choose(browser, tmp_path / "a.png") == "refused"
        assert not elsewhere.asked


def test_once_loaded_it_works_offline_and_with_threads(browser, folder, tmp_path):
    write_photo(tmp_path / "a.png", 100, 80)
    with Site(folder) as site:
        browser.get(site.url)
        assert choose(browser, tmp_path / "a.png").endswith(" done.")  # the first visit, and all that is loaded kept
        browser.refresh()
        assert browser.execute_script("return crossOriginIsolated") is True
        threads = browser.execute_script("return navigator.hardwareConcurrency")
        said = choose(browser, tmp_path / "a.png")
        assert (f"{threads} threads" if threads > 1 else "one thread") in said and said.endswith(" done.")
    browser.refresh()  # the server is gone
    wait_for(lambda: status(browser) == "Ready.", "the page is ready without its server")
    assert choose(browser, tmp_path / "a.png").endswith(" done.")
    got = downloaded(browser, tmp_path)
    assert np.abs(255 * got.rgb - by_python(folder, tmp_path / "a.png", "float32").rgb).max() <= 1


def test_tiles_are_those_of_python(page):
    script = """
        const done = arguments[arguments.length - 1];
        import("./tiles.js").then(({spans}) => done(spans(...arguments)));
    """
    for length, tile, overlap in ((10, 64, 8), (64, 64, 8), (65, 64, 8), (200, 64, 8), (777, 96, 20)):
        found = page.execute_async_script(script, length, tile, overlap)
        expected = [
            {"start": span.start, "keepStart": span.keep_start, "keepStop": span.keep_stop}
            for span in spans(length, tile, overlap)
        ]
        assert found == expected


WEBGPU = """
    const [behaviour, integers] = arguments;
    const done = arguments[arguments.length - 1];
    class Tensor {
        constructor(values) { this.values = values; }
        delete() {}
        async data() { return this.values; }
    }
    let runs = 0;
    const litert = {
        Tensor,
        async loadAndCompile(bytes, {accelerator}) {
            if (behaviour === "fails" && accelerator === "webgpu") throw new Error("no device");
            return {
                options: {accelerator: behaviour === "another" ? "wasm" : accelerator},
                isFullyAccelerated: !(behaviour === "partly" && accelerator === "webgpu"),
                delete() {},
                async run(input) {
                    const wrong = accelerator === "webgpu" && behaviour === "wrong the second time" && ++runs > 1;
                    return [new Tensor(input.values.map((value) => wrong ? value + 0.1 : value + 0.001))];
                },
            };
        },
    };
    import("./network.js").then(({openNetwork}) =>
        openNetwork(litert, new Uint8Array(4), {tile: 8, integers}, behaviour !== "missing")
    ).then((network) => done(network.accelerator));
"""


@pytest.mark.parametrize(
    ("behaviour", "integers", "expected"),
    [
        ("right", False, "webgpu"),
        ("wrong the second time", False, "wasm"),
        ("fails", False, "wasm"),
        ("partly", False, "wasm"),
        ("another", False, "wasm"),
        ("missing", False, "wasm"),
        ("right", True, "wasm"),
    ],
)
def test_webgpu_is_taken_where_it_is_right_twice(page, behaviour, integers, expected):
    assert page.execute_async_script(WEBGPU, behaviour, integers) == expected


def test_a_large_result_is_written_whole_and_shown_smaller(browser, folder, tmp_path):
    write_photo(tmp_path / "a.png", 130, 170)
    small = tmp_path / "site"
    shutil.copytree(folder, small)
    script = (small / "page.js").read_text()
    assert "SHOWN = 40e6" in script
    (small / "page.js").write_text(script.replace("SHOWN = 40e6", "SHOWN = 20e3"))
    with Site(small) as site:
        browser.get(site.url)
        assert choose(browser, tmp_path / "a.png").endswith(" done.")
        shown = browser.execute_script("return [document.getElementById('after').height]")
        factor = math.ceil(math.sqrt(520 * 680 / 20e3))
        assert shown == [math.ceil(520 / factor)]
        assert downloaded(browser, Path(tmp_path)).rgb.shape == (520, 680, 3)
        canvas = browser.execute_script("return document.getElementById('after').toDataURL()")
        (tmp_path / "seen.png").write_bytes(base64.b64decode(canvas.partition(",")[2]))
        seen = read_image(tmp_path / "seen.png")
        whole = by_python(folder, tmp_path / "a.png", "float32").rgb
        assert np.abs(to_uint8(seen.rgb).mean() - whole.mean()) < 3
