"""The report of an export: JSON beside a table."""

import json

import pytest

from esrgan_tf.export.parity import Parity
from esrgan_tf.export.report import Row, write_report


def test_a_report_is_json_even_of_equal_images(tmp_path):
    proof = Parity(("a",), 0.0, float("inf"), 30.0, 30.0, 1, 128, 100)
    (tmp_path / "stage").mkdir()
    told = write_report(tmp_path / "stage", tmp_path, [Row("m.onnx", "float32", 5, proof, 1)], {"source": "s"})
    (entry,) = json.loads((tmp_path / "stage" / "report.json").read_text(), parse_constant=pytest.fail)["artifacts"]
    assert entry["proof"]["psnr_to_keras"] is None and entry["source"] == "s"
    assert "| equal |" in told


def test_the_report_names_the_worst_image_of_each_kind_and_reads_earlier_reports(tmp_path):
    (tmp_path / "stage").mkdir()
    proof = Parity(("a",), 0.1, 40.0, 30.0, 30.05, 1, 128, 100, "roof+64+0", -0.21, "flat-0-0-0", 2 / 255)
    rows = [Row("m.tflite", "int8", 5, proof, 1)]
    told = write_report(tmp_path / "stage", tmp_path, rows, {})
    assert "| roof+64+0 -0.210 dB, flat-0-0-0 2.00/255 |" in told
    (entry,) = json.loads((tmp_path / "stage" / "report.json").read_text())["artifacts"]
    assert entry["proof"]["worst_image"] == "roof+64+0"
    for key in [key for key in entry["proof"] if key.startswith("worst")]:
        del entry["proof"][key]  # as earlier versions wrote it
    (tmp_path / "m.tflite").touch()
    (tmp_path / "report.json").write_text(json.dumps({"artifacts": [entry]}))
    write_report(tmp_path / "stage", tmp_path, [Row("n.tflite", "int8", 5, proof, 1)], {})
    assert len(json.loads((tmp_path / "stage" / "report.json").read_text())["artifacts"]) == 2


def test_a_report_that_is_no_longer_understood_does_not_stop_an_export(tmp_path):
    (tmp_path / "stage").mkdir()
    row = Row("m.onnx", "float32", 5, Parity(("a",), 0.0, 90.0, 30.0, 30.0, 1, 128, 100), 1)
    for old in ('{"artifacts": [{}]}', '{"artifacts": [{"path": "m.onnx"}]}', "[]", "no JSON"):
        (tmp_path / "report.json").write_text(old)
        assert "m.onnx" in write_report(tmp_path / "stage", tmp_path, [row], {})
