// How a detection's box is laid over a picture: amber with a dark rim, seen on light and dark ground.

export interface BoxShape {
  x: number;
  y: number;
  width: number;
  height: number;
}

export const boxClass = "rounded-sm border-2 border-lamp-glow shadow-[0_0_0_1px_rgb(0_0_0/.55)]";

export function boxPlace(box: BoxShape): { left: string; top: string; width: string; height: string } {
  return { left: `${box.x * 100}%`, top: `${box.y * 100}%`, width: `${box.width * 100}%`, height: `${box.height * 100}%` };
}
