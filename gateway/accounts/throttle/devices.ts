// Device tokens (OWASP's “device cookies”): given at a successful log-in, shown with the next one. A token opens
// nothing; it has an allowance of its own, so that a stranger's attempts under one's name are not one's own.
import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Clock, RandomBytes } from '../../ambient.js';

const NONCE_BYTES = 16;
const TIME_BYTES = 6;
const MAC_BYTES = 32;
const TOKEN = /^[A-Za-z0-9_-]{72}$/;

/** nonce (16) || issued at, ms, big-endian (6) || HMAC-SHA-256 over both and the account (32), base64url. */
export class Devices {
  constructor(
    private readonly parts: {
      readonly key: Uint8Array;
      readonly clock: Clock;
      readonly random: RandomBytes;
      readonly lifeMs: number;
    },
  ) {}

  issue(account: string): string {
    const head = Buffer.alloc(NONCE_BYTES + TIME_BYTES);
    head.set(this.parts.random(NONCE_BYTES));
    head.writeUIntBE(this.parts.clock.now(), NONCE_BYTES, TIME_BYTES);
    return Buffer.concat([head, this.mac(account, head)]).toString('base64url');
  }

  /** The first of some tokens that was given to this account and is not too old. */
  find(account: string, tokens: readonly string[]): { id: string; token: string } | undefined {
    for (const token of tokens) {
      if (!TOKEN.test(token)) continue;
      const bytes = Buffer.from(token, 'base64url');
      const head = bytes.subarray(0, NONCE_BYTES + TIME_BYTES);
      const given = bytes.subarray(-MAC_BYTES);
      if (!timingSafeEqual(given, this.mac(account, head))) continue;
      const age = this.parts.clock.now() - head.readUIntBE(NONCE_BYTES, TIME_BYTES);
      if (age < this.parts.lifeMs) return { id: token.slice(0, 22), token };
    }
    return undefined;
  }

  private mac(account: string, head: Uint8Array): Buffer {
    return createHmac('sha256', this.parts.key).update(head).update(account, 'utf8').digest();
  }
}
