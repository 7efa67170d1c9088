/** Well-known text → shapes. Z and M values are left out; an SRID other than 4326 is refused, for nothing here projects. */
import { closedRing, GeometryError, linePath, type Position, position, type Shape, SUPPORTED } from "./shape.ts";

type Reader = { readonly tokens: readonly string[]; at: number };

const TOKEN = /[A-Za-z]+|[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|[(),]/y;

export function shapesOfWkt(text: string): readonly Shape[] {
  const srid = /^\s*SRID\s*=\s*(\d+)\s*;/i.exec(text);
  if (srid && srid[1] !== "4326") throw new GeometryError(`expected SRID 4326, got ${srid[1]}`);
  const reader: Reader = { tokens: tokenize(text, srid?.[0].length ?? 0), at: 0 };
  const shapes = readShapes(reader);
  if (reader.at < reader.tokens.length) throw expected(reader, "the end");
  return shapes;
}

function tokenize(text: string, start: number): string[] {
  const tokens: string[] = [];
  let at = start;
  for (;;) {
    while (/\s/.test(text.charAt(at))) at++;
    if (at >= text.length) return tokens;
    TOKEN.lastIndex = at;
    const found = TOKEN.exec(text);
    if (!found) throw new GeometryError(`expected a word, a number or a bracket at column ${at + 1}`);
    tokens.push(found[0]);
    at = TOKEN.lastIndex;
  }
}

function readShapes(reader: Reader): readonly Shape[] {
  const type = (reader.tokens[reader.at++] ?? "").toUpperCase().replace(/(?<=[A-Z]{4})(ZM|Z|M)$/, "");
  if (/^(ZM|Z|M)$/i.test(peek(reader))) reader.at++;
  if (/^EMPTY$/i.test(peek(reader))) throw new GeometryError("expected a geometry that is not empty");
  switch (type) {
    case "POINT":
      return readList(reader, readPosition).map((at) => ({ kind: "point", at }));
    case "MULTIPOINT":
      return readList(reader, readMember).map((at) => ({ kind: "point", at }));
    case "LINESTRING":
      return [readLine(reader)];
    case "MULTILINESTRING":
      return readList(reader, readLine);
    case "POLYGON":
      return [readPolygon(reader)];
    case "MULTIPOLYGON":
      return readList(reader, readPolygon);
    default:
      throw new GeometryError(`expected one of ${SUPPORTED}, got '${type.slice(0, 64)}'`);
  }
}

function readLine(reader: Reader): Shape {
  return { kind: "line", path: linePath(readList(reader, readPosition)) };
}

function readPolygon(reader: Reader): Shape {
  const [outer, ...holes] = readList(reader, (inner) => closedRing(readList(inner, readPosition)));
  if (!outer) throw expected(reader, "a ring");
  return { kind: "polygon", outer, holes };
}

/** A point of a MULTIPOINT, with or without brackets of its own. */
function readMember(reader: Reader): Position {
  if (peek(reader) !== "(") return readPosition(reader);
  const [at, ...others] = readList(reader, readPosition);
  if (!at || others.length > 0) throw expected(reader, "one position");
  return at;
}

function readList<T>(reader: Reader, readItem: (reader: Reader) => T): T[] {
  take(reader, "(");
  const items = [readItem(reader)];
  while (peek(reader) === ",") {
    reader.at++;
    items.push(readItem(reader));
  }
  take(reader, ")");
  return items;
}

function readPosition(reader: Reader): Position {
  const numbers: number[] = [];
  while (/^[-+.\d]/.test(peek(reader))) {
    numbers.push(Number(peek(reader)));
    reader.at++;
  }
  if (numbers.length < 2 || numbers.length > 4) throw expected(reader, "2 to 4 numbers");
  return position(numbers[0], numbers[1]);
}

function take(reader: Reader, token: string): void {
  if (peek(reader) !== token) throw expected(reader, `'${token}'`);
  reader.at++;
}

function peek(reader: Reader): string {
  return reader.tokens[reader.at] ?? "";
}

function expected(reader: Reader, what: string): GeometryError {
  const found = peek(reader);
  return new GeometryError(`expected ${what}, found ${found === "" ? "the end" : `'${found.slice(0, 32)}'`}`);
}
