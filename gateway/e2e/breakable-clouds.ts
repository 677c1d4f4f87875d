// Clouds that a test can take down, by name; and one that is away just when something is to be deleted.
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

/** Stands before a cloud, and deletes nothing while it is away. */
export class UndeletingCloud {
  away = false;

  readonly over = (cloud: Cloud): Cloud => ({
    name: cloud.name,
    putIfAbsent: (...call) => cloud.putIfAbsent(...call),
    get: (...call) => cloud.get(...call),
    head: (...call) => cloud.head(...call),
    list: (...call) => cloud.list(...call),
    delete: (...call) =>
      this.away
        ? Promise.reject(new CloudError('UNAVAILABLE', 'The cloud is away.'))
        : cloud.delete(...call),
  });
}
