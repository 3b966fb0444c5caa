"""Images: files, codecs, resizing, colour, tiles, panels."""
