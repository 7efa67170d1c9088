/** The OpenAPI 3.1 document, made from the route table and its documentation: a route cannot exist without being in it. */
import { type TSchema, Type } from "@sinclair/typebox";
import type { Operation } from "../operations.ts";
import { DOCUMENTATION, type OperationDoc, type ResponseDoc } from "./documentation.ts";
import { exampleOf } from "./example.ts";
import { type Route, routeTable } from "./route-table.ts";
import { COMPONENTS, Problem, ProblemDetails } from "./schemas.ts";

type Json = Record<string, unknown>;

/** As many digits as are read. */
const WHOLE_NUMBER = { type: "integer", minimum: -999_999_999_999_999, maximum: 999_999_999_999_999, examples: [1] };
const SCHEMAS = Object.fromEntries(COMPONENTS.map((schema) => [schema.$id, plain(schema)]));

export function openapiDocument(o: {
  readonly prefix: string;
  readonly publicUrl: string;
  readonly version: string;
}): Json {
  const paths: Record<string, Json> = {};
  for (const route of routeTable(o.prefix).routes) {
    const path = route.path.replaceAll(/:(\w+)/g, "{$1}");
    paths[path] = { ...paths[path], [route.operation.method.toLowerCase()]: operationOf(route) };
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "regards-order",
      version: o.version,
      description: "Orders of data from an archive. Speaks the order contract of REGARDS (rs-order).",
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    servers: [{ url: o.publicUrl }],
    paths,
    components: {
      schemas: SCHEMAS,
      securitySchemes: {
        bearer: { type: "http", scheme: "bearer", bearerFormat: "JWT" },
        tokenParameter: { type: "apiKey", in: "query", name: "token" },
      },
    },
  };
}

function operationOf({ id, operation, path }: Route): Json {
  const doc: OperationDoc = DOCUMENTATION[id];
  return {
    operationId: id,
    summary: doc.summary,
    tags: [doc.tag],
    ...(doc.description !== undefined && { description: doc.description }),
    "x-role": operation.access,
    security: securityOf(operation),
    parameters: [
      ...[...path.matchAll(/:(\w+)/g)].map(([, name]) => pathParameter(name ?? "", doc.params)),
      ...parameters("query", doc.query),
      ...parameters("header", doc.headers),
    ],
    ...(doc.body && {
      requestBody: {
        required: !doc.bodyOptional,
        content: { [doc.bodyType ?? "application/json"]: exemplary(plain(doc.body)) },
      },
    }),
    responses: responsesOf(operation, doc),
  };
}

/** A route for the public is open to whoever names the tenant; a token names it too. */
function securityOf({ access }: Operation): readonly Json[] {
  if (access === "ANYONE") return [];
  const tokens = [{ bearer: [] }, { tokenParameter: [] }];
  return access === "PUBLIC" ? [...tokens, {}] : tokens;
}

function pathParameter(name: string, schemas: OperationDoc["params"] = {}): Json {
  const schema = schemas[name];
  return { name, in: "path", required: true, schema: schema ? plain(schema) : WHOLE_NUMBER };
}

function parameters(place: "query" | "header", described: OperationDoc["query"] = {}): readonly Json[] {
  return Object.entries(described).map(([name, said]) => {
    const { description, ...schema } = typeof said === "string" ? { description: said, type: "string" } : said;
    return { name, in: place, description, schema: plain(schema) };
  });
}

/** What the route says of itself, and what any route may answer: from the guard, the body reader, the router. */
function responsesOf(operation: Operation, doc: OperationDoc): Json {
  const common = commonResponses(operation, doc);
  const own = Object.fromEntries(
    Object.entries(doc.responses).map(([status, response]) => [status, responseOf(response)]),
  );
  const statuses = [...new Set([...Object.keys(own), ...Object.keys(common)])];
  return Object.fromEntries(
    statuses.map((status) => {
      const response = either(own[status], common[status]);
      return [status, Number(status) >= 400 ? withDetails(response) : response];
    }),
  );
}

function commonResponses(operation: Operation, doc: OperationDoc): Readonly<Record<string, Response>> {
  const refusal = (description: string) => responseOf({ description, schema: Type.Ref(Problem) });
  const guarded = operation.access !== "ANYONE";
  return {
    400: refusal("The request cannot be read: a body that is not JSON, a text that cannot be stored."),
    ...(guarded && {
      401: refusal("No token, or not a good one."),
      403: refusal("The caller's role is too low."),
      503: refusal("The token's issuer cannot be asked for its keys."),
    }),
    ...(/:\w/.test(operation.path) && { 422: refusal("A part of the path is not what it should be.") }),
    ...(doc.body && { 413: refusal("The body is too large."), 415: refusal("The body is of another kind.") }),
    ...(guarded && changes(operation) && { 515: refusal("The tenant is in maintenance.") }),
    500: refusal("A fault of the service, told in its log."),
  };
}

/** The schema with an example of what it describes. Of binary content there is none to show. */
function exemplary(schema: Json): { readonly schema: Json; readonly example: unknown } {
  return { schema, example: exampleOf(schema, SCHEMAS) };
}

type Content = Readonly<Record<string, { readonly schema?: Json; readonly example?: unknown }>>;
type Response = { readonly description: string; readonly content?: Content };

/** Two reasons for one status. Where one of them has no body, none is promised. */
function either(own: Response | undefined, common: Response | undefined): Response {
  if (!own || !common) return own ?? common ?? { description: "" };
  const description = `${own.description} ${common.description}`;
  if (!own.content || !common.content) return { description };
  const types = [...new Set([...Object.keys(own.content), ...Object.keys(common.content)])];
  const content = types.map((type) => {
    const [first, second] = [own.content?.[type], common.content?.[type]];
    if (!first?.schema || !second?.schema || Bun.deepEquals(first.schema, second.schema))
      return [type, first ?? second];
    return [type, { ...first, schema: { anyOf: [first.schema, second.schema] } }];
  });
  return { description, content: Object.fromEntries(content) };
}

/** Every refusal is told as problem details to whoever asks for them. */
function withDetails({ description, content }: Response): Response {
  if (!content) return { description: `${description} Empty, unless problem details are asked for.` };
  return {
    description,
    content: { ...content, "application/problem+json": exemplary(plain(Type.Ref(ProblemDetails))) },
  };
}

function changes({ method }: Operation): boolean {
  return method !== "GET" && method !== "HEAD";
}

function responseOf({ description, schema, mediaType, example }: ResponseDoc): Response {
  if (!schema && mediaType === undefined) return { description };
  const content = schema ? exemplary(plain(schema)) : { ...(example !== undefined && { example }) };
  const types = [mediaType ?? "application/json"].flat();
  return { description, content: Object.fromEntries(types.map((type) => [type, content])) };
}

/** The schema as plain JSON Schema, its references into the components. */
function plain(schema: TSchema | Json): Json {
  return JSON.parse(
    JSON.stringify(schema, (key, value: unknown) => {
      if (key === "$id" || key === "fault") return undefined;
      return key === "$ref" && typeof value === "string" ? `#/components/schemas/${value}` : value;
    }),
  );
}
