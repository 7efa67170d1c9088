/** Words of which the tenant chart's values are made. Each value has a default and a description: they become values.yaml, its schema and the README. */
import { type TObject, type TProperties, type TSchema, Type } from "@sinclair/typebox";

const DNS_NAME = "^([a-z0-9]([-a-z0-9.]*[a-z0-9])?)?$";
const QUANTITY = "^[0-9]+(\\.[0-9]+)?([numkMGTPE]|[KMGTPE]i)?$";

export function text(description: string, initial = "", pattern?: string): TSchema {
  return Type.String({ description, default: initial, ...(pattern ? { pattern } : {}) });
}

/** Name of an object of the cluster; empty: none. */
export function name(description: string, initial = ""): TSchema {
  return text(description, initial, DNS_NAME);
}

export function quantity(description: string, initial = ""): TSchema {
  return text(description, initial, initial === "" ? `^$|${QUANTITY}` : QUANTITY);
}

export function choice(description: string, words: readonly string[]): TSchema {
  return Type.String({ description, default: words[0], enum: [...words] });
}

export function flag(description: string, initial: boolean): TSchema {
  return Type.Boolean({ description, default: initial });
}

export function count(description: string, initial: number, o: { minimum?: number; maximum?: number } = {}): TSchema {
  return Type.Integer({ description, default: initial, minimum: 0, ...o });
}

/** Labels, annotations and the like. */
export function words(description: string, initial: Readonly<Record<string, string>> = {}): TSchema {
  return Type.Record(Type.String(), Type.String(), { description, default: initial });
}

/** What Kubernetes, not this chart, gives its form. */
export function passed(description: string, initial: Readonly<Record<string, unknown>> = {}): TSchema {
  return Type.Record(Type.String(), Type.Unknown(), { description, default: initial });
}

export function passedList(description: string, initial: readonly unknown[] = []): TSchema {
  return Type.Array(Type.Record(Type.String(), Type.Unknown()), { description, default: initial });
}

export function names(description: string, initial: readonly string[] = []): TSchema {
  return Type.Array(Type.String({ minLength: 1 }), { description, default: initial });
}

export function ports(description: string, initial: readonly number[]): TSchema {
  return Type.Array(Type.Integer({ minimum: 1, maximum: 65_535 }), { description, default: initial });
}

/** A key of a Secret that exists: secrets are never values. */
export function secretKey(description: string, key: string): TObject {
  return group(description, { existingSecret: name("Name of the Secret."), key: text("Key in it.", key) });
}

export function group(description: string, properties: TProperties): TObject {
  return Type.Object(properties, { description, additionalProperties: false });
}

export function resources(cpu: string, memory: string, limit: string): TObject {
  const amounts = (what: string, initial: Readonly<Record<string, string>>) =>
    Type.Record(Type.String(), Type.Union([Type.String(), Type.Number()]), { description: what, default: initial });
  return group("What each container asks for and may use.", {
    requests: amounts("Asked for.", { cpu, memory }),
    limits: amounts("At most.", { memory: limit }),
  });
}
