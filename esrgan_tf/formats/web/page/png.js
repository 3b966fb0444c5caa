// A PNG of RGB or RGBA pixels that are given band by band: never whole in memory but for the compressed file.

const SIGNATURE = new Uint8Array([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
const CRC = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? 0xedb88320 ^ (value >>> 1) : value >>> 1;
  return value;
});

export class PngWriter {
  /** @param {boolean} alpha whether the fourth channel is kept. */
  constructor(width, height, alpha) {
    this.width = width;
    this.channels = alpha ? 4 : 3;
    this.before = new Uint8Array(this.channels * width); // the row above, by which a row is predicted
    const header = new DataView(new ArrayBuffer(13));
    header.setUint32(0, width);
    header.setUint32(4, height);
    header.setUint8(8, 8);
    header.setUint8(9, alpha ? 6 : 2);
    this.parts = [SIGNATURE, ...chunk("IHDR", new Uint8Array(header.buffer))];
    const stream = new CompressionStream("deflate");
    this.writer = stream.writable.getWriter();
    this.done = this.collect(stream.readable.getReader());
  }

  /** Add rows of RGBA pixels. */
  async write(rgba) {
    const bytes = this.channels * this.width;
    const rows = rgba.length / (4 * this.width);
    const filtered = new Uint8Array(rows * (bytes + 1));
    const row = new Uint8Array(bytes);
    for (let y = 0; y < rows; y++) {
      let place = y * (bytes + 1);
      filtered[place++] = 2; // "up": the difference to the row above
      for (let x = 0, from = 4 * y * this.width, to = 0; x < this.width; x++, from += 4) {
        for (let channel = 0; channel < this.channels; channel++) row[to++] = rgba[from + channel];
      }
      for (let byte = 0; byte < bytes; byte++) filtered[place++] = row[byte] - this.before[byte];
      this.before.set(row);
    }
    await this.writer.write(filtered);
  }

  /** The whole file. */
  async finish() {
    await this.writer.close();
    await this.done;
    return new Blob([...this.parts, ...chunk("IEND", new Uint8Array(0))], { type: "image/png" });
  }

  async collect(reader) {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      this.parts.push(...chunk("IDAT", value));
    }
  }
}

/** A chunk in parts: length and kind, body, checksum. */
function chunk(kind, body) {
  const head = new Uint8Array(8);
  new DataView(head.buffer).setUint32(0, body.length);
  for (let index = 0; index < 4; index++) head[4 + index] = kind.charCodeAt(index);
  let crc = 0xffffffff;
  for (const bytes of [head.subarray(4), body]) for (const byte of bytes) crc = CRC[(crc ^ byte) & 255] ^ (crc >>> 8);
  const tail = new Uint8Array(4);
  new DataView(tail.buffer).setUint32(0, (crc ^ 0xffffffff) >>> 0);
  return [head, body, tail];
}
