/** A collector of traces as far as a sender sees one: OTLP over HTTP in JSON, what is not of that form refused as the protocol says. */
import { type Static, Type } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";
import type { KeyPair } from "./certificates.ts";

const Attribute = Type.Object({
  key: Type.String(),
  value: Type.Union([
    Type.Object({ stringValue: Type.String() }, { additionalProperties: false }),
    Type.Object({ intValue: Type.String({ pattern: "^-?[0-9]+$" }) }, { additionalProperties: false }),
    Type.Object({ doubleValue: Type.Number() }, { additionalProperties: false }),
    Type.Object({ boolValue: Type.Boolean() }, { additionalProperties: false }),
  ]),
});

const Span = Type.Object(
  {
    traceId: Type.String({ pattern: "^[0-9a-f]{32}$" }),
    spanId: Type.String({ pattern: "^[0-9a-f]{16}$" }),
    parentSpanId: Type.Optional(Type.String({ pattern: "^[0-9a-f]{16}$" })),
    name: Type.String({ minLength: 1 }),
    kind: Type.Integer({ minimum: 1, maximum: 5 }),
    startTimeUnixNano: Type.String({ pattern: "^[0-9]{19}$" }),
    endTimeUnixNano: Type.String({ pattern: "^[0-9]{19}$" }),
    attributes: Type.Array(Attribute),
    links: Type.Optional(
      Type.Array(
        Type.Object(
          {
            traceId: Type.String({ pattern: "^[0-9a-f]{32}$" }),
            spanId: Type.String({ pattern: "^[0-9a-f]{16}$" }),
          },
          { additionalProperties: false },
        ),
      ),
    ),
    status: Type.Object({ code: Type.Optional(Type.Integer()), message: Type.Optional(Type.String()) }),
  },
  { additionalProperties: false },
);

const ExportRequest = Type.Object({
  resourceSpans: Type.Array(
    Type.Object({
      resource: Type.Object({ attributes: Type.Array(Attribute) }),
      scopeSpans: Type.Array(
        Type.Object({ scope: Type.Object({ name: Type.String() }), spans: Type.Array(Span, { minItems: 1 }) }),
      ),
    }),
  ),
});

type ReceivedSpan = Static<typeof Span> & { readonly service: string };

/** With a certificate it listens as `https://localhost`. */
export function otlpReceiver(o: { readonly port?: number; readonly tls?: KeyPair } = {}) {
  const { port = 0, tls } = o;
  const spans: ReceivedSpan[] = [];
  const refused: string[] = [];
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port,
    ...(tls && { tls }),
    async fetch(request) {
      if (request.method !== "POST" || new URL(request.url).pathname !== "/v1/traces") {
        return new Response("not found", { status: 404 });
      }
      const body: unknown = await request.json();
      const [problem] = Value.Errors(ExportRequest, body);
      if (problem) {
        refused.push(`${problem.path}: ${problem.message}`);
        return new Response("bad", { status: 400 });
      }
      for (const { resource, scopeSpans } of (body as Static<typeof ExportRequest>).resourceSpans) {
        const name = resource.attributes.find(({ key }) => key === "service.name")?.value;
        const service = name && "stringValue" in name ? name.stringValue : "";
        for (const scope of scopeSpans) spans.push(...scope.spans.map((span) => ({ ...span, service })));
      }
      return Response.json({});
    },
  });
  const { port: listening = 0 } = server;
  const url = tls ? `https://localhost:${listening}` : `http://127.0.0.1:${listening}`;
  return { url, port: listening, spans, refused, stop: () => server.stop(true) };
}
