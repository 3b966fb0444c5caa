// Cutting an image into overlapping tiles of one size, as esrgan_tf's image/tiling.py does.

/** Tiles along one axis of `length` px: each from `start`, `tile` long, of which `keepStart` to `keepStop` is kept. */
export function spans(length, tile, overlap) {
  if (length <= tile) return [{ start: 0, keepStart: 0, keepStop: length }];
  const starts = [];
  for (let start = 0; start < length - tile; start += tile - 2 * overlap) starts.push(start);
  starts.push(length - tile);
  return starts.map((start, index) => ({
    start,
    keepStart: index ? start + overlap : 0,
    keepStop: index + 1 < starts.length ? starts[index + 1] + overlap : length,
  }));
}

/** The pixel that stands at `place` of an axis of `length` px whose borders are mirrored, the border pixel repeated. */
export function mirrored(place, length) {
  const period = 2 * length;
  const inside = ((place % period) + period) % period;
  return inside < length ? inside : period - 1 - inside;
}

/** One tile of RGBA pixels: RGB, `tile` x `tile`, 0..1 or 0..255, mirrored where the image is smaller. */
export function readTile(image, top, left, tile, asFloats) {
  const values = asFloats ? new Float32Array(tile * tile * 3) : new Uint8Array(tile * tile * 3);
  let place = 0;
  for (let y = 0; y < tile; y++) {
    const row = mirrored(top + y, image.height) * image.width;
    for (let x = 0; x < tile; x++) {
      const pixel = 4 * (row + mirrored(left + x, image.width));
      for (let channel = 0; channel < 3; channel++) {
        const value = image.data[pixel + channel];
        values[place++] = asFloats ? value / 255 : value;
      }
    }
  }
  return values;
}

/** The nearest whole number, of two the even one, in 0..255. */
export function toByte(value) {
  const clipped = Math.min(Math.max(value, 0), 255);
  const rounded = Math.round(clipped);
  return rounded - clipped === 0.5 && rounded % 2 ? rounded - 1 : rounded;
}

/** Rows `top` to `bottom` of alpha upscaled by a whole factor as MATLAB's bicubic, written into the fourth channel. */
export function upscaleAlpha(image, scale, top, bottom, band) {
  const taps = Array.from({ length: scale }, (_, phase) => weights(phase, scale));
  const width = image.width * scale;
  const column = new Float64Array(image.width);
  for (let y = top; y < bottom; y++) {
    const { first, of } = taps[y % scale];
    const base = Math.floor(y / scale) + first;
    for (let x = 0; x < image.width; x++) {
      column[x] = 0;
      for (let tap = 0; tap < 4; tap++) {
        column[x] += of[tap] * image.data[4 * (mirrored(base + tap, image.height) * image.width + x) + 3];
      }
    }
    for (let x = 0; x < width; x++) {
      const across = taps[x % scale];
      const left = Math.floor(x / scale) + across.first;
      let sum = 0;
      for (let tap = 0; tap < 4; tap++) sum += across.of[tap] * column[mirrored(left + tap, image.width)];
      band[4 * ((y - top) * width + x) + 3] = toByte(sum);
    }
  }
}

/** The four weights of an output pixel's phase, and where the first stands beside the pixel that it lies in. */
function weights(phase, scale) {
  const position = (phase + 0.5) / scale - 0.5;
  const first = Math.floor(position) - 1;
  const of = [0, 1, 2, 3].map((tap) => cubic(Math.abs(position - first - tap)));
  const sum = of.reduce((total, weight) => total + weight);
  return { first, of: of.map((weight) => weight / sum) };
}

/** The cubic kernel with a = -0.5. */
function cubic(x) {
  if (x <= 1) return 1.5 * x ** 3 - 2.5 * x ** 2 + 1;
  return x < 2 ? -0.5 * x ** 3 + 2.5 * x ** 2 - 4 * x + 2 : 0;
}
