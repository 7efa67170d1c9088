/** The place in a trace that a caller names by the header of W3C Trace Context. Not judged here: what is none is none to whoever reads it. */
export function callersTrace({ headers }: Pick<Request, "headers">): { readonly traceparent?: string } {
  const traceparent = headers.get("traceparent");
  return traceparent === null ? {} : { traceparent };
}
