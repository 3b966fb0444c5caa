"""The page of `esrgan demo`: what it makes of an upload, and the page itself in a real browser."""

import contextlib
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image
from support import browser as browsers
from support.browser import open_browser, screenshot, wait_for
from support.images import make_image, write_photo
from support.tiny import TINY

from esrgan_tf.data.sample import sample_photographs
from esrgan_tf.demo import BETWEEN, Opener, build_demo, upscale_upload
from esrgan_tf.errors import InputError
from esrgan_tf.formats.keras_file.generators import save_generator
from esrgan_tf.formats.network import Network
from esrgan_tf.formats.registry import load_interpolated, open_network
from esrgan_tf.image.io import read_image, to_uint8, write_image
from esrgan_tf.inference.upscaler import Upscaler
from esrgan_tf.metadata import GeneratorMetadata
from esrgan_tf.models import build_generator


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """Two generators of one network, as files."""
    folder = tmp_path_factory.mktemp("pair")
    for seed, name in enumerate(("psnr", "gan")):
        keras.utils.set_random_seed(seed)
        save_generator(build_generator(TINY.generator, "tiny"), folder / f"{name}.keras")
    return [str(folder / "psnr.keras"), str(folder / "gan.keras")]


def nearest():
    return Network(GeneratorMetadata.named("nearest", 2), lambda lr: lr.repeat(2, 0).repeat(2, 1))


def test_generators_are_opened_once_and_between_two_by_alpha(pair):
    opener = Opener(pair)
    assert opener.choices == [*pair, BETWEEN]
    assert opener.network(pair[0], 0.3) is opener.network(pair[0], 0.9)
    between = opener.network(BETWEEN, 0.31)
    assert between is opener.network(BETWEEN, 0.3) and between is not opener.network(BETWEEN, 0.8)
    rgb = make_image(shape=(9, 7)).rgb
    expected = np.array(load_interpolated(pair, 0.3)(rgb[None]))[0]
    np.testing.assert_allclose(between.run(rgb), expected, atol=1e-5)


def test_what_cannot_be_interpolated_is_not_offered(pair):
    assert Opener(["compact_x4", pair[0]]).choices == ["compact_x4", pair[0]]
    assert Opener(pair[:1]).choices == pair[:1]
    with pytest.raises(InputError, match="`model` must be given"):
        Opener([])


def test_an_upload_is_upscaled_with_all_that_it_has(tmp_path):
    shares = []
    for name, kind in (("a.png", {"alpha": True}), ("b.tif", {"bits": 16}), ("c.png", {"grey": True})):
        write_image(tmp_path / name, make_image(shape=(20, 30), **kind))
        before, after, file = upscale_upload(str(tmp_path / name), nearest(), 10_000, tmp_path / "out", shares.append)
        image, output = read_image(tmp_path / name), read_image(file)
        assert file.name == name.replace(".", "_x2.")
        assert (output.grey, output.bits, output.alpha is None) == (image.grey, image.bits, image.alpha is None)
        np.testing.assert_array_equal(before, to_uint8(image.rgb).repeat(2, 0).repeat(2, 1))
        np.testing.assert_array_equal(after, before)
    assert shares[-1] == 1.0


def test_an_upload_that_is_too_large_or_no_image_is_refused(tmp_path):
    write_photo(tmp_path / "a.png", 40, 50)
    with pytest.raises(InputError, match="at most 1,999 px. Received: 50 x 40"):
        upscale_upload(str(tmp_path / "a.png"), nearest(), 1999, tmp_path, lambda share: None)
    (tmp_path / "b.png").write_bytes(b"no image")
    with pytest.raises(InputError, match="b.png"):
        upscale_upload(str(tmp_path / "b.png"), nearest(), 1999, tmp_path, lambda share: None)


@contextlib.contextmanager
def shown(models, largest):
    """The page of some generators in a browser."""
    pytest.importorskip("gradio")
    browser = open_browser()
    page = build_demo(Opener(models), largest)
    _, url, _ = page.launch(server_name="127.0.0.1", prevent_thread_lock=True, quiet=True, footer_links=[])
    try:
        browser.get(url)
        browser.page = page
        yield browser
    finally:
        browser.quit()
        page.close()
        page.results.cleanup()


def upload(browser, path):
    """Give the page a file, in place of one that it may have."""
    for clear in browser.find_elements("css selector", "button[aria-label='Clear'], button[title='Remove Image']"):
        clear.click()
    field = wait_for(lambda: browser.find_elements("css selector", "input[type=file]"), "room for an upload")[0]
    field.send_keys(str(path))
    wait_for(lambda: browser.find_elements("css selector", f"img[src*='{path.stem}']"), "the upload")


def click(browser, text):
    wait_for(lambda: [b for b in browser.find_elements("tag name", "button") if b.text == text], text)[0].click()


def result(browser, folder):
    """The file that the page gives, once it has one."""
    link = wait_for(lambda: browser.find_elements("css selector", "a[download]"), "the result")[-1]
    return read_image(browsers.downloaded(browser, link, folder)).rgb


def small_photograph(path, side=60):
    Image.open(sample_photographs()[1][0].hr).convert("RGB").resize((side, side)).save(path)
    return read_image(path).rgb


@pytest.mark.slow
def test_the_page_upscales_compares_and_refuses(tmp_path):
    rgb = small_photograph(tmp_path / "small.png")
    small_photograph(tmp_path / "large.png", 80)
    with shown(["phone_x4"], 5000) as browser:
        upload(browser, tmp_path / "small.png")
        click(browser, "Upscale")
        wanted = Upscaler(open_network(["phone_x4"])).upscale(rgb)
        assert np.abs(result(browser, tmp_path / "downloads") - wanted).max() <= 1 / 255
        wait_for(
            lambda: len(browser.find_elements("css selector", ".slider-wrap img, .image-container img")) > 1, "both"
        )
        browser.execute_script("scrollTo(0, 0)")
        screenshot(browser, "demo.png")
        upload(browser, tmp_path / "large.png")
        click(browser, "Upscale")
        wait_for(lambda: "at most 5,000 px" in browser.find_element("tag name", "body").text, "the refusal")


@pytest.mark.slow
def test_alpha_passes_through_the_page_and_results_do_not_pile_up(tmp_path):
    write_image(tmp_path / "see-through.png", make_image(alpha=True, shape=(30, 40)))
    with shown(["phone_x4"], 5000) as browser:
        for number in range(2):
            upload(browser, tmp_path / "see-through.png")
            click(browser, "Upscale")
            wait_for(lambda: browser.find_elements("css selector", "a[download]"), "the result")
            link = browser.find_elements("css selector", "a[download]")[-1]
            output = read_image(browsers.downloaded(browser, link, tmp_path / f"downloads{number}"))
            assert output.alpha is not None and output.rgb.shape == (120, 160, 3)
        assert len(list(Path(browser.page.results.name).iterdir())) == 1


@pytest.mark.slow
def test_the_slider_interpolates_the_network_at_once(tmp_path, pair):
    from selenium.webdriver import Keys

    rgb = small_photograph(tmp_path / "small.png")
    with shown(pair, 5000) as browser:
        upload(browser, tmp_path / "small.png")
        browser.find_element("css selector", "input[type=range]").send_keys(Keys.HOME, *[Keys.ARROW_RIGHT] * 6)
        wanted = np.clip(np.array(load_interpolated(pair, 0.3)(rgb[None]))[0], 0, 1)

        def settled():
            folder = tmp_path / f"downloads{len(list(tmp_path.iterdir()))}"
            return np.abs(result(browser, folder) - wanted).max() <= 1 / 255

        assert wait_for(settled, "the network of the slider's place")
