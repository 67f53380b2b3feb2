import assert from "node:assert/strict";
import { test } from "node:test";
import { packed, Pixels } from "../src/pixels";

class Image { readonly data: Uint8ClampedArray; constructor(readonly width: number, readonly height: number) { this.data = new Uint8ClampedArray(width * height * 4); } }
(globalThis as unknown as { ImageData: unknown }).ImageData = Image;

/** A sheet of 20 × 10, and what one of its pixels is: [red, green, blue, opacity]. */
function sheet(): { pixels: Pixels; at(x: number, y: number): number[] } {
  const pixels = new Pixels();
  pixels.begin(20, 10, 1);
  const image = (pixels as unknown as { image: Image }).image;
  return { pixels, at: (x, y) => Array.from(image.data.slice((y * 20 + x) * 4, (y * 20 + x) * 4 + 4)) };
}

test("a mark covers its pixels, in part where it covers them in part", () => {
  const { pixels, at } = sheet();
  pixels.add(0, 2, 4.5, packed("#0b7285"), 1, 1);
  pixels.band(0, 5, 4);
  assert.deepEqual(at(3, 5), [0x0b, 0x72, 0x85, 255]);
  assert.deepEqual(at(4, 3), [0x0b, 0x72, 0x85, 128]);
  assert.equal(at(5, 5)[3], 0);
  assert.equal(at(3, 2)[3], 0);
  assert.equal(at(3, 7)[3], 0);
});

test("however short, what happened is seen; a failure among many too", () => {
  const { pixels, at } = sheet();
  pixels.add(0, 7, 7.0001, packed("#123456"), 1, 1);
  for (let k = 0; k < 50; k++) pixels.add(0, 12 + k / 100, 12.01 + k / 100, packed("#123456"), 1, 1);
  pixels.add(0, 12.2, 12.3, packed("#b42318"), 1, 4);
  pixels.band(0, 5, 1);
  assert(at(7, 5)[3] > 180);
  assert.deepEqual(at(12, 5).slice(0, 3), [0xb4, 0x23, 0x18]);
});

test("what lies outside is cut off, and a new sheet is empty", () => {
  const { pixels, at } = sheet();
  pixels.add(1, -50, 500, packed("#ffffff"), 1, 1);
  pixels.band(1, 0, 4);
  assert.equal(at(0, 0)[3], 255);
  pixels.band(1, 9, 4);  // a strip is written once
  assert.equal(at(0, 9)[3], 0);
  pixels.begin(20, 10, 1);
  assert.equal(at(0, 0)[3], 0);
});
