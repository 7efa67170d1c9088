/** A PNG file of 8-bit RGB pixels (ISO/IEC 15948): just what the demo's pictures need. */
import { crc32, deflateSync } from "node:zlib";

const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
const RGB_8_BIT = [8, 2, 0, 0, 0];

export type Colour = readonly [red: number, green: number, blue: number];

/** Encodes a picture whose pixels `at` tells. */
export function encodePng(size: { width: number; height: number }, at: (x: number, y: number) => Colour): Uint8Array {
  const { width, height } = size;
  const rows = new Uint8Array(height * (1 + width * 3));
  let position = 0;
  for (let y = 0; y < height; y++) {
    position++; // Filter type of the row: none.
    for (let x = 0; x < width; x++) {
      rows.set(at(x, y), position);
      position += 3;
    }
  }
  const header = new Uint8Array(13);
  const view = new DataView(header.buffer);
  view.setUint32(0, width);
  view.setUint32(4, height);
  header.set(RGB_8_BIT, 8);
  const chunks = [chunk("IHDR", header), chunk("IDAT", deflateSync(rows)), chunk("IEND", new Uint8Array())];
  return Buffer.concat([Uint8Array.from(SIGNATURE), ...chunks]);
}

function chunk(type: string, data: Uint8Array): Uint8Array {
  const whole = Buffer.alloc(12 + data.length);
  whole.writeUInt32BE(data.length, 0);
  whole.write(type, 4, "latin1");
  whole.set(data, 8);
  whole.writeUInt32BE(crc32(whole.subarray(4, 8 + data.length)), 8 + data.length);
  return whole;
}
