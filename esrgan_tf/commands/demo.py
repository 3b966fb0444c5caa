"""Serve a page on this machine that upscales images: upload, compare, download.

    esrgan demo
    esrgan demo --model=runs/esrgan_x4/psnr --model=runs/esrgan_x4/gan      # and any between the two, by a slider

Opens at http://127.0.0.1:7860; nobody else can reach it unless --host says so. What is uploaded and made is deleted
within two hours, and when the page ends (Ctrl-C). Needs pip install 'esrgan_tf[demo]'.
"""

import sys
from collections.abc import Sequence

from absl import flags

from esrgan_tf.commands.command_line import quiet, run_command
from esrgan_tf.formats.registry import titles
from esrgan_tf.inference.engines.choice import AUTO
from esrgan_tf.log import print_line
from esrgan_tf.zoo.cards import member_names

FLAGS = flags.FlagValues()
_MODEL = flags.DEFINE_multi_string(
    "model", [], f"What can be chosen: {titles()}; may be repeated. Default: the zoo's.", flag_values=FLAGS
)
_HOST = flags.DEFINE_string("host", "127.0.0.1", "Address to listen on; 0.0.0.0 is all.", flag_values=FLAGS)
_PORT = flags.DEFINE_integer("port", 7860, "Port to listen on.", 1, 65535, FLAGS)
_LARGEST = flags.DEFINE_float("largest", 4.0, "Megapixels of an upload at most.", 0.01, None, FLAGS)
_SHOW = flags.DEFINE_bool("show", False, "Open the page in a browser.", flag_values=FLAGS)
_PIXELS = 1 << 22  # by which `auto` chooses an engine: many images will come


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit status."""
    return run_command(_demo, FLAGS, __doc__, sys.argv if argv is None else argv)


def _demo() -> None:
    """Flags to a page, until it is interrupted."""
    with quiet():
        from esrgan_tf.demo import Opener, build_demo
        from esrgan_tf.inference.engines.opening import open_engine

        opener = Opener(
            _MODEL.value or member_names(),
            lambda model: open_engine([model], None, AUTO, AUTO, _PIXELS, True, print_line),
        )
        page = build_demo(opener, round(_LARGEST.value * 1e6))
    try:
        page.launch(
            server_name=_HOST.value,
            server_port=_PORT.value,
            inbrowser=_SHOW.value,
            share=False,
            max_file_size="64mb",
            footer_links=[],
        )
    finally:
        page.close()
        page.results.cleanup()
