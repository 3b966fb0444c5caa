"""`esrgan bulk` as people see it: counts, failures, pace."""

from support.bulk import MODEL, write_images
from support.images import truncate

from esrgan_tf.__main__ import main
from esrgan_tf.commands.progress import Pace


def test_counts_and_failures_are_reported_and_the_line_resumes(tmp_path, capsys):
    paths = write_images(tmp_path / "in", 4)
    truncate(paths[0])
    line = ["esrgan", "bulk", str(tmp_path / "in"), f"--output={tmp_path / 'out'}", *MODEL]
    assert main([*line, "--limit=3"]) == 1
    out, err = capsys.readouterr()
    assert "0 images are done already; 3 to do" in out and "3 of 3 images, " in out and "a second" in out
    assert "error: `" in err and "1 images failed; --retry_failed tries them again" in err
    assert main(line) == 1
    assert "2 images are done already, 1 have failed; 1 to do" in capsys.readouterr().out
    assert main([*line, "--quiet"]) == 1
    assert capsys.readouterr().out == ""


def test_what_is_missing_or_wrong_is_named_by_its_flag(tmp_path, capsys):
    write_images(tmp_path / "in", 1)
    line = ["esrgan", "bulk", str(tmp_path / "in"), f"--output={tmp_path / 'out'}", *MODEL]
    for arguments, message in (
        ([*line, "--shard=2/2"], "`--shard` must be i/n"),
        (line[:3], "`--output` must be given"),
        ([*line, "--input=more"], "`--input` must be given once"),
        ([*line[:2], line[3]], "`--input` must be given once"),
        ([*line, "--ray_address=ray://host:10001"], "`--ray_address` must be auto or HOST:PORT"),
    ):
        assert main(arguments) == 1
        assert f"error: {message}" in capsys.readouterr().err
    assert not list((tmp_path / "out").rglob("*.png"))


def test_thousands_of_failures_do_not_fill_the_screen(tmp_path, capsys):
    for path in write_images(tmp_path / "in", 30):
        path.write_text("none")
    assert main(["esrgan", "bulk", str(tmp_path / "in"), f"--output={tmp_path / 'out'}", *MODEL]) == 1
    err = capsys.readouterr().err
    assert err.count("must be an image") == 20 and "the manifest has them" in err and "30 images failed" in err


def test_pace_counts_by_when_images_were_finished():
    pace = Pace(100, seconds=0)
    assert pace.image_done(1000.0).startswith("1 of 100 images")
    lines = [pace.image_done(1000.0 + second) for second in (1, 3, 2, 4)]
    assert lines[-1] == "5 of 100 images, 1.0 a second, 0:01:35 left"
    assert pace.summary() == "5 of 100 images, 1.0 a second"
    assert Pace(100).image_done(1000.0) == ""
