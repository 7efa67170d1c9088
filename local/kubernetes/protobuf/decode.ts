/**
 * Reads the protobuf bodies that kubectl's typed commands send: kubectl 1.32 sends nothing else for them and does not fall back to JSON.
 * The body is `k8s\0`, then runtime.Unknown {typeMeta, raw}; `raw` is the object's own message.
 */
import { badRequest, unsupportedMediaType } from "../status.ts";
import { type FieldType, MESSAGES, type Message } from "./messages.ts";
import { type WireField, wireFields } from "./wire.ts";

const MAGIC = Buffer.from("k8s\0");
const TYPE_META: Message = { 1: ["apiVersion", "string"], 2: ["kind", "string"] };

/** The object as JSON; 415 for kinds whose messages are not known here. */
export function decodeProtobuf(bytes: Uint8Array): unknown {
  try {
    return envelope(Buffer.from(bytes));
  } catch (error) {
    if (error instanceof Error && error.message.startsWith("Cannot read protobuf")) throw badRequest(error.message);
    throw error;
  }
}

function envelope(bytes: Buffer): unknown {
  if (!bytes.subarray(0, MAGIC.length).equals(MAGIC)) throw badRequest("the body is not a Kubernetes protobuf message");
  const fields = wireFields(bytes.subarray(MAGIC.length));
  const meta = message(bytesOf(fields.find((field) => field.number === 1)), TYPE_META);
  const known = MESSAGES[`${meta["apiVersion"]}/${meta["kind"]}`];
  if (!known) throw unsupportedMediaType(["application/json", "application/yaml"]);
  return { ...meta, ...message(bytesOf(fields.find((field) => field.number === 2)), known) };
}

function bytesOf(field: WireField | undefined): Uint8Array {
  return field?.value instanceof Uint8Array ? field.value : new Uint8Array();
}

function message(bytes: Uint8Array, type: Message): Record<string, unknown> {
  const result: Record<string, unknown> = {};
  for (const field of wireFields(bytes)) {
    const known = type[field.number];
    if (!known) continue;
    const [name, kind] = known;
    const value = decoded(field, kind, result[name]);
    // Go writes empty strings for what is not set.
    if (value !== "") result[name] = value;
  }
  return result;
}

function text(field: WireField): string {
  return new TextDecoder().decode(bytesOf(field));
}

function decoded(field: WireField, type: FieldType, before: unknown): unknown {
  const list = Array.isArray(before) ? before : [];
  const map = typeof before === "object" && before !== null ? before : {};
  switch (type) {
    case "string":
      return text(field);
    case "int":
      return Number(field.value);
    case "bool":
      return field.value === 1n;
    case "strings":
      return [...list, text(field)];
    case "stringMap":
      return { ...map, ...entry(field, text) };
    case "bytesMap":
      return { ...map, ...entry(field, (value) => Buffer.from(bytesOf(value)).toString("base64")) };
    default:
      return isList(type) ? [...list, message(bytesOf(field), type[0])] : message(bytesOf(field), type);
  }
}

function isList(type: Message | readonly [Message]): type is readonly [Message] {
  return Array.isArray(type);
}

function entry(field: WireField, read: (value: WireField) => string): Record<string, string> {
  const parts = wireFields(bytesOf(field));
  const key = parts.find((part) => part.number === 1);
  const value = parts.find((part) => part.number === 2);
  return { [key ? text(key) : ""]: value ? read(value) : "" };
}
