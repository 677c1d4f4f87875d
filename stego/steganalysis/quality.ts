// How far a stego image is from its cover: peak signal-to-noise ratio and structural similarity.
import { StegoError } from '../errors.js';
import type { RgbImage } from '../png/index.js';

function requireSameShape(a: RgbImage, b: RgbImage): void {
  if (a.width !== b.width || a.height !== b.height || a.pixels.length !== b.pixels.length) {
    throw new StegoError('BAD_ARGUMENT', 'the two images differ in size');
  }
}

/** Decibels over all colour samples; Infinity for identical images. @throws StegoError BAD_ARGUMENT */
export function psnr(cover: RgbImage, stego: RgbImage): number {
  requireSameShape(cover, stego);
  let squares = 0;
  for (let i = 0; i < cover.pixels.length; i++) {
    squares += ((cover.pixels[i] ?? 0) - (stego.pixels[i] ?? 0)) ** 2;
  }
  return squares === 0 ? Infinity : 10 * Math.log10((255 ** 2 * cover.pixels.length) / squares);
}

const WINDOW = 8;
const STRIDE = 4;
const C1 = (0.01 * 255) ** 2;
const C2 = (0.03 * 255) ** 2;

/** Rec. 601 luma. */
function lumaOf({ pixels }: RgbImage): Float32Array {
  const luma = new Float32Array(pixels.length / 3);
  for (let i = 0, o = 0; i < luma.length; i++, o += 3) {
    const [r = 0, g = 0, b = 0] = [pixels[o], pixels[o + 1], pixels[o + 2]];
    luma[i] = 0.299 * r + 0.587 * g + 0.114 * b;
  }
  return luma;
}

function windowSsim(a: Float32Array, b: Float32Array, start: number, stride: number): number {
  let sumA = 0;
  let sumB = 0;
  let sumAA = 0;
  let sumBB = 0;
  let sumAB = 0;
  for (let y = 0; y < WINDOW; y++) {
    for (let i = start + y * stride; i < start + y * stride + WINDOW; i++) {
      const p = a[i] ?? 0;
      const q = b[i] ?? 0;
      sumA += p;
      sumB += q;
      sumAA += p * p;
      sumBB += q * q;
      sumAB += p * q;
    }
  }
  const n = WINDOW * WINDOW;
  const meanA = sumA / n;
  const meanB = sumB / n;
  const varA = sumAA / n - meanA * meanA;
  const varB = sumBB / n - meanB * meanB;
  const cov = sumAB / n - meanA * meanB;
  const above = (2 * meanA * meanB + C1) * (2 * cov + C2);
  return above / ((meanA * meanA + meanB * meanB + C1) * (varA + varB + C2));
}

/**
 * Mean SSIM of the luma (Wang, Bovik, Sheikh and Simoncelli, 2004) over 8 x 8 windows, four pixels
 * apart; 1 for identical images. @throws StegoError BAD_ARGUMENT
 */
export function ssim(cover: RgbImage, stego: RgbImage): number {
  requireSameShape(cover, stego);
  const { width, height } = cover;
  const a = lumaOf(cover);
  const b = lumaOf(stego);
  let sum = 0;
  let windows = 0;
  for (let y = 0; y + WINDOW <= height; y += STRIDE) {
    for (let x = 0; x + WINDOW <= width; x += STRIDE) {
      sum += windowSsim(a, b, y * width + x, width);
      windows += 1;
    }
  }
  return windows === 0 ? 1 : sum / windows;
}

/** Share of colour samples whose value differs. @throws StegoError BAD_ARGUMENT */
export function changeRate(cover: RgbImage, stego: RgbImage): number {
  requireSameShape(cover, stego);
  let changed = 0;
  for (let i = 0; i < cover.pixels.length; i++) {
    if (cover.pixels[i] !== stego.pixels[i]) changed += 1;
  }
  return changed / cover.pixels.length;
}
