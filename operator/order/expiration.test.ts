import { expect, test } from "bun:test";
import { grantedWish, lifetimeMs, notBeforeArrivals, noticeTime } from "./expiration.ts";

const HOUR = 3_600_000;
const at = (hours: number) => new Date(hours * HOUR);

const LIFETIMES = {
  "an order of references only lives one duration": { internal: 0, hours: 2, max: 168, want: 2 },
  "each sub-order to fetch adds one duration, and two are added": { internal: 1, hours: 2, max: 168, want: 6 },
  "the tenant's limit caps it": { internal: 100, hours: 2, max: 168, want: 168 },
  "the limit caps a single duration too": { internal: 0, hours: 240, max: 168, want: 168 },
};
for (const [name, { internal, hours, max, want }] of Object.entries(LIFETIMES)) {
  test(`test_expirationDate, lifetimeMs(): ${name}`, () => {
    const life = lifetimeMs({ internalSubOrders: internal, subOrderSeconds: hours * 3600, maxHours: max });
    expect(life / HOUR).toBe(want);
  });
}

const ARRIVALS = {
  "nothing arrived: as planned": { planned: 10, arrived: undefined, hours: 2, want: 10 },
  "files that came in good time change nothing": { planned: 10, arrived: 3, hours: 2, want: 10 },
  "files that came late stay one duration": { planned: 10, arrived: 9.5, hours: 2, want: 11.5 },
  "but a day at most, where a duration is long": { planned: 168, arrived: 167, hours: 240, want: 191 },
};
for (const [name, { planned, arrived, hours, want }] of Object.entries(ARRIVALS)) {
  test(`notBeforeArrivals(): ${name}`, () => {
    const lastArrival = arrived === undefined ? undefined : at(arrived);
    const expires = notBeforeArrivals(at(planned), { lastArrival, subOrderSeconds: hours * 3600, maxHours: 168 });
    expect(expires).toEqual(at(want));
  });
}

const WISHES = {
  "a wish within the limit holds": { wish: 50, want: 50 },
  "one beyond the limit is cut to it, counted from when it was made": { wish: 500, want: 10 + 168 },
  "one of the past means at once": { wish: 5, want: 10 },
};
for (const [name, { wish, want }] of Object.entries(WISHES)) {
  test(`grantedWish(): ${name}`, () => {
    expect(grantedWish(at(wish), { askedAt: at(10), maxHours: 168 })).toEqual(at(want));
  });
}

const NOTICES = {
  "a long life is told of so many hours before": { expires: 168, hours: 24, want: 144 },
  "a short one when a quarter of it is left": { expires: 8, hours: 24, want: 6 },
  "nobody wants to be told": { expires: 168, hours: 0, want: undefined },
};
for (const [name, { expires, hours, want }] of Object.entries(NOTICES)) {
  test(`noticeTime(): ${name}`, () => {
    const due = noticeTime(at(expires), { createdAt: at(0), noticeHours: hours });
    expect(due).toEqual(want === undefined ? undefined : at(want));
  });
}
