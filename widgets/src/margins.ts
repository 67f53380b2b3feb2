// When zoomed in, what slides under the labels and the axis fades into the ground.
import type { View } from "./layout";

export const FOOT = 34;

const FADE = 30;

export function margins(ctx: CanvasRenderingContext2D, view: View, ground: string, width: number, height: number): void {
  const foot = height - FOOT + 4;
  ctx.globalAlpha = 1;
  ctx.fillStyle = ground;
  if (view.bottom - view.frame.panY > foot) ctx.fillRect(0, foot, width, FOOT);  // lanes go on below: the axis stays in sight
  if (view.frame.panX <= 0) return;
  const edge = view.frame.left - 50, fade = ctx.createLinearGradient(edge, 0, edge + FADE, 0);
  fade.addColorStop(0, ground);
  fade.addColorStop(1, /^#[0-9a-f]{6}$/i.test(ground) ? `${ground}00` : "transparent");  // "transparent" is black
  ctx.fillRect(0, view.frame.top - 2, edge, height);
  ctx.fillStyle = fade;
  ctx.fillRect(edge, view.frame.top - 2, FADE, height);
}
