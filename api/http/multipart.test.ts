import { expect, test } from "bun:test";
import fc from "fast-check";
import { formPart } from "./multipart.ts";
import { HttpProblem } from "./problem.ts";

function request(body: Uint8Array, o: { cuts: readonly number[]; type?: string }): Request {
  const cuts = [...new Set([0, ...o.cuts.map((cut) => Math.floor(cut * body.length)), body.length])].sort(
    (a, b) => a - b,
  );
  const pieces = cuts.slice(1).map((end, i) => body.subarray(cuts[i], end));
  const stream = new ReadableStream<Uint8Array>({
    start(controller) {
      for (const piece of pieces) controller.enqueue(piece);
      controller.close();
    },
  });
  const headers = { "content-type": o.type ?? "multipart/form-data; boundary=edge" };
  return new Request("http://localhost/", { method: "POST", headers, body: stream, duplex: "half" } as RequestInit);
}

async function read(from: Request, maxBytes = 1e6): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of formPart(from, "file", { maxBytes })) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks).toString("latin1");
}

test("formPart() gives the part as it was sent, however it is cut on the way and whatever is in it", async () => {
  const content = fc
    .array(fc.constantFrom("\r", "\n", "-", "--edg", "\r\n--edg", "e", "id", "\r\n--", " "), { maxLength: 30 })
    .map((pieces) => pieces.join(""))
    .filter((text) => !`\r\n${text}\r\n`.includes("\r\n--edge"));
  const form = fc.record({
    content,
    before: fc.constantFrom("", "other", "FILE"),
    preamble: fc.constantFrom("", "hello\r\n"),
    cuts: fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 6 }),
  });
  await fc.assert(
    fc.asyncProperty(form, async ({ content: sent, before, preamble, cuts }) => {
      const other = before && `--edge\r\nContent-Disposition: form-data; name="${before}"\r\n\r\nno\r\n`;
      const body = `${preamble}${other}--edge\r\ncontent-disposition: form-data; filename="a b"; name=file\r\nX: y\r\n\r\n${sent}\r\n--edge--\r\n`;
      expect(await read(request(Buffer.from(body, "latin1"), { cuts }))).toBe(sent);
    }),
  );
});

test("formPart() reads what the platform's own FormData writes", async () => {
  const form = new FormData();
  form.append("a", "b");
  form.append("file", new Blob(["line\r\nline"]), 'a "quoted" name');
  const { headers, body } = new Response(form);
  const bytes = new Uint8Array(await new Response(body).arrayBuffer());
  expect(await read(request(bytes, { cuts: [0.3], type: headers.get("content-type") ?? "" }))).toBe("line\r\nline");
});

const part = '--edge\r\nContent-Disposition: form-data; name="file"\r\n\r\ncontent';
const other = part.replace('"file"', '"other"');
const refused: Record<string, readonly [body: string, status: number, type?: string]> = {
  "another kind of body": ["{}", 415, "application/json"],
  "a form without a boundary": ["", 415, "multipart/form-data"],
  "an empty body": ["", 400],
  "a form without the part": [`${other}\r\n--edge--\r\n`, 400],
  "a form that ends in the middle": [part, 400],
  "endless headers": [`--edge\r\n${"x".repeat(20_000)}`, 400],
  "more than is allowed": [`${part.padEnd(2_000_000, "x")}\r\n--edge--\r\n`, 413],
};
for (const [name, [body, status, type]] of Object.entries(refused)) {
  test(`formPart() refuses ${name} with ${status}`, async () => {
    const from = request(Buffer.from(body), { cuts: [0.5], ...(type !== undefined && { type }) });
    const error = await read(from).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(HttpProblem);
    expect((error as HttpProblem).status).toBe(status);
  });
}

for (const [name, end] of Object.entries({ "a line's end": "\r\n", nothing: "", "an epilogue": "\r\nbye\r\n\r\n" })) {
  test(`formPart() names the part that is missing when the form ends with ${name}`, async () => {
    const error = await read(request(Buffer.from(`${other}\r\n--edge--${end}`), { cuts: [0.97] })).catch(
      (thrown) => thrown,
    );
    expect((error as HttpProblem).messages).toEqual(["Cannot read the form: expected a part named 'file'"]);
  });
}
