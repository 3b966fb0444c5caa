"""DIV2K through TensorFlow Datasets: HR images, and the LR images of one of its tracks.

`div2k` is MATLAB's bicubic at the recipe's scale. The other tracks' blur, noise and shifts are unknown; `realistic_*`
are x4 alone, and of `realistic_wild` each HR image has four LR images. No track was downloaded for the tests, which
run on a small data set of the same features.
"""

from esrgan_tf.data.source import Request, Source
from esrgan_tf.data.tfds_source import builder_of, is_on_this_machine, prepared_source
from esrgan_tf.errors import InputError

BICUBIC = "bicubic"
TRACKS = {
    BICUBIC: (2, 3, 4, 8),
    "unknown": (2, 3, 4),
    "realistic_mild": (4,),
    "realistic_difficult": (4,),
    "realistic_wild": (4,),
}


def open_div2k(request: Request) -> list[Source]:
    """Open `div2k` or `div2k:TRACK`, such as `div2k:unknown_x4`; DIV2K's own validation part is held out.

    Raises:
        InputError: no such track, not of this scale, or the download failed.
    """
    track = _track(request)
    return [prepared_source(builder_of(f"div2k/{track}", request), request, bicubic=track.startswith(BICUBIC))]


def is_prepared(scale: int) -> bool:
    """Whether TFDS has DIV2K's bicubic track on this machine already."""
    if scale not in TRACKS[BICUBIC]:
        return False
    request = Request(scale, smallest=0, part="div2k")
    return is_on_this_machine(builder_of(f"div2k/{_track(request)}", request))


def _track(request: Request) -> str:
    """TFDS's name of the track, such as "bicubic_x4"."""
    named, scale = f"`{request.argument}={request.part}`", request.scale
    if not request.text:
        if scale not in TRACKS[BICUBIC]:
            raise InputError(f"{named} has scales {', '.join(map(str, TRACKS[BICUBIC]))}. Received: `scale={scale}`.")
        return f"{BICUBIC}_x{scale}"
    tracks = {f"{track}_x{known}": known for track, scales in TRACKS.items() for known in scales}
    if request.text not in tracks:
        raise InputError(f"{named} must be one of DIV2K's tracks: {', '.join(tracks)}. Received: {request.text}.")
    if tracks[request.text] != scale:
        raise InputError(f"{named} has the scale {tracks[request.text]}. Received: `scale={scale}`.")
    return request.text
