"""Images for training, validation, calibration and evaluation; here the package's own sources are registered."""

from esrgan_tf.data.div2k import open_div2k
from esrgan_tf.data.folders import open_folder, open_pairs
from esrgan_tf.data.generated import open_dead_leaves
from esrgan_tf.data.records.source import open_records_source
from esrgan_tf.data.registry import FOLDER, PAIRS, RECORDS, register_data_source
from esrgan_tf.data.sample import open_sample
from esrgan_tf.data.tfds_source import open_tfds

register_data_source("sample", open_sample)
register_data_source("dead_leaves", open_dead_leaves)
register_data_source("div2k", open_div2k, "div2k[:TRACK]")
register_data_source(RECORDS, open_records_source, "records:FOLDER")
register_data_source("tfds", open_tfds, "tfds:NAME")
register_data_source(FOLDER, open_folder, "a folder of images")
register_data_source(PAIRS, open_pairs, "hr=FOLDER,lr=FOLDER")
