"""Ma's scores, read from a file that their authors' code wrote."""

import pytest

from esrgan_tf.errors import InputError
from esrgan_tf.evaluation.scores import read_ma_scores


def test_ma_scores_are_read_by_image_and_model(tmp_path):
    path = tmp_path / "ma.csv"
    path.write_text("image,score\na.png,8.5\nb,7\nother,1\n")
    assert read_ma_scores(path, ["m"], ["a", "b"]) == {("m", "a"): 8.5, ("m", "b"): 7.0}
    path.write_text("model,image,score\nm,a,8.5\nn,a.png,7\n")
    assert read_ma_scores(path, ["m", "n"], ["a"]) == {("m", "a"): 8.5, ("n", "a"): 7.0}


def test_ma_files_that_lack_something_are_told(tmp_path):
    path = tmp_path / "ma.csv"
    cases = [
        ("image,score\na,1\n", ["m"], "one score of b by m. Received: none"),
        ("image,score\na,1\nb,2\nb.png,3\n", ["m"], "one score of b by m. Received: 2 of them"),
        ("image,score\na,1\nb,2\n", ["m", "n"], "and model, where several are measured"),
        ("image,score,model\na,1,m\nb,2,m\na,1,n\n", ["m", "n"], "one score of b by n. Received: none"),
        ("a,1\nb,2\n", ["m"], "must begin with the line image,score.*Received: a,1"),
        ("", ["m"], "Received: nothing"),
        ("image,score\na,1\nb,good\n", ["m"], "numbers as scores. Received: good"),
        ("image,score\na,1\nb\n", ["m"], "numbers as scores. Received: None"),
    ]
    for text, systems, message in cases:
        path.write_text(text)
        with pytest.raises(InputError, match=message):
            read_ma_scores(path, systems, ["a", "b"])
    path.write_bytes(b"\xff\xfe\x00")
    for bad in (path, tmp_path / "missing.csv"):
        with pytest.raises(InputError, match="must be a CSV file image,score"):
            read_ma_scores(bad, ["m"], ["a"])
