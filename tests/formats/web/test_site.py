"""What an exported site consists of, without a browser."""

import json

import keras
import numpy as np
import pytest
from support.images import write_photo

from esrgan_tf import ExportOptions, export_generators
from esrgan_tf.errors import InputError
from esrgan_tf.formats.registry import open_network
from esrgan_tf.formats.web import litert_js
from esrgan_tf.models import build_generator
from esrgan_tf.recipes.generators import RRDBConfig


@pytest.fixture(scope="module")
def generator():
    keras.utils.set_random_seed(4)
    return build_generator(RRDBConfig(scale=2, blocks=1, features=8, growth=4), "tiny")


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    folder = tmp_path_factory.mktemp("images")
    for seed in range(3):
        write_photo(folder / f"{seed}.png", 64, 64, seed)
    return folder


def node_modules(folder, version=litert_js.VERSION):
    """LiteRT.js as npm installs it, its files empty."""
    for name in ("core", "wasm-utils"):
        (folder / "@litertjs" / name / "dist").mkdir(parents=True)
        (folder / "@litertjs" / name / "package.json").write_text(json.dumps({"version": version}))
        (folder / "@litertjs" / name / "dist/index.js").write_text('import {x} from "@litertjs/wasm-utils";')
    (folder / "@litertjs/core/wasm").mkdir()
    for name in litert_js._WASM:
        for suffix in (".js", ".wasm"):
            (folder / "@litertjs/core/wasm" / f"{name}{suffix}").write_bytes(b"")
    return folder


def export(generator, images, output, **options):
    """(the site, the lines)."""
    lines = []
    options = {"kinds": ("float32",), "tiles": (32,), "calibration": str(images)} | options
    export_generators([generator], ExportOptions(output=output, formats=("web",), **options), lines.append)
    return output / "tiny_x2_web", lines


def test_a_site_has_the_page_its_networks_and_what_it_is_told_of_them(tmp_path, generator, images):
    site, lines = export(generator, images, tmp_path / "out", tiles=(32, 48), licence="CC0 <1.0>")
    config = json.loads((site / "config.json").read_text())
    assert config["scale"] == 2
    assert [(model["file"], model["tile"], model["integers"]) for model in config["models"]] == [
        ("tiny_x2_float32_32.tflite", 32, False),
        ("tiny_x2_float32_48.tflite", 48, False),
    ]
    for model in config["models"]:
        network = open_network([site / model["file"]])
        assert network.metadata.overlap == model["overlap"]
        assert network.run(np.zeros((model["tile"], model["tile"], 3), np.float32)).shape == (
            2 * model["tile"],
            2 * model["tile"],
            3,
        )
    page = (site / "index.html").read_text()
    assert "CC0 &lt;1.0&gt;" in page and "@" not in page.replace("@litert", "")
    assert "https://cdn.jsdelivr.net" in page  # its policy lets that in, and nothing else
    assert config["litert"]["module"].endswith(f"@litertjs/core@{litert_js.VERSION}/+esm")
    assert any("loads LiteRT.js from https://cdn.jsdelivr.net" in line for line in lines)
    assert "report.md" in {path.name for path in (tmp_path / "out").iterdir()}


def test_with_litert_js_a_site_needs_nobody_else(tmp_path, generator, images):
    folder = node_modules(tmp_path / "node_modules")
    site, lines = export(generator, images, tmp_path / "out", litert_js=folder)
    assert not [line for line in lines if "LiteRT.js" in line]
    texts = [path.read_text() for path in site.iterdir() if path.suffix in (".html", ".js", ".json", ".css")]
    assert not [text for text in texts if "https://" in text]
    assert (site / "litert/core/index.js").read_text() == 'import {x} from "../wasm-utils/index.js";'
    config = json.loads((site / "config.json").read_text())
    assert config["litert"] == {"module": "litert/core/index.js", "wasm": "litert/wasm/"}
    assert len(list((site / "litert/wasm").iterdir())) == 6


def test_what_is_kept_for_offline_changes_with_the_site(tmp_path, generator, images):
    names = set()
    for index, kinds in enumerate((("float32",), ("dynamic",))):
        site, _ = export(generator, images, tmp_path / str(index), kinds=kinds)
        script = (site / "offline.js").read_text()
        names.add(script.partition("CACHE = `${SITE} ")[2].partition("`")[0])
        assert 'SITE = "tiny_x2_web"' in script
        assert '"page.js"' in script and '"./"' in script
    assert len(names) == 2


def test_what_cannot_be_a_site_is_refused_before_the_work(tmp_path, generator, images):
    node_modules(tmp_path / "old", "1.0.0")
    (tmp_path / "taken/tiny_x2_web").mkdir(parents=True)
    for output, options, message in (
        ("out", {"tiles": (0,)}, "`tile` must not be 0, any size, for `format=web`"),
        ("out", {"kinds": ("int4",)}, "`tflite` must be one of"),
        ("out", {"litert_js": tmp_path / "none"}, "`litert_js` must be the folder node_modules"),
        ("out", {"litert_js": tmp_path / "old"}, "`litert_js` must hold @litertjs/core 2.5.3.*Received: 1.0.0"),
        ("taken", {}, "`output` must leave room for .*tiny_x2_web"),
    ):
        with pytest.raises(InputError, match=message):
            export(generator, images, tmp_path / output, **options)
    assert not (tmp_path / "out").exists()


def test_a_file_of_litert_js_that_is_missing_is_named_and_nothing_is_in_place(tmp_path, generator, images):
    folder = node_modules(tmp_path / "node_modules")
    (folder / "@litertjs/core/wasm/litert_wasm_internal.wasm").unlink()
    with pytest.raises(InputError, match="`litert_js` must hold LiteRT.js whole.*litert_wasm_internal.wasm"):
        export(generator, images, tmp_path / "out", litert_js=folder)
    assert not list((tmp_path / "out").iterdir())
