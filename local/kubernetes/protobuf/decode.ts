import { unsupportedMediaType } from "../status.ts";
export function decodeProtobuf(_bytes: Uint8Array): unknown {
  throw unsupportedMediaType(["application/json", "application/yaml"]);
}
