/** Alerts and dashboard: read by Prometheus' own checker, each with its page, and of metrics that the program really has. */
import { describe, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { amqpMetrics } from "#cli/roles/metrics/amqp.ts";
import { httpMetrics } from "#cli/roles/metrics/http.ts";
import { countedTransport } from "#cli/roles/metrics/kubernetes.ts";
import { operatorMetrics } from "#cli/roles/metrics/operator.ts";
import { processMetrics } from "#cli/roles/metrics/process.ts";
import { Registry } from "#cli/roles/metrics/registry.ts";
import { storeMetrics } from "#cli/roles/metrics/store.ts";
import { handlerTransport } from "#kube/transport.ts";
import { connect } from "#store/db.ts";
import { temporaryFolder } from "#test/support/folder.ts";
import { testHelm } from "#test/support/helm.ts";
import { run } from "#test/support/run-command.ts";
import { CHARTS, LEAST, type Rendered, render } from "./rendered.ts";

const RUNBOOKS = join(import.meta.dir, "../../docs/runbooks");
const helm = await testHelm();
const promtool = Bun.which("promtool");
if (!promtool && process.env["TEST_REQUIRE_ALL"] === "1")
  throw new Error("Cannot test alerts: promtool is not installed");

/** Names of everything that a role registers, histograms with their three series. */
async function metricNames(): Promise<ReadonlySet<string>> {
  const registry = new Registry();
  const db = connect("postgres://nobody@127.0.0.1:9/none", { schema: "none" });
  processMetrics(registry, { role: "test", version: "0" });
  countedTransport(
    registry,
    handlerTransport(() => new Response(), { namespace: "x" }),
  );
  httpMetrics(registry);
  operatorMetrics(registry, () => new Date()).follow(() => ({ leading: false, watches: [], controllers: [] }));
  storeMetrics(registry, { db, isOurs: () => false, now: () => new Date() });
  const handled = { answered: 0, foreign: 0, poison: 0, retries: 0 };
  amqpMetrics(registry, () => ({
    consuming: true,
    links: 1,
    handled,
    sent: { delivered: 0, unroutable: 0, failures: 0 },
  }));
  const types = [...(await registry.text()).matchAll(/^# TYPE (\S+) (\S+)$/gm)];
  await db.end();
  return new Set(
    types.flatMap(([, name, type]) =>
      type === "histogram" ? ["_bucket", "_sum", "_count"].map((end) => name + end) : [name ?? ""],
    ),
  );
}

function metricsIn(text: string): readonly string[] {
  return [...new Set(text.match(/\b(regards_order|process)_[a-z_]+\b/g))];
}

describe.skipIf(!helm || !promtool)("monitoring", () => {
  const withMonitoring = async (): Promise<readonly Rendered[]> => {
    if (!helm) return [];
    const monitoring = { rules: { enabled: true }, dashboard: { enabled: true }, serviceMonitor: { enabled: true } };
    return (await render(helm, { ...LEAST, monitoring })).all;
  };
  const rulesOf = async (): Promise<Rendered> =>
    (await withMonitoring()).find(({ kind }) => kind === "PrometheusRule").spec;
  const alerts = async (): Promise<readonly Rendered[]> =>
    (await rulesOf()).groups.flatMap(({ rules }: Rendered) => rules);

  test("alerts are rules that Prometheus takes", async () => {
    const folder = temporaryFolder("rules");
    const file = join(folder.path, "rules.yaml");
    await Bun.write(file, JSON.stringify(await rulesOf()));
    const { code, stdout, stderr } = await run(["promtool", "check", "rules", "--lint=all", "--lint-fatal", file]);
    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout).toContain(`${(await alerts()).length} rules found`);
    folder.remove();
  });

  /** promtool finds that the rules do what these tests of them say. */
  async function hold(tests: readonly object[]): Promise<void> {
    const folder = temporaryFolder("rules");
    const [rules, about] = [join(folder.path, "rules.yaml"), join(folder.path, "tests.yaml")];
    await Bun.write(rules, JSON.stringify(await rulesOf()));
    await Bun.write(about, JSON.stringify({ rule_files: ["rules.yaml"], evaluation_interval: "1m", tests }));
    const { code, stdout, stderr } = await run(["promtool", "test", "rules", about]);
    expect([code, stderr, stdout]).toEqual([0, "", expect.stringContaining("SUCCESS")]);
    folder.remove();
  }

  test("alerts fire when they should and not before", async () => {
    const at = 'namespace="landsat"';
    const firing = (time: string, alertname: string, labels: object = {}) => ({
      eval_time: time,
      alertname,
      exp_alerts: [{ exp_labels: { severity: "critical", ...labels } }],
    });
    const silent = (time: string, alertname: string) => ({ eval_time: time, alertname, exp_alerts: [] });
    const tests = [
      {
        interval: "1m",
        input_series: [
          // Two pods: one leads, dies, and after a while the other does.
          { series: `regards_order_leader{${at},pod="a"}`, values: "1x4 _x30" },
          { series: `regards_order_leader{${at},pod="b"}`, values: "0x14 1x20" },
          { series: `regards_order_amqp_consuming{${at}}`, values: "1x30" },
        ],
        alert_rule_test: [
          silent("4m", "RegardsOrderNoLeader"),
          // What was told last counts for five minutes.
          { ...firing("13m", "RegardsOrderNoLeader") },
          silent("16m", "RegardsOrderNoLeader"),
          silent("20m", "RegardsOrderAmqpDown"),
        ],
      },
      {
        interval: "1m",
        input_series: [
          { series: `regards_order_http_requests_total{${at},code="200"}`, values: "0+100x30" },
          { series: `regards_order_http_requests_total{${at},code="503"}`, values: "0x10 10+10x20" },
          { series: `regards_order_http_requests_total{${at},code="404"}`, values: "0+50x30" },
        ],
        alert_rule_test: [silent("9m", "RegardsOrderApiErrors"), silent("12m", "RegardsOrderApiErrors")],
        promql_expr_test: [
          {
            expr: 'count(ALERTS{alertname="RegardsOrderApiErrors",alertstate="firing"})',
            eval_time: "25m",
            exp_samples: [{ labels: "{}", value: 1 }],
          },
        ],
      },
      {
        interval: "1m",
        input_series: [
          { series: `regards_order_suborders{${at},state="waiting"}`, values: "5x60" },
          { series: `regards_order_suborders{${at},state="running"}`, values: "1x10 0x50" },
          { series: `regards_order_outbox_oldest_seconds{namespace="another"}`, values: "9999x60" },
        ],
        alert_rule_test: [silent("39m", "RegardsOrderNothingMoves"), silent("50m", "RegardsOrderOutboxOld")],
        promql_expr_test: [
          {
            expr: 'count(ALERTS{alertname="RegardsOrderNothingMoves",alertstate="firing"})',
            eval_time: "45m",
            exp_samples: [{ labels: "{}", value: 1 }],
          },
        ],
      },
    ];
    // Annotations are words for people: only that and when it fires is tried here.
    const all = await alerts();
    for (const { alert_rule_test: tried } of tests) {
      for (const each of tried) {
        for (const expected of each.exp_alerts as Rendered[]) {
          const alert = all.find(({ alert }) => alert === each.alertname);
          expected.exp_annotations = alert.annotations;
        }
      }
    }
    await hold(tests);
  });

  test("Jobs in a queue of the cluster and orders that are paused wait by intention: no alert, for hours", async () => {
    const at = 'namespace="landsat"';
    const steady = (name: string, labels: string, values: string) => ({
      series: `regards_order_${name}{${at}${labels && `,${labels}`}}`,
      values,
    });
    // Nothing ends meanwhile, and what there was does not change.
    const beside = [
      steady("leader", 'pod="a"', "1x300"),
      steady("amqp_consuming", "", "1x300"),
      steady("orders", 'status="RUNNING"', "5x300"),
      steady("files", 'state="pending"', "500x300"),
      steady("suborder_duration_seconds_count", 'reason="AllFilesAvailable"', "12x300"),
      steady("suborder_duration_seconds_count", 'reason="JobFailed"', "3x300"),
      steady("fetched_files_total", 'result="available"', "90x300"),
      steady("fetched_files_total", 'result="failed"', "20x300"),
      steady("queue_oldest_seconds", 'controller="suborder"', "0x300"),
      steady("reconcile_duration_seconds_count", 'controller="suborder",outcome="requeueAfter"', "0+5x300"),
      steady("watch_age_seconds", 'pod="a",resource="jobs"', "20x300"),
      steady("outbox_oldest_seconds", "", "0x300"),
      steady("http_requests_total", 'code="200"', "0+60x300"),
    ];
    const names = (await alerts()).map(({ alert }) => alert as string);
    const silent = names.map((alertname) => ({ eval_time: "299m", alertname, exp_alerts: [] }));
    // As operator/queue.test.ts and store/totals.test.ts have it: a Job in the queue is a sub-order that runs.
    const counted = [
      { running: 5, waiting: 0, paused: 0 },
      { running: 5, waiting: 40, paused: 0 },
      { running: 0, waiting: 0, paused: 40 },
    ];
    const tests = counted.map((states) => ({
      interval: "1m",
      input_series: [
        ...beside,
        ...Object.entries(states).map(([state, n]) => steady("suborders", `state="${state}"`, `${n}x300`)),
      ],
      alert_rule_test: silent,
    }));
    await hold(tests);
  });

  test("each alert is critical or a warning, says what is the matter, and has its page, and each page its alert", async () => {
    const names: string[] = [];
    for (const { alert, labels, annotations } of await alerts()) {
      names.push(alert);
      expect(labels.severity).toMatch(/^(critical|warning)$/);
      expect([annotations.summary, annotations.description].every((text: string) => text.length > 10)).toBe(true);
      expect(annotations.runbook_url).toEndWith(`/docs/runbooks/${alert}.md`);
      expect(existsSync(join(RUNBOOKS, `${alert}.md`))).toBe(true);
    }
    const pages = readdirSync(RUNBOOKS).filter((file) => file !== "README.md");
    expect(pages.sort()).toEqual(names.map((name) => `${name}.md`).sort());
    const index = readFileSync(join(RUNBOOKS, "README.md"), "utf8");
    for (const name of names) expect(index).toContain(`(${name}.md)`);
  });

  test("rules, dashboard and pages speak only of metrics that there are", async () => {
    const known = await metricNames();
    const [map] = (await withMonitoring()).filter(({ metadata }) => metadata.name.endsWith("-dashboard"));
    const dashboard = JSON.parse(map.data["regards-order.json"]);
    const texts = [JSON.stringify(await rulesOf()), JSON.stringify(dashboard)];
    for (const file of readdirSync(RUNBOOKS)) texts.push(readFileSync(join(RUNBOOKS, file), "utf8"));
    const families = new Set([...known].map((name) => name.replace(/_(bucket|sum|count)$/, "")));
    const unknown = texts.flatMap(metricsIn).filter((name) => !known.has(name) && !families.has(name));
    expect(unknown).toEqual([]);
    expect(new Set(dashboard.panels.map(({ id }: Rendered) => id)).size).toBe(dashboard.panels.length);
  });

  test("every query of the dashboard is one that Prometheus takes", async () => {
    const dashboard = JSON.parse(readFileSync(join(CHARTS, "regards-order/files/dashboard.json"), "utf8"));
    const queries: string[] = dashboard.panels.flatMap(({ targets }: Rendered) =>
      targets.map(({ expr }: Rendered) => expr),
    );
    const rules = queries.map((expr, index) => ({
      record: `query:${index}`,
      expr: expr.replaceAll("$namespace", "x"),
    }));
    const folder = temporaryFolder("queries");
    const file = join(folder.path, "queries.yaml");
    await Bun.write(file, JSON.stringify({ groups: [{ name: "queries", rules }] }));
    expect((await run(["promtool", "check", "rules", "--lint=none", file])).code).toBe(0);
    folder.remove();
  });

  test("metrics are read from the health port of every role, not from the Service of users", async () => {
    const all = await withMonitoring();
    const service = all.find(({ kind, metadata }) => kind === "Service" && metadata.name.endsWith("-metrics"));
    expect(service.spec.ports).toEqual([{ name: "metrics", port: 9080, targetPort: "health" }]);
    for (const { spec } of all.filter(({ kind }) => kind === "Deployment")) {
      expect(spec.template.metadata.labels).toMatchObject(service.spec.selector);
    }
    const monitor = all.find(({ kind }) => kind === "ServiceMonitor");
    expect(service.metadata.labels).toMatchObject(monitor.spec.selector.matchLabels);
    const users = all.find(({ kind, metadata }) => kind === "Service" && metadata.name.endsWith("-api"));
    expect(users.spec.ports.map(({ targetPort }: Rendered) => targetPort)).toEqual(["http"]);
  });
});
