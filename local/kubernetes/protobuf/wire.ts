/** The protobuf wire format, as far as Kubernetes uses it: tags, varints, and length-delimited fields. */
export type WireField = { readonly number: number; readonly value: bigint | Uint8Array };

class Reader {
  readonly #bytes: Uint8Array;
  #at = 0;
  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }
  get done(): boolean {
    return this.#at >= this.#bytes.length;
  }
  varint(): bigint {
    let result = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.#bytes[this.#at++];
      if (byte === undefined) break;
      result |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asIntN(64, result);
    }
    throw new Error("Cannot read protobuf: a number does not end");
  }
  take(length: number): Uint8Array {
    const end = this.#at + length;
    if (length < 0 || end > this.#bytes.length)
      throw new Error("Cannot read protobuf: a field is longer than its message");
    const part = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return part;
  }
}

/** The fields of a message, in the order in which they stand there. */
export function wireFields(bytes: Uint8Array): readonly WireField[] {
  const reader = new Reader(bytes);
  const fields: WireField[] = [];
  while (!reader.done) {
    const tag = Number(reader.varint());
    fields.push({ number: tag >> 3, value: fieldValue(reader, tag & 7) });
  }
  return fields;
}

function fieldValue(reader: Reader, type: number): bigint | Uint8Array {
  switch (type) {
    case 0:
      return reader.varint();
    case 1:
      return reader.take(8);
    case 2:
      return reader.take(Number(reader.varint()));
    case 5:
      return reader.take(4);
    default:
      throw new Error(`Cannot read protobuf: wire type ${type} is not known`);
  }
}
