import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { contains, isPublic, parseAddress, parseNetwork } from "./address.ts";

const octet = fc.integer({ min: 0, max: 255 });
const ipv4 = fc.tuple(octet, octet, octet, octet).map((parts) => parts.join("."));

describe("parseAddress()", () => {
  const cases: Record<string, { text: string; want: boolean }> = {
    "dotted IPv4": { text: "192.0.2.1", want: true },
    "octal-looking part": { text: "0177.0.0.1", want: false },
    "too large a part": { text: "1.2.3.256", want: false },
    "three parts": { text: "1.2.3", want: false },
    "bracketed IPv6": { text: "[2001:db8::1]", want: true },
    "IPv6 with dotted end": { text: "::ffff:127.0.0.1", want: true },
    "two gaps": { text: "1::2::3", want: false },
    "too many groups": { text: "1:2:3:4:5:6:7:8:9", want: false },
    "a gap for nothing": { text: "1:2:3:4:5:6:7::8", want: false },
    "zone index": { text: "fe80::1%eth0", want: false },
    "host name": { text: "localhost", want: false },
    empty: { text: "", want: false },
  };
  for (const [name, { text, want }] of Object.entries(cases)) {
    test(`parseAddress() ${want ? "reads" : "refuses"} ${name}`, () => {
      expect(parseAddress(text) !== undefined).toBe(want);
    });
  }

  test("parseAddress() gives IPv4 and its mapped IPv6 forms the same bytes", () => {
    fc.assert(
      fc.property(fc.tuple(octet, octet, octet, octet), ([a, b, c, d]) => {
        const words = [(a << 8) | b, (c << 8) | d].map((word) => word.toString(16)).join(":");
        const forms = [
          `${a}.${b}.${c}.${d}`,
          `::ffff:${a}.${b}.${c}.${d}`,
          `::ffff:${words}`,
          `0:0:0:0:0:ffff:${words}`,
        ];
        const [first, ...others] = forms.map(parseAddress);
        expect(first).toBeDefined();
        for (const other of others) expect(other).toEqual(first!);
      }),
    );
  });

  test("parseAddress() reads every address that the URL parser writes", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.ipV4(),
          fc.ipV6().map((address) => `[${address}]`),
        ),
        (host) => {
          fc.pre(URL.canParse(`http://${host}/`));
          expect(parseAddress(new URL(`http://${host}/`).hostname)).toBeDefined();
        },
      ),
    );
  });
});

describe("isPublic()", () => {
  const cases: Record<string, boolean> = {
    "8.8.8.8": true,
    "1.1.1.1": true,
    "2606:4700::1111": true,
    "127.0.0.1": false,
    "127.255.255.254": false,
    "0.0.0.0": false,
    "10.0.0.1": false,
    "172.16.0.1": false,
    "172.31.255.255": false,
    "172.32.0.1": true,
    "192.168.1.1": false,
    "100.64.0.1": false,
    "100.128.0.1": true,
    "169.254.169.254": false,
    "224.0.0.1": false,
    "255.255.255.255": false,
    "::": false,
    "::1": false,
    "::ffff:127.0.0.1": false,
    "::ffff:8.8.8.8": true,
    "::127.0.0.1": false,
    "64:ff9b::7f00:1": false,
    "2002:7f00:1::": false,
    "2001::1": false,
    "fe80::1": false,
    "fd00::1": false,
    "ff02::1": false,
    "fec0::1": false,
  };
  for (const [text, want] of Object.entries(cases)) {
    test(`isPublic() says ${want} to ${text}`, () => {
      expect(isPublic(parseAddress(text)!)).toBe(want);
    });
  }
});

describe("contains()", () => {
  test("contains() agrees with integer arithmetic for IPv4 networks", () => {
    fc.assert(
      fc.property(ipv4, ipv4, fc.integer({ min: 0, max: 32 }), (base, address, bits) => {
        const value = (text: string) => text.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);
        const size = 2 ** (32 - bits);
        const want = Math.floor(value(base) / size) === Math.floor(value(address) / size);
        expect(contains(parseNetwork(`${base}/${bits}`)!, parseAddress(address)!)).toBe(want);
      }),
    );
  });

  test("contains() holds a network's own address for every prefix of IPv6", () => {
    fc.assert(
      fc.property(fc.ipV6(), fc.integer({ min: 0, max: 128 }), (address, bits) => {
        expect(contains(parseNetwork(`${address}/${bits}`)!, parseAddress(address)!)).toBe(true);
      }),
    );
  });
});
