// Clouds that a test can take down, by name.
import { CloudError, type Cloud } from '../clouds/index.js';

export class BreakableClouds {
  /** Names of those that are down. */
  readonly down = new Set<string>();

  /** Stands before a cloud. */
  readonly over = (cloud: Cloud): Cloud => {
    const up = (): Cloud => {
      if (this.down.has(cloud.name)) throw new CloudError('UNAVAILABLE', 'the cloud is down');
      return cloud;
    };
    return {
      name: cloud.name,
      putIfAbsent: async (...call) => up().putIfAbsent(...call),
      get: async (...call) => up().get(...call),
      head: async (...call) => up().head(...call),
      delete: async (...call) => up().delete(...call),
      list: async (...call) => up().list(...call),
    };
  };
}
