// How often somebody may try: a password, a recovery code, a second factor, a registration. Counted per account *and*
// party. The party is a known device or session, else the address, so wrong passwords under my name from elsewhere are
// counted there and not against me. What strangers do to one account together is bounded, too, but that bound holds for
// strangers only: whoever shows a device token, or comes from an address of an earlier log-in, is none.
import type { Clock } from '../../ambient.js';
import type { Party } from '../../vault/index.js';
import type { Devices } from './devices.js';
import type { KnownAddresses } from './known-addresses.js';
import { AttemptWindow } from './window.js';

/** Where an attempt comes from. */
export interface Source {
  /** See `addressGroup`. */
  readonly address: string;
  /** Device tokens that were sent along, whomever they belong to. */
  readonly devices: readonly string[];
  /** Of somebody logged in who gives the password again. */
  readonly session?: string;
}

export type AttemptKind = 'log-in' | 'recovery' | 'second-factor';

export interface ThrottleLimits {
  /** Failures a minute and an hour for one account and party. */
  readonly perMinute: number;
  readonly perHour: number;
  /** Failures an hour for one account by all strangers. */
  readonly strangersPerHour: number;
  /** The same for second factors, which have fewer possible values; and for one party. */
  readonly secondFactorPerHour: number;
  /** Failures a minute from one address, whatever the accounts. */
  readonly addressPerMinute: number;
  readonly registrationsPerHour: number;
  /** Keys held at one time, a window. */
  readonly maxKeys: number;
}

/** Leave to try once. It counts as a failure until it is said to have succeeded. */
export interface Attempt {
  readonly party: Party;
  succeed(): Promise<void>;
}

const MINUTE = 60;
const HOUR = 3600;

export class Throttle {
  private readonly minute: AttemptWindow;
  private readonly hour: Readonly<Record<'password' | 'factor', AttemptWindow>>;
  private readonly strangers: Readonly<Record<'password' | 'factor', AttemptWindow>>;
  private readonly address: AttemptWindow;
  private readonly registrations: AttemptWindow;

  constructor(
    private readonly parts: {
      readonly clock: Clock;
      readonly devices: Devices;
      readonly addresses: KnownAddresses;
      readonly limits: ThrottleLimits;
    },
  ) {
    const { limits } = parts;
    const window = (points: number, seconds: number) =>
      new AttemptWindow(parts.clock, { points, seconds }, limits.maxKeys);
    this.minute = window(limits.perMinute, MINUTE);
    this.hour = {
      password: window(limits.perHour, HOUR),
      factor: window(limits.secondFactorPerHour, HOUR),
    };
    this.strangers = {
      password: window(limits.strangersPerHour, HOUR),
      factor: window(limits.secondFactorPerHour, HOUR),
    };
    this.address = window(limits.addressPerMinute, MINUTE);
    this.registrations = window(limits.registrationsPerHour, HOUR);
  }

  /**
   * Takes one attempt before any work is done. Costs the same whether the account exists or not.
   * @param account a keyed hash of the name
   * @throws GatewayError TOO_MANY with the time after which to try again
   */
  async attempt(kind: AttemptKind, account: string, source: Source): Promise<Attempt> {
    const party = await this.partyOf(account, source);
    const key = `${kind} ${account}`;
    const own = `${key} ${party.name}`;
    const measure = kind === 'second-factor' ? 'factor' : 'password';
    if (!party.known) await this.address.take(source.address);
    await this.minute.take(own);
    await this.hour[measure].take(own);
    if (!party.known) await this.strangers[measure].take(key);
    return {
      party,
      succeed: async () => {
        await this.minute.forget(own);
        await this.hour[measure].forget(own);
        if (party.known) return;
        await this.strangers[measure].giveBack(key);
        await this.address.giveBack(source.address);
      },
    };
  }

  /** @throws GatewayError TOO_MANY */
  async registration({ address }: Source): Promise<Party> {
    await this.registrations.take(address);
    return { name: `address:${address}`, known: false };
  }

  /** After a complete log-in. @returns the device token to show next time: the one that was sent, or a new one */
  async welcome(account: string, source: Source): Promise<string> {
    await this.parts.addresses.note(account, source.address);
    const shown = this.parts.devices.find(account, source.devices);
    return shown?.token ?? this.parts.devices.issue(account);
  }

  private async partyOf(account: string, source: Source): Promise<Party> {
    // Looked up in any case: neither name nor token shows by what is read.
    const atHome = await this.parts.addresses.includes(account, source.address);
    if (source.session !== undefined) return { name: `session:${source.session}`, known: true };
    const device = this.parts.devices.find(account, source.devices);
    if (device !== undefined) return { name: `device:${device.id}`, known: true };
    return { name: `address:${source.address}`, known: atHome };
  }
}
