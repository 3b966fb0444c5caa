"""One thin main per verb: flags in, a library call, a line or two out."""
