// Upscales images off the page's own thread. A classic worker: LiteRT.js loads its WebAssembly by importScripts. It is
// started from a blob, which says in `base` where the page lies.
"use strict";

const place = (path) => new URL(path, self.base).href;

let opened = null; // {name, network}: the network that was used last

self.onmessage = async ({ data: { config, model, file } }) => {
  try {
    await upscale(config, model, file);
  } catch (error) {
    const message = error.userMessage || `It failed: ${error.message || error}`;
    self.postMessage({ kind: "error", message, broken: !error.userMessage });
  }
};

async function upscale(config, model, file) {
  const { PngWriter } = await import(place("png.js"));
  const { spans, readTile, toByte, upscaleAlpha } = await import(place("tiles.js"));
  const image = await readImage(file, config);
  const network = await networkOf(config, model);
  const { scale } = config;
  const { tile, overlap, integers } = model;
  const width = image.width * scale;
  const height = image.height * scale;
  self.postMessage({ kind: "start", width, height, input: image.bitmap, accelerator: network.accelerator,
    threads: network.threads }, [image.bitmap]);
  const rows = spans(image.height, tile, overlap);
  const columns = spans(image.width, tile, overlap);
  const png = new PngWriter(width, height, image.transparent);
  let done = 0;
  for (const row of rows) {
    const top = row.keepStart * scale;
    const bottom = row.keepStop * scale;
    const band = new Uint8ClampedArray(4 * width * (bottom - top)).fill(255);
    for (const column of columns) {
      const output = await network.run(readTile(image, row.start, column.start, tile, !integers));
      const across = tile * scale;
      for (let y = top; y < bottom; y++) {
        let from = 3 * ((y - row.start * scale) * across + (column.keepStart - column.start) * scale);
        let to = 4 * ((y - top) * width + column.keepStart * scale);
        for (let x = column.keepStart * scale; x < column.keepStop * scale; x++, to += 4) {
          for (let channel = 0; channel < 3; channel++, from++) {
            const value = integers ? output[from] : 255 * output[from];
            if (Number.isNaN(value)) throw new Error("the network gives values that are no numbers");
            band[to + channel] = toByte(value);
          }
        }
      }
      done += 1;
      self.postMessage({ kind: "progress", share: done / (rows.length * columns.length) });
    }
    if (image.transparent) upscaleAlpha(image, scale, top, bottom, band);
    await png.write(band);
    self.postMessage({ kind: "band", top, width, band }, [band.buffer]);
  }
  self.postMessage({ kind: "done", blob: await png.finish() });
}

/** The network of a model, opened once, with the threads that it has. */
async function networkOf(config, model) {
  if (opened?.name === model.file) return opened.network;
  const { openNetwork } = await import(place("network.js"));
  const { litert, threads } = await loadLiteRt(config);
  opened?.network.close();
  opened = null;
  const answer = await fetch(place(model.file));
  if (!answer.ok) throw userError(`The network ${model.file} is missing (${answer.status}).`);
  const network = await openNetwork(litert, new Uint8Array(await answer.arrayBuffer()), model, "gpu" in navigator);
  network.threads = threads;
  opened = { name: model.file, network };
  return network;
}

let loaded = null; // {litert, threads}

/** LiteRT.js, loaded once; with threads where this page is isolated and LiteRT.js its own. */
async function loadLiteRt({ litert: { module, wasm } }) {
  if (loaded) return loaded;
  const folder = place(wasm);
  const threaded = self.crossOriginIsolated && folder.startsWith(self.base);
  // Its WebAssembly looks for its files beside this script, unless it is told where they are.
  self.Module = {
    locateFile: (file) => folder + file,
    mainScriptUrlOrBlob: `${folder}litert_wasm_threaded_internal.js`,
  };
  try {
    const litert = await import(place(module));
    const { liteRtWasm } = await litert.loadLiteRt(folder, { threads: threaded });
    loaded = { litert, threads: threaded ? liteRtWasm.getThreadCount() : 1 };
    return loaded;
  } catch (error) {
    throw userError(`LiteRT.js cannot be loaded from ${module}: ${error.message || error}`);
  }
}

/** RGBA pixels of an image file, upright, in sRGB, of 8 bits; and a bitmap of them to show. */
async function readImage(file, config) {
  let bitmap;
  try {
    bitmap = await createImageBitmap(file, { imageOrientation: "from-image" });
  } catch {
    throw userError(`${file.name || "This"} is no image that this browser can read.`);
  }
  const { width, height } = bitmap;
  if (width * height * config.scale ** 2 > config.largest) {
    throw userError(
      `${width} x ${height} px is too large: at most ${Math.floor(config.largest / config.scale ** 2 / 1e6)} megapixels.`,
    );
  }
  const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
  context.drawImage(bitmap, 0, 0);
  let { data } = context.getImageData(0, 0, width, height);
  let transparent = false;
  for (let place = 3; place < data.length && !transparent; place += 4) transparent = data[place] < 255;
  if (transparent) data = (await straightPixels(file, width, height)) || data;
  return { width, height, data, transparent, bitmap };
}

/** Pixels whose colour a canvas would have rounded by their alpha; `null` where the browser cannot give them. */
async function straightPixels(file, width, height) {
  if (!("ImageDecoder" in self)) return null;
  try {
    const decoder = new ImageDecoder({
      data: await file.arrayBuffer(), type: file.type, premultiplyAlpha: "none",
    });
    const { image } = await decoder.decode();
    if (image.displayWidth !== width || image.displayHeight !== height) return null; // turned by its orientation
    const { format } = image;
    if (format !== "RGBA" && format !== "BGRA") return null;
    const data = new Uint8ClampedArray(4 * width * height);
    await image.copyTo(data, { layout: [{ offset: 0, stride: 4 * width }] }); // a conversion would round
    image.close();
    if (format === "BGRA") {
      for (let place = 0; place < data.length; place += 4) {
        [data[place], data[place + 2]] = [data[place + 2], data[place]];
      }
    }
    return data;
  } catch {
    return null;
  }
}

/** An error whose message is for people. */
function userError(message) {
  return Object.assign(new Error(message), { userMessage: message });
}
