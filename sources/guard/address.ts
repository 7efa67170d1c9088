/**
 * IP addresses as 16 bytes (IPv4 in its mapped form), and which of them belong to the public Internet.
 * Everything is compared in one form, so that `::ffff:127.0.0.1` can never be a way round a rule about `127.0.0.0/8`.
 */

/** 16 bytes; an IPv4 address is `::ffff:a.b.c.d`. */
export type Address = Uint8Array;
export type Network = { readonly address: Address; readonly bits: number };

const MAPPED_BITS = 96;
const ADDRESS_BITS = 128;

/** The address written in `text` (dotted IPv4, or IPv6 with or without brackets), or undefined when it is none. */
export function parseAddress(text: string): Address | undefined {
  const bare = text.startsWith("[") && text.endsWith("]") ? text.slice(1, -1) : text;
  return bare.includes(":") ? parseV6(bare) : parseV4(bare);
}

function parseV4(text: string): Address | undefined {
  const parts = text.split(".");
  if (parts.length !== 4 || !parts.every((part) => /^(0|[1-9][0-9]{0,2})$/.test(part) && Number(part) <= 255)) {
    return undefined;
  }
  return Uint8Array.from([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, ...parts.map(Number)]);
}

function parseV6(text: string): Address | undefined {
  const [head = "", tail, ...more] = text.split("::");
  if (more.length > 0) return undefined;
  const front = groups(head);
  const back = tail === undefined ? [] : groups(tail);
  if (!front || !back) return undefined;
  const missing = 16 - front.length - back.length;
  if (tail === undefined ? missing !== 0 : missing < 2) return undefined;
  return Uint8Array.from([...front, ...new Array<number>(missing).fill(0), ...back]);
}

/** The bytes of colon-separated groups; the last one may be a dotted IPv4 address. */
function groups(text: string): number[] | undefined {
  if (text === "") return [];
  const parts = text.split(":");
  const last = parts.at(-1) ?? "";
  const dotted = last.includes(".") ? parseV4(last) : undefined;
  if (last.includes(".") && !dotted) return undefined;
  const words = dotted ? parts.slice(0, -1) : parts;
  if (!words.every((word) => /^[0-9a-fA-F]{1,4}$/.test(word))) return undefined;
  const bytes = words.flatMap((word) => [Number.parseInt(word, 16) >> 8, Number.parseInt(word, 16) & 255]);
  return dotted ? [...bytes, ...dotted.slice(12)] : bytes;
}

/** The network written in `text`: CIDR, or one address. */
export function parseNetwork(text: string): Network | undefined {
  const slash = text.lastIndexOf("/");
  const base = slash < 0 ? text : text.slice(0, slash);
  const address = parseAddress(base);
  if (!address) return undefined;
  if (slash < 0) return { address, bits: ADDRESS_BITS };
  const suffix = text.slice(slash + 1);
  if (!/^[0-9]{1,3}$/.test(suffix)) return undefined;
  const bits = Number(suffix) + (base.includes(":") ? 0 : MAPPED_BITS);
  return bits <= ADDRESS_BITS ? { address, bits } : undefined;
}

/** Whether `address` lies in `network`. */
export function contains(network: Network, address: Address): boolean {
  const whole = network.bits >> 3;
  for (let i = 0; i < whole; i++) if (network.address[i] !== address[i]) return false;
  const rest = network.bits & 7;
  if (rest === 0) return true;
  const mask = (0xff << (8 - rest)) & 0xff;
  return ((network.address[whole] ?? 0) & mask) === ((address[whole] ?? 0) & mask);
}

function networks(...texts: string[]): readonly Network[] {
  return texts.map((text) => {
    const network = parseNetwork(text);
    if (!network) throw new Error(`Cannot read network: '${text}' is no CIDR`);
    return network;
  });
}

const V4 = networks("::ffff:0:0/96");
const GLOBAL_V6 = networks("2000::/3");
/** What is not the public Internet although it lies in IPv4, or in the global part of IPv6 (IANA special-purpose registries). */
const SPECIAL = networks(
  "0.0.0.0/8",
  "10.0.0.0/8",
  "100.64.0.0/10",
  "127.0.0.0/8",
  "169.254.0.0/16",
  "172.16.0.0/12",
  "192.0.0.0/24",
  "192.0.2.0/24",
  "192.88.99.0/24",
  "192.168.0.0/16",
  "198.18.0.0/15",
  "198.51.100.0/24",
  "203.0.113.0/24",
  "224.0.0.0/4",
  "240.0.0.0/4",
  "2001::/23",
  "2001:db8::/32",
  "2002::/16",
  "3fff::/20",
);

/** Whether `address` is an ordinary public unicast address: not loopback, private, link-local, CGNAT, multicast, documentation, or a tunnel to IPv4. */
export function isPublic(address: Address): boolean {
  const routable = [...V4, ...GLOBAL_V6].some((network) => contains(network, address));
  return routable && !SPECIAL.some((network) => contains(network, address));
}
