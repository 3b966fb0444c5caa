"""`esrgan video` beside an FFmpeg pipe through the same network: frames a second, by turns.

    python benchmarks/video.py --rounds=2 [--model=compact_x4]        # about eight minutes with two cores

The pipe is what people write by hand: one FFmpeg decodes to raw frames, a loop of a few lines runs ncnn on each,
another FFmpeg encodes. The clip, ten seconds of 320 x 180 px, is made here: a camera that pans over a photograph.
Seconds are those of whole commands, each in a process of its own. Needs ffmpeg, and '.[video,ncnn]'.
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import av
import numpy as np

from esrgan_tf.data.sample import sample_photographs
from esrgan_tf.image.io import read_rgb
from esrgan_tf.zoo.cards import read_card

WIDTH, HEIGHT, RATE, SECONDS = 320, 180, 25, 10
ENCODED = ["-c:v", "libx264", "-crf", "18", "-pix_fmt", "yuv420p"]
LOOP = """
import sys
import ncnn
import numpy as np

net = ncnn.Net()
net.load_param(sys.argv[1])
net.load_model(sys.argv[1].replace(".param", ".bin"))
height, width = int(sys.argv[2]), int(sys.argv[3])
while data := sys.stdin.buffer.read(3 * height * width):
    frame = np.frombuffer(data, np.uint8).reshape(height, width, 3).astype(np.float32) / 255
    extractor = net.create_extractor()
    extractor.input(net.input_names()[0], ncnn.Mat(np.ascontiguousarray(frame.transpose(2, 0, 1))).clone())
    output = np.array(extractor.extract(net.output_names()[0])[1]).transpose(1, 2, 0)
    sys.stdout.buffer.write(np.rint(np.clip(output, 0, 1) * 255).astype(np.uint8).tobytes())
"""


def main() -> None:
    """Time both, and print their frames a second."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--model", default="compact_x2", help="of the zoo")
    arguments = parser.parse_args()
    if not shutil.which("ffmpeg"):
        sys.exit("this needs ffmpeg")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _write_clip(folder / "clip.mp4")
        model = arguments.model
        export = [sys.executable, "-m", "esrgan_tf", "export", f"--model={model}", "--format=ncnn"]
        subprocess.run([*export, f"--output={folder / 'exported'}"], check=True, stdout=subprocess.DEVNULL)
        (param,) = (folder / "exported").rglob("*.param")
        ways = {
            "esrgan video": lambda: _by_command(folder, model),
            "ffmpeg | ncnn | ffmpeg": lambda: _by_pipe(folder, param, read_card(model).generator["scale"]),
        }
        ways["esrgan video"]()  # compiles for ncnn, once
        rates = {way: [] for way in ways}
        for _ in range(arguments.rounds):
            for way, run in ways.items():
                start = time.perf_counter()
                run()
                rates[way].append(RATE * SECONDS / (time.perf_counter() - start))
    print(f"\n| {SECONDS} s of {WIDTH} x {HEIGHT} px by {model} | frames a second | lowest, highest |\n|---|---|---|")
    for way, values in rates.items():
        print(f"| {way} | {statistics.median(values):.2f} | {min(values):.2f}, {max(values):.2f} |")


def _write_clip(path: Path) -> None:
    """A window that moves over a photograph."""
    photograph = max((read_rgb(pair.hr) for pair in sample_photographs()[0]), key=lambda rgb: rgb.shape[1])
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=RATE, options={"crf": "18"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for number in range(RATE * SECONDS):
            left = number * (photograph.shape[1] - WIDTH) // (RATE * SECONDS)
            window = np.ascontiguousarray(photograph[:HEIGHT, left : left + WIDTH])
            container.mux(stream.encode(av.VideoFrame.from_ndarray(window, format="rgb24")))
        container.mux(stream.encode())


def _by_command(folder: Path, model: str) -> None:
    """The package's own command."""
    output = folder / "command.mp4"
    output.unlink(missing_ok=True)
    command = [sys.executable, "-m", "esrgan_tf", "video", str(folder / "clip.mp4"), f"--output={output}", "--quiet"]
    subprocess.run([*command, f"--model={model}", "--engine=ncnn"], check=True)


def _by_pipe(folder: Path, param: Path, scale: int) -> None:
    """Three processes and two pipes."""
    ffmpeg = ["ffmpeg", "-v", "error", "-y"]
    raw = ["-f", "rawvideo", "-pix_fmt", "rgb24"]
    size = f"{scale * WIDTH}x{scale * HEIGHT}"
    decode = subprocess.Popen([*ffmpeg, "-i", str(folder / "clip.mp4"), *raw, "-"], stdout=subprocess.PIPE)
    loop = [sys.executable, "-c", LOOP, str(param), str(HEIGHT), str(WIDTH)]
    upscale = subprocess.Popen(loop, stdin=decode.stdout, stdout=subprocess.PIPE)
    encode = [*ffmpeg, *raw, "-s", size, "-r", str(RATE), "-i", "-", *ENCODED, str(folder / "pipe.mp4")]
    subprocess.run(encode, stdin=upscale.stdout, check=True)
    if decode.wait() or upscale.wait():
        sys.exit("the pipe failed")


if __name__ == "__main__":
    main()
