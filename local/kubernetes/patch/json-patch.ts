/** JSON Patch (RFC 6902) on values that never change: each operation gives a new document. */
import { isFields, sameJson } from "../object.ts";
import { ApiError, badRequest } from "../status.ts";

const MAX_OPERATIONS = 10_000;

type Operation = {
  readonly op: string;
  readonly path: readonly string[];
  readonly from: readonly string[];
  readonly value: unknown;
};

/** The patch cannot be applied to this object, well-formed as it may be. */
function failed(why: string): ApiError {
  return new ApiError(422, "Invalid", `the server rejected our request due to an error in our request: ${why}`, {});
}

function pointer(text: unknown): readonly string[] {
  if (text === "") return [];
  if (typeof text !== "string" || !text.startsWith("/"))
    throw badRequest(`invalid JSON pointer: ${JSON.stringify(text)}`);
  return text
    .slice(1)
    .split("/")
    .map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"));
}

function parse(raw: unknown): Operation {
  if (!isFields(raw) || typeof raw["op"] !== "string")
    throw badRequest("json patch: each operation must be an object with 'op'");
  const needsFrom = raw["op"] === "move" || raw["op"] === "copy";
  return {
    op: raw["op"],
    path: pointer(raw["path"]),
    from: needsFrom ? pointer(raw["from"]) : [],
    value: raw["value"],
  };
}

function index(part: string, length: number): number {
  if (!/^(0|[1-9]\d*)$/.test(part) || Number(part) > length) throw failed(`invalid array index: ${part}`);
  return Number(part);
}

function read(document: unknown, path: readonly string[]): unknown {
  let here = document;
  for (const part of path) {
    if (Array.isArray(here)) here = here[index(part, here.length - 1)];
    else if (isFields(here) && Object.hasOwn(here, part)) here = here[part];
    else throw failed(`path not found: /${path.join("/")}`);
  }
  return here;
}

/** The document with `edit` done to the container of the last part of the path. */
function editAt(
  document: unknown,
  path: readonly string[],
  edit: (container: unknown, part: string) => unknown,
): unknown {
  const [part, ...rest] = path;
  if (part === undefined) throw failed("the root cannot be edited");
  if (rest.length === 0) return edit(document, part);
  const inner = editAt(read(document, [part]), rest, edit);
  if (Array.isArray(document)) return document.with(index(part, document.length - 1), inner);
  return isFields(document) ? { ...document, [part]: inner } : document;
}

function add(document: unknown, path: readonly string[], value: unknown): unknown {
  if (path.length === 0) return value;
  return editAt(document, path, (container, part) => {
    if (Array.isArray(container)) {
      return container.toSpliced(part === "-" ? container.length : index(part, container.length), 0, value);
    }
    if (!isFields(container)) throw failed(`cannot add to a scalar at /${path.join("/")}`);
    return { ...container, [part]: value };
  });
}

function remove(document: unknown, path: readonly string[]): unknown {
  read(document, path);
  return editAt(document, path, (container, part) => {
    if (Array.isArray(container)) return container.toSpliced(index(part, container.length - 1), 1);
    const { [part]: _, ...rest } = isFields(container) ? container : {};
    return rest;
  });
}

function replace(document: unknown, path: readonly string[], value: unknown): unknown {
  if (path.length === 0) return value;
  read(document, path);
  return editAt(document, path, (container, part) =>
    Array.isArray(container)
      ? container.with(index(part, container.length - 1), value)
      : { ...(isFields(container) ? container : {}), [part]: value },
  );
}

function apply(document: unknown, operation: Operation): unknown {
  const { op, path, from, value } = operation;
  switch (op) {
    case "add":
      return add(document, path, value);
    case "remove":
      return remove(document, path);
    case "replace":
      return replace(document, path, value);
    case "move":
      return add(remove(document, from), path, read(document, from));
    case "copy":
      return add(document, path, structuredClone(read(document, from)));
    case "test":
      if (!sameJson(read(document, path), value)) throw failed(`testing value /${path.join("/")} failed`);
      return document;
    default:
      throw badRequest(`json patch: unknown operation ${JSON.stringify(op)}`);
  }
}

export function jsonPatch(document: unknown, patch: unknown): unknown {
  if (!Array.isArray(patch)) throw badRequest("json patch: the body must be a list of operations");
  if (patch.length > MAX_OPERATIONS) {
    throw badRequest(`The allowed maximum operations in a JSON patch is ${MAX_OPERATIONS}, got ${patch.length}`);
  }
  return patch.map(parse).reduce(apply, document);
}
