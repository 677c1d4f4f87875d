// A platform that ends by itself soon after it started.
import { platform as stalling } from './stalling.js';
import type { Platform } from '../platforms/index.js';

export const platform: Platform = {
  ...stalling,
  name: 'ending',
  start: async (setting) => {
    const started = await stalling.start(setting);
    const ended = new Promise<string>((resolve) => {
      setTimeout(() => {
        resolve('it had enough');
      }, 1500);
    });
    return { ...started, ended };
  },
};
