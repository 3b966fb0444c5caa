"""Images by the dead-leaves model: training images for a machine that has none."""

import math

import numpy as np

ALPHA = 3.0  # radius density r^-3 is the one scale-invariant law (Lee, Mumford and Huang, 2001).
COVER = 4.0  # mean discs over a point; as other shapes are slimmer, 7 % is left for one last leaf behind.
SUPERSAMPLE = 2  # samples a pixel and axis, averaged in linear light: antialiased edges.
STAMPED = 16  # leaves up to this radius (samples) are painted together; larger ones are few, painted singly.
MIN_SIZE = 16  # below it the largest leaf, of radius size / 2, is but a few pixels.
CALM = 16.0  # an image's smallest radius is up to this many times `r_min`: photographs have flat parts.
SHAPES = (0.45, 0.15, 0.2, 0.08, 0.12)  # shares of disc, ellipse, rectangle, triangle, thin stroke.
DISC, ELLIPSE, RECTANGLE, TRIANGLE, STROKE = range(5)
WAVE_SHARE, BLUR_SHARE = 0.12, 0.3  # leaves with stripes; images with a background out of focus.
TILE = 256  # side of a periodic noise tile in samples: four such spectra cost a few milliseconds.
GREY = 0.18  # mean linear luminance that a camera exposes for.
# Spread of (l, alpha, beta) in log10 cone units, between materials and between leaves of one material: the
# order of luminance >> yellow-blue >> red-green is that of Ruderman et al. (1998), the values set by eye.
MATERIAL_SPREAD, LEAF_SPREAD = (0.70, 0.09, 0.008), (0.20, 0.02, 0.002)
# Beta that comes with alpha: real colours run from orange to blue more than from green to violet.
WARMTH = 0.09
# Opponent axes of Ruderman et al.; cone responses to linear RGB of Reinhard et al., "Color Transfer" (2001).
LAB_FROM_LMS = np.array([[1, 1, 1], [1, 1, -2], [1, -1, 0]]) / np.sqrt([[3], [6], [2]])
LMS_FROM_RGB = np.array([[0.3811, 0.5783, 0.0402], [0.1967, 0.7244, 0.0782], [0.0241, 0.1288, 0.8444]])


def sample_radii(rng: np.random.Generator, count: int, r_min: float, r_max: float, alpha: float = ALPHA) -> np.ndarray:
    """Draws radii with density proportional to r^-alpha on [r_min, r_max].

    Lee, Mumford and Huang, "Occlusion Models for Natural Images" (IJCV 2001): the size law, by inversion of
    P(radius > r) = (r^(1-alpha) - r_max^(1-alpha)) / (r_min^(1-alpha) - r_max^(1-alpha)).

    Args:
        rng: source of randomness.
        count: number of radii.
        r_min: smallest radius, above 0.
        r_max: largest radius, above `r_min`.
        alpha: exponent, above 1.

    Returns:
        float64 [count], unit of `r_min`.

    Raises:
        ValueError: if the range is empty or `alpha` is not above 1.
    """
    if not 0 < r_min < r_max:
        raise ValueError(f"`r_min` must be above 0 and below `r_max`={r_max}. Received: r_min={r_min}.")
    if alpha <= 1:
        raise ValueError(f"`alpha` must be above 1. Received: alpha={alpha}.")
    low, high = r_max ** (1 - alpha), r_min ** (1 - alpha)
    return (low + rng.random(count) * (high - low)) ** (1 / (1 - alpha))


def dead_leaves(size: int, seed: int, index: int = 0, r_min: float = 1.0) -> np.ndarray:
    """Renders one image of occluding leaves with natural sizes, colours and textures.

    Lee, Mumford and Huang (IJCV 2001); as a training set: Achddou, Gousseau and Ladjal,
    "Synthetic images as a regularity prior for image restoration neural networks" (2021). Departures: colours
    come from the opponent statistics of Ruderman et al. (1998), not from an image; leaves are also
    ellipses, rectangles, triangles and strokes; they carry shading, stripes or noise; the background may be
    out of focus.

    Args:
        size: side of the image in pixels, at least 16.
        seed: of the series, at least 0.
        index: of the image within the series, at least 0; each is the same whatever others are drawn.
        r_min: lower bound of the leaf radius in pixels, above 0, at most size / 8.

    Returns:
        uint8 [size, size, 3], RGB, sRGB-encoded, 0..255.

    Raises:
        ValueError: if an argument is out of its range.
    """
    if size < MIN_SIZE:
        raise ValueError(f"`size` must be at least {MIN_SIZE}. Received: size={size}.")
    for name, value in (("seed", seed), ("index", index)):
        if value < 0:
            raise ValueError(f"`{name}` must be at least 0. Received: {name}={value}.")
    if not 0 < r_min <= size / 8:
        raise ValueError(f"`r_min` must be above 0 and at most size / 8 = {size / 8}. Received: r_min={r_min}.")
    rng = np.random.default_rng([seed, index])
    side = size * SUPERSAMPLE
    smallest = min(r_min * CALM ** rng.random(), size / 8)
    leaves = _leaves(rng, side, smallest * SUPERSAMPLE, side / 2)
    ids = _front(leaves, side)
    light = _colours(rng, len(leaves))[ids] * np.exp(_texture(rng, leaves, ids))[..., None]
    return _photograph(rng, light, ids)


def _leaves(rng, side, r_min, r_max):
    """Leaves that may touch the image, back to front: float32 [n, 7] x, y, a, b, cos, sin, shape."""
    area = np.pi * 2 * np.log(r_max / r_min) / (r_min**-2 - r_max**-2)  # pi E[r^2] for ALPHA = 3.
    count = math.ceil(COVER / area * (side + 2 * r_max) ** 2)
    a = sample_radii(rng, count, r_min, r_max)
    x, y = rng.uniform(-r_max, side + r_max, (2, count))
    near = (np.abs(x - side / 2) < side / 2 + a) & (np.abs(y - side / 2) < side / 2 + a)
    a, x, y = a[near], x[near], y[near]
    shape = rng.choice(len(SHAPES), a.size, p=SHAPES)
    b = a * np.where(shape == DISC, 1, rng.uniform(0.25, 1, a.size))
    # A rectangle has its corners on the circle of radius a, so that one bounding box serves all shapes.
    boxed = (shape == RECTANGLE) | (shape == TRIANGLE)
    a, b = np.where(boxed, [a * a, a * b] / np.hypot(a, b), [a, b])
    b = np.where(shape == STROKE, np.minimum(b, SUPERSAMPLE * rng.uniform(0.4, 2.0, a.size)), b)
    angle = rng.uniform(0, 2 * np.pi, a.size)
    leaves = np.stack([x, y, a, b, np.cos(angle), np.sin(angle), shape], 1).astype(np.float32)
    leaves[0, :4] = side / 2, side / 2, side, side  # the leaf behind all is seen everywhere.
    return leaves


def _inside(leaf, dx, dy):
    """Whether offsets dx, dy [..., n] from the centre lie in the leaf (columns broadcast): bool."""
    _, _, a, b, cos, sin, shape = leaf
    u, v = (dx * cos + dy * sin) / a, (dy * cos - dx * sin) / b
    round_ = u * u + v * v < 1
    straight = (np.abs(u) < 1) & (np.abs(v) < 1) & ((shape != TRIANGLE) | (u + v < 0))
    return np.where((shape == DISC) | (shape == ELLIPSE), round_, straight)


def _front(leaves, side):
    """Index of the front leaf under each sample: int32 [side, side]; 0 is the leaf behind all."""
    pad = 2 * STAMPED + 2  # stamps that cross the border need no clipping.
    wide = side + 2 * pad
    ids = np.zeros((wide, wide), np.int32)
    reach = np.hypot(leaves[:, 2], np.where(leaves[:, 6] >= RECTANGLE, leaves[:, 3], 0))
    for low, high in zip((0, 3, 4, 6, 8, 12), (3, 4, 6, 8, 12, STAMPED), strict=True):
        chosen = np.flatnonzero((reach > low) & (reach <= high))
        corner = np.floor(leaves[chosen, :2]).astype(np.int32)
        dy, dx = np.mgrid[-high : high + 1, -high : high + 1].reshape(2, 1, -1).astype(np.int32)
        offset = corner + np.float32(0.5) - leaves[chosen, :2]
        hit = _inside(leaves[chosen].T[..., None], dx + offset[:, :1], dy + offset[:, 1:])
        flat = (corner[:, 1:] + pad) * wide + corner[:, :1] + pad + dy * wide + dx
        order = np.broadcast_to(chosen[:, None].astype(np.int32), hit.shape)
        np.maximum.at(ids.reshape(-1), flat[hit], order[hit])
    grid = np.arange(side, dtype=np.float32) + 0.5
    ids = ids[pad:-pad, pad:-pad].copy()
    for i in np.flatnonzero(reach > STAMPED):
        (x, y), r = leaves[i, :2], reach[i]
        rows = slice(max(int(y - r), 0), max(int(y + r) + 2, 0))
        columns = slice(max(int(x - r), 0), max(int(x + r) + 2, 0))
        hit = _inside(leaves[i], grid[columns] - x, grid[rows, None] - y)
        np.maximum(ids[rows, columns], np.int32(i), out=ids[rows, columns], where=hit)
    return ids


def _colours(rng, count):
    """Linear RGB of each leaf, of a few materials around the image's own mean: float32 [count, 3]."""
    materials = rng.laplace(0, MATERIAL_SPREAD, (rng.integers(3, 9), 3)) / np.sqrt(2)
    materials *= rng.uniform((0.5, 0.3, 0.3), (1.3, 1.6, 1.6))
    materials += rng.normal(0, MATERIAL_SPREAD, 3) * [0, 0.5, 0.5]
    lab = materials[rng.integers(len(materials), size=count)] + rng.normal(0, LEAF_SPREAD, (count, 3))
    lab[:, 2] += WARMTH * lab[:, 1]
    lms = 10 ** (lab @ LAB_FROM_LMS)  # orthonormal: its transpose inverts it, rows are vectors here.
    return np.maximum(lms @ np.linalg.inv(LMS_FROM_RGB).T, 0).astype(np.float32)


def _tiles(rng, count=4):
    """Periodic noise of unit spread, amplitude f^-0.4..f^-1.6, half oriented: [count, TILE, TILE]."""
    fy, fx = np.fft.fftfreq(TILE)[:, None], np.fft.rfftfreq(TILE)[None]
    tiles = []
    for i in range(count):
        angle, stretch = rng.uniform(0, np.pi), 1 if i < count // 2 else rng.uniform(3, 12)
        along, across = fx * np.cos(angle) + fy * np.sin(angle), fy * np.cos(angle) - fx * np.sin(angle)
        f = np.hypot(along * stretch, across) + 2 / TILE
        wave = np.fft.rfft2(rng.standard_normal((TILE, TILE))) * f ** -rng.uniform(0.4, 1.6)
        tile = np.fft.irfft2(wave, (TILE, TILE))
        tiles.append((tile - tile.mean()) / tile.std())
    return np.stack(tiles).astype(np.float32)


def _texture(rng, leaves, ids):
    """Log gain of each sample, from shading, stripes and noise of its leaf: float32 [side, side]."""
    n = len(leaves)
    x = np.arange(len(ids), dtype=np.float32)
    y = x[:, None]
    slope = rng.laplace(0, 0.2, (n, 2)) / leaves[:, 2:3]
    shade = np.column_stack([slope, -(slope * leaves[:, :2]).sum(1)])
    angle = rng.uniform(0, np.pi, n)
    period = SUPERSAMPLE * 3 * np.maximum(leaves[:, 2] / 6, 1) ** rng.random(n)
    wave = np.column_stack([np.cos(angle) / period, np.sin(angle) / period, rng.random(n)]) * 2 * np.pi
    height = np.where(rng.random(n) < WAVE_SHARE, rng.exponential(0.3, n), 0)
    noise = rng.uniform(0, 1.3) * rng.random(n) ** 3 * 0.6
    tiles, which, shift = _tiles(rng), rng.integers(4, size=n), rng.integers(TILE**2, size=n)
    s, w = (table.astype(np.float32).T[:, ids] for table in (shade, wave))
    gain = s[0] * x + s[1] * y + s[2]
    stripes = np.sin(w[0] * x + w[1] * y + w[2]) * rng.uniform(1, 4, n).astype(np.float32)[ids]
    gain += np.clip(stripes, -1, 1) * height.astype(np.float32)[ids]
    place = (np.arange(len(ids))[:, None] * TILE + np.arange(len(ids)) + shift[ids]) % TILE**2
    gain += tiles.reshape(-1)[place + which[ids] * TILE**2] * noise.astype(np.float32)[ids]
    return gain


def _blur(image, sigma):
    """Gaussian blur that weighs only what lies inside: float32 [n, n, c] of standard deviation sigma."""
    step = np.arange(len(image), dtype=np.float32)
    kernel = np.exp(-((step[:, None] - step) ** 2) / (2 * sigma**2))
    kernel /= kernel.sum(1, keepdims=True)
    return np.einsum("ij,kl,jlc->ikc", kernel, kernel, image, optimize=True)


def _photograph(rng, light, ids):
    """Focus, exposure and sRGB curve of linear light [side, side, 3]: uint8 [size, size, 3]."""
    size = len(ids) // SUPERSAMPLE
    light = light * np.float32(GREY * 10 ** rng.normal(0, 0.12) / light.mean())
    pixels = light.reshape(size, SUPERSAMPLE, size, SUPERSAMPLE, 3).mean((1, 3))
    if rng.random() < BLUR_SHARE:
        # What stands in focus takes no part in the blur of the leaves behind it: its edges stay sharp.
        behind = (ids < np.quantile(ids, rng.random()))[..., None]
        back = np.concatenate([light * behind, behind], 2, dtype=np.float32)
        back = back.reshape(size, SUPERSAMPLE, size, SUPERSAMPLE, 4).mean((1, 3))
        soft = _blur(back, rng.uniform(0.6, 2.5))
        pixels += back[..., 3:] * soft[..., :3] / np.maximum(soft[..., 3:], 1e-3) - back[..., :3]
    pixels = np.clip(pixels, 0, 1)
    curved = np.where(pixels <= 0.0031308, 12.92 * pixels, 1.055 * pixels ** (1 / 2.4) - 0.055)
    return (curved * 255 + 0.5).astype(np.uint8)
