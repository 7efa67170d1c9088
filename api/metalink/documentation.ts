/** What is said of the documents of links in the OpenAPI document. */
import { Type } from "@sinclair/typebox";
import type { OperationDoc } from "../http/documentation.ts";
import { Problem } from "../http/schemas.ts";
import { FORMAT_NAMES } from "./choose.ts";

const DOCUMENT: Omit<OperationDoc, "summary"> = {
  tag: "download",
  description:
    "Each file that is there or may still arrive, by an address that needs no login and ends with the order, with its hash where it is known. Metalink 3 unless another format is asked for; `manifest` is a bag's manifest-sha256.txt (RFC 8493), `aria2` an input file of aria2, both with the files that are there.",
  query: {
    format: Type.Unsafe<string>({ type: "string", enum: FORMAT_NAMES, description: "Metalink 3 unless told." }),
  },
  headers: { accept: "`application/metalink4+xml` for Metalink 4 (RFC 5854)." },
  responses: {
    200: {
      description: "The document, as an attachment.",
      mediaType: ["application/metalink+xml", "application/metalink4+xml", "text/plain"],
    },
    403: { description: "Not the caller's order." },
    404: { description: "No such order, or nothing to link to: PENDING, FAILED, EXPIRED, DELETED, or no file yet." },
    422: { description: "No such format, or no number.", schema: Type.Ref(Problem) },
  },
};

export const METALINK_DOCUMENTATION: Readonly<Record<"orderMetalink" | "publicMetalink", OperationDoc>> = {
  orderMetalink: { summary: "The order's files as a metalink", ...DOCUMENT },
  publicMetalink: {
    summary: "The order's files as a metalink, by the order's token",
    ...DOCUMENT,
    query: { orderToken: "The token of the order.", scope: "The tenant.", ...DOCUMENT.query },
  },
};
