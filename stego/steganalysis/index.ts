// The steganalysis room's door: detectors, and measures of what hiding did to a cover.
export { analyse } from './analyse.js';
export type { Analysis, ChannelAnalysis } from './analyse.js';
export type { ChiSquareResult } from './chi-square.js';
export { changeRate, psnr, ssim } from './quality.js';
