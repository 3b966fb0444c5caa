// The page: takes an image, has the worker upscale it, and shows before and after.

const SHOWN = 40e6; // px of a canvas at most; a larger result is shown smaller, and downloaded whole
const $ = (id) => document.getElementById(id);
const config = await (await fetch("config.json")).json();
let worker = null;
let shown = null; // {factor}: px of the result for one of the canvas
let name = "image";
let last = null; // the file that was given last
const controlled = keepOffline();

for (const [index, model] of config.models.entries()) $("model").add(new Option(model.title, index));
$("status").textContent = "Ready.";

$("file").addEventListener("change", ({ target }) => target.files.length && upscale(target.files[0]));
$("model").addEventListener("change", () => last && upscale(last));
$("cancel").addEventListener("click", () => stop("Cancelled."));
$("compare").addEventListener("input", compare);
$("zoom").addEventListener("change", zoom);
addEventListener("resize", zoom);
document.addEventListener("paste", ({ clipboardData }) => {
  const file = [...clipboardData.files].find(({ type }) => type.startsWith("image/"));
  if (file) upscale(file);
});
for (const kind of ["dragover", "dragleave", "drop"]) {
  document.addEventListener(kind, (event) => {
    event.preventDefault();
    $("drop").classList.toggle("over", kind === "dragover");
    if (kind === "drop" && event.dataTransfer.files.length) upscale(event.dataTransfer.files[0]);
  });
}

/** Have the worker upscale a file; what it was doing is given up. */
async function upscale(file) {
  stop("");
  last = file;
  name = (file.name || "image").replace(/\.[^.]*$/, "");
  $("status").textContent = "Opening …";
  $("cancel").disabled = false;
  await controlled; // so that what the worker loads is kept for offline
  if (last !== file || $("cancel").disabled) return;
  worker ??= newWorker();
  worker.onmessage = ({ data }) => handlers[data.kind](data);
  worker.onerror = (event) => stop(`It failed: ${event.message}`);
  worker.busy = true;
  worker.postMessage({ config, model: config.models[$("model").value], file });
}

/** A worker that is bound to this page's policy on what may be loaded, which only one from a blob inherits. */
function newWorker() {
  const script = `self.base = ${JSON.stringify(new URL(".", location).href)};
    importScripts(${JSON.stringify(new URL("worker.js", location).href)});`;
  const url = URL.createObjectURL(new Blob([script], { type: "text/javascript" }));
  const made = new Worker(url);
  made.addEventListener("message", () => URL.revokeObjectURL(url), { once: true });
  return made;
}

/** End what is being done; only a busy worker has to go. */
function stop(message) {
  if (worker?.busy) {
    worker.terminate();
    worker = null;
  }
  $("cancel").disabled = true;
  $("progress").value = 0;
  $("status").textContent = message;
}

const handlers = {
  start({ width, height, input, accelerator, threads }) {
    const by = accelerator === "webgpu" ? "WebGPU" : `WebAssembly, ${threads === 1 ? "one thread" : `${threads} threads`}`;
    $("status").textContent = `${input.width} x ${input.height} to ${width} x ${height} px by ${by} …`;
    shown = { factor: Math.max(1, Math.ceil(Math.sqrt((width * height) / SHOWN))) };
    for (const id of ["before", "after"]) {
      Object.assign($(id), { width: Math.ceil(width / shown.factor), height: Math.ceil(height / shown.factor) });
    }
    const context = $("before").getContext("2d");
    context.imageSmoothingEnabled = false;
    context.drawImage(input, 0, 0, $("before").width, $("before").height);
    input.close();
    $("result").hidden = false;
    disableDownload();
    compare();
    zoom();
  },
  progress({ share }) {
    $("progress").value = share;
  },
  async band({ top, width, band }) {
    const pixels = new ImageData(band, width);
    const context = $("after").getContext("2d");
    if (shown.factor === 1) {
      context.putImageData(pixels, 0, top);
      return;
    }
    const bitmap = await createImageBitmap(pixels);
    context.drawImage(bitmap, 0, top / shown.factor, width / shown.factor, bitmap.height / shown.factor);
    bitmap.close();
  },
  done({ blob }) {
    worker.busy = false;
    $("cancel").disabled = true;
    $("status").textContent += " done.";
    if ($("download").href) URL.revokeObjectURL($("download").href);
    Object.assign($("download"), { href: URL.createObjectURL(blob), download: `${name}_x${config.scale}.png` });
    $("download").removeAttribute("aria-disabled");
  },
  error({ message, broken }) {
    worker.busy = broken; // one that LiteRT.js has aborted in is of no more use
    stop(message);
  },
};

function disableDownload() {
  if ($("download").href) URL.revokeObjectURL($("download").href);
  $("download").removeAttribute("href");
  $("download").setAttribute("aria-disabled", "true");
}

/** Show the image before up to the slider, and the one after from there on. */
function compare() {
  const share = $("compare").value;
  $("compare").setAttribute("aria-valuetext", `${share} % before`);
  $("before").style.clipPath = `inset(0 ${100 - share}% 0 0)`;
  $("line").style.left = `${share}%`;
}

/** Show the canvases at the chosen size. */
function zoom() {
  if (!shown) return;
  const width = $("after").width * shown.factor;
  const factor = Number($("zoom").value) || Math.min(1, $("viewer").clientWidth / width);
  for (const id of ["before", "after"]) $(id).style.width = `${width * factor}px`;
}

/** Has the page work offline, and isolated, so that WebAssembly may have threads; done when that holds, or cannot. */
async function keepOffline() {
  if (!("serviceWorker" in navigator) || !isSecureContext) return;
  try {
    await navigator.serviceWorker.register("offline.js");
    if (navigator.serviceWorker.controller) return;
    await Promise.race([
      new Promise((resolve) => navigator.serviceWorker.addEventListener("controllerchange", resolve, { once: true })),
      new Promise((resolve) => setTimeout(resolve, 5000)),
    ]);
  } catch (error) {
    console.warn("it will not work offline:", error);
  }
}
