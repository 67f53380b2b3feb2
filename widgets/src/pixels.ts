/** Level of detail: marks too small for a shape go straight into pixels, as dark as they are dense; a million cost a few ms. */

const LEAST = 0.8;  // device pixels: whatever happened is seen

/** "#rrggbb" as the number that one pixel of an ImageData is, without its opacity. */
export const packed = (colour: string): number => {
  const n = parseInt(colour.slice(1, 7), 16) || 0;
  return ((n & 0xff) << 16) | (n & 0xff00) | (n >> 16);
};

/** One row of pixels: how much of each column is covered, and in which colour. */
class Strip {
  readonly cover: Float32Array;
  readonly colour: Uint32Array;
  readonly top: Float32Array;
  from = Infinity;
  to = -1;
  constructor(width: number) { this.cover = new Float32Array(width); this.colour = new Uint32Array(width); this.top = new Float32Array(width); }
}

export class Pixels {
  private canvas: HTMLCanvasElement | null = null;
  private image: ImageData | null = null;
  private data = new Uint32Array(0);
  private strips: Strip[] = [];
  private width = 0;
  private height = 0;
  private ratio = 1;
  private first = Infinity;
  private last = -1;

  /** An empty sheet over the whole canvas, in device pixels. */
  begin(width: number, height: number, ratio: number): void {
    const [w, h] = [Math.max(1, Math.round(width * ratio)), Math.max(1, Math.round(height * ratio))];
    if (w !== this.width || h !== this.height) {
      this.image = new ImageData(w, h);
      this.data = new Uint32Array(this.image.data.buffer);
      this.strips = [];
    } else if (this.last >= this.first) this.data.fill(0, this.first * w, (this.last + 1) * w);
    [this.width, this.height, this.ratio, this.first, this.last] = [w, h, ratio, Infinity, -1];
  }

  /** A mark from x1 to x2 (CSS pixels) on a lane's sub-row; what weighs more decides the colour of a column. */
  add(sub: number, x1: number, x2: number, colour: number, opacity: number, weight: number): void {
    const strip = (this.strips[sub] ??= new Strip(this.width));
    const a = Math.max(0, x1 * this.ratio), b = Math.min(this.width, Math.max(x2 * this.ratio, x1 * this.ratio + LEAST));
    if (b <= a) return;
    const from = Math.floor(a), to = Math.min(this.width - 1, Math.ceil(b) - 1);
    if (from < strip.from) strip.from = from;
    if (to > strip.to) strip.to = to;
    for (let x = from; x <= to; x++) {
      const part = (Math.min(b, x + 1) - Math.max(a, x)) * opacity;
      strip.cover[x] += part;
      if (part * weight >= strip.top[x]) { strip.top[x] = part * weight; strip.colour[x] = colour; }
    }
  }

  /** Write a sub-row out as a band around y, and forget it. */
  band(sub: number, y: number, thick: number): void {
    const strip = this.strips[sub];
    if (!strip || strip.to < strip.from) return;
    const top = Math.max(0, Math.round((y - thick / 2) * this.ratio)), bottom = Math.min(this.height, Math.max(Math.round((y + thick / 2) * this.ratio), top + 1));
    const { from, to, cover, colour } = strip, width = this.width;
    if (bottom > top) {
      const row = top * width;
      for (let x = from; x <= to; x++) {
        const part = cover[x];
        if (part > 0) this.data[row + x] = colour[x] | (Math.round(255 * Math.min(1, Math.max(0.12, part))) << 24);
      }
      for (let r = top + 1; r < bottom; r++) this.data.copyWithin(r * width + from, row + from, row + to + 1);
      if (top < this.first) this.first = top;
      if (bottom - 1 > this.last) this.last = bottom - 1;
    }
    cover.fill(0, from, to + 1);
    strip.top.fill(0, from, to + 1);
    strip.from = Infinity;
    strip.to = -1;
  }

  /** Put everything over what is on the canvas. */
  paint(ctx: CanvasRenderingContext2D): void {
    if (!this.image || this.last < this.first) return;
    const sheet = (this.canvas ??= document.createElement("canvas"));
    if (sheet.width !== this.width || sheet.height !== this.height) { sheet.width = this.width; sheet.height = this.height; }
    const own = sheet.getContext("2d")!, high = this.last - this.first + 1;
    own.clearRect(0, 0, this.width, this.height);
    own.putImageData(this.image, 0, 0, 0, this.first, this.width, high);
    ctx.save();
    ctx.setTransform(1, 0, 0, 1, 0, 0);
    ctx.globalAlpha = 1;
    ctx.drawImage(sheet, 0, this.first, this.width, high, 0, this.first, this.width, high);
    ctx.restore();
  }
}
