/**
 * Made-up measurements over an area: a smooth field of waves, the same for the same seed, so that a demo's files are the same each time.
 * It is drawn as a picture and written as numbers.
 */
import { type Colour, encodePng } from "./png.ts";

export type Field = (x: number, y: number) => number;

/** Numbers from 0 to 1 that follow from the seed alone (mulberry32). */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** A sum of plane waves, values about 0 to 1; x and y from 0 to 1. */
export function makeField(seed: number): Field {
  const random = randomFrom(seed);
  const waves = Array.from({ length: 9 }, (_, i) => {
    const frequency = 2 + i * 2.5 * random();
    const angle = random() * 2 * Math.PI;
    return {
      kx: Math.cos(angle) * frequency * Math.PI,
      ky: Math.sin(angle) * frequency * Math.PI,
      phase: random() * 2 * Math.PI,
      height: 1 / (1 + i),
    };
  });
  const scale = 0.9 / waves.reduce((sum, wave) => sum + wave.height, 0);
  return (x, y) => {
    const sum = waves.reduce((total, w) => total + w.height * Math.sin(w.kx * x + w.ky * y + w.phase), 0);
    return Math.min(1, Math.max(0, 0.5 + sum * scale));
  };
}

/** The field as a picture in the colours of a palette. */
export function drawField(field: Field, o: { size: number; palette: readonly Colour[] }): Uint8Array {
  return encodePng({ width: o.size, height: o.size }, (x, y) => shade(o.palette, field(x / o.size, y / o.size)));
}

/** The field as 32-bit floats, row by row, little-endian. */
export function gridOf(field: Field, size: number): Uint8Array {
  const grid = new Float32Array(size * size);
  for (let y = 0; y < size; y++) for (let x = 0; x < size; x++) grid[y * size + x] = field(x / size, y / size);
  return new Uint8Array(grid.buffer);
}

function shade(palette: readonly Colour[], value: number): Colour {
  const place = value * (palette.length - 1);
  const lower = palette[Math.floor(place)] ?? [0, 0, 0];
  const upper = palette[Math.min(palette.length - 1, Math.ceil(place))] ?? lower;
  const share = place - Math.floor(place);
  const mix = (channel: 0 | 1 | 2) => Math.round(lower[channel] + (upper[channel] - lower[channel]) * share);
  return [mix(0), mix(1), mix(2)];
}
