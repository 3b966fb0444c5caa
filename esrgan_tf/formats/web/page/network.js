// A generator run by LiteRT.js: on WebGPU where that gives the same values as wasm, else by wasm.

const LARGEST_DIFFERENCE = 2 / 255; // between WebGPU and wasm; graphics cards compute in half precision

/**
 * Opens a .tflite file.
 * @param litert LiteRT.js' module.
 * @param bytes the file.
 * @param model its entry in config.json: `tile` (px), `integers` (uint8 in and out rather than float32).
 * @param webgpu whether to try it.
 * @returns {{run: (values: TypedArray) => Promise<TypedArray>, accelerator: string}}
 */
export async function openNetwork(litert, bytes, model, webgpu) {
  const onWasm = await open(litert, bytes, model, "wasm");
  if (!webgpu || model.integers) return onWasm;
  try {
    const onGpu = await open(litert, bytes, model, "webgpu");
    if (await agree(onGpu, onWasm, model)) {
      onWasm.close();
      return onGpu;
    }
    onGpu.close();
  } catch (error) {
    console.warn("WebGPU is not used:", error);
  }
  return onWasm;
}

async function open(litert, bytes, model, accelerator) {
  const compiled = await litert.loadAndCompile(bytes, { accelerator });
  // LiteRT.js itself takes wasm where WebGPU cannot run all of a network, or lets WebGPU run a part.
  if (accelerator === "webgpu" && (compiled.options.accelerator !== "webgpu" || !compiled.isFullyAccelerated)) {
    compiled.delete();
    throw new Error("it cannot run all of this network");
  }
  const shape = [1, model.tile, model.tile, 3];
  return {
    accelerator,
    close: () => compiled.delete(),
    async run(values) {
      const input = new litert.Tensor(values, shape);
      let outputs = [];
      try {
        outputs = await compiled.run(input);
        return (await outputs[0].data()).slice(); // a copy: the tensor's memory is freed below
      } finally {
        input.delete();
        for (const output of outputs) output.delete();
      }
    },
  };
}

/** Whether two give the same values, the second time: some drivers are right once and wrong from then on. */
async function agree(one, other, model) {
  const values = new Float32Array(model.tile * model.tile * 3).map((_, place) => ((place * 7919) % 256) / 255);
  await one.run(values);
  const [found, expected] = [await one.run(values), await other.run(values)];
  return expected.every((value, place) => Math.abs(found[place] - value) <= LARGEST_DIFFERENCE);
}
