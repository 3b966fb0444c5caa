"""Records: sub-images of many images in plain `.npy` files, and training from them by random access."""
