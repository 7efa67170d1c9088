/**
 * Counters, gauges and histograms in the Prometheus text format. A hundred lines of our own instead of prom-client (stale since 2024, and half of its
 * default metrics read zero on Bun). Labels must be bounded: names of routes, controllers, states; never of orders or users.
 */

export type Labels = Readonly<Record<string, string>>;
type Kind = "counter" | "gauge" | "histogram";

export type Gauge = { set(value: number, labels?: Labels): void; clear(): void };
export type Counter = { add(value?: number, labels?: Labels): void; set(value: number, labels?: Labels): void };
export type Histogram = { observe(value: number, labels?: Labels): void };

type Family = { readonly name: string; readonly kind: Kind; readonly help: string; lines(): Iterable<string> };

const NAME = /^[a-z][a-z0-9_]*$/;

export class Registry {
  readonly #families = new Map<string, Family>();
  readonly #collectors: (() => void | Promise<void>)[] = [];

  /** Called before each reading; one that fails leaves the others alone. */
  onCollect(collect: () => void | Promise<void>): void {
    this.#collectors.push(collect);
  }

  gauge(name: string, help: string): Gauge {
    const values = new Samples(name);
    this.#register({ name, kind: "gauge", help, lines: () => values.lines() });
    return { set: (value, labels) => values.set(value, labels), clear: () => values.clear() };
  }

  /** `set` is for totals that are counted elsewhere. */
  counter(name: string, help: string): Counter {
    if (!name.endsWith("_total")) throw new Error(`Cannot name a counter '${name}': it must end in _total`);
    const values = new Samples(name);
    this.#register({ name, kind: "counter", help, lines: () => values.lines() });
    return {
      add: (value = 1, labels) => values.set(values.get(labels) + value, labels),
      set: (value, labels) => values.set(value, labels),
    };
  }

  /** `buckets` are upper bounds, rising. */
  histogram(name: string, help: string, buckets: readonly number[]): Histogram {
    const [counts, sums, totals] = ["_bucket", "_sum", "_count"].map((suffix) => new Samples(name + suffix));
    if (!counts || !sums || !totals) throw new Error("Cannot make a histogram");
    const all = [counts, sums, totals];
    this.#register({
      name,
      kind: "histogram",
      help,
      *lines() {
        for (const samples of all) yield* samples.lines();
      },
    });
    return {
      observe(value, labels = {}) {
        for (const le of buckets) {
          const at = { ...labels, le: String(le) };
          counts.set(counts.get(at) + (value <= le ? 1 : 0), at);
        }
        const most = { ...labels, le: "+Inf" };
        counts.set(counts.get(most) + 1, most);
        sums.set(sums.get(labels) + value, labels);
        totals.set(totals.get(labels) + 1, labels);
      },
    };
  }

  async text(): Promise<string> {
    await Promise.allSettled(this.#collectors.map(async (collect) => await collect()));
    const lines: string[] = [];
    for (const { name, kind, help, lines: samples } of this.#families.values()) {
      lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${kind}`, ...samples());
    }
    return `${lines.join("\n")}\n`;
  }

  #register(family: Family): void {
    if (!NAME.test(family.name)) throw new Error(`Cannot name a metric '${family.name}'`);
    if (this.#families.has(family.name)) throw new Error(`Cannot name two metrics '${family.name}'`);
    this.#families.set(family.name, family);
  }
}

/** The values of one name by their labels. */
class Samples {
  readonly #name: string;
  readonly #values = new Map<string, number>();

  constructor(name: string) {
    this.#name = name;
  }

  get(labels?: Labels): number {
    return this.#values.get(keyOf(labels)) ?? 0;
  }

  set(value: number, labels?: Labels): void {
    this.#values.set(keyOf(labels), value);
  }

  clear(): void {
    this.#values.clear();
  }

  *lines(): Iterable<string> {
    for (const [key, value] of this.#values) yield `${this.#name}${key} ${value}`;
  }
}

function keyOf(labels: Labels = {}): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`);
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}

function escaped(value: string): string {
  return value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}
