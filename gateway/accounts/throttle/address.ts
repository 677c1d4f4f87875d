// Whom an address stands for: an IPv4 address by itself; of IPv6, whoever has the /64, for that is what one household
// or one machine is given (RFC 6177), and it could use another of its 2^64 addresses for each attempt.
import ipaddr from 'ipaddr.js';

/** A caller whose connection is gone before it was asked. */
export const ADDRESS_UNKNOWN = 'unknown';

/** `203.0.113.7` (also when it comes as `::ffff:203.0.113.7`) or `2001:db8:1:2::/64`. */
export function addressGroup(ip: string | undefined): string {
  if (ip === undefined || !ipaddr.isValid(ip)) return ADDRESS_UNKNOWN;
  const address = ipaddr.process(ip);
  if (address.kind() === 'ipv4') return address.toString();
  const prefix = address.toByteArray().fill(0, 8);
  return `${ipaddr.fromByteArray(prefix).toString()}/64`;
}
