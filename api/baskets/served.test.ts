/** The basket over real connections: what is uploaded, what is answered before all of it has come, and that answers are as documented. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { createConnection } from "node:net";
import { FormatRegistry } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";
import { ADA, type ApiWorld, apiWorld, PREFIX } from "#test/support/api-world.ts";
import { addBasketProducts, datasetOf } from "#test/support/basket-products.ts";
import { type Served, serveApi } from "../http/serve.ts";
import { FileSelectionDescription, ProcessDatasetDescription } from "./options.ts";
import { Basket } from "./schemas.ts";

let world: ApiWorld;
let served: Served;
let authorization: string;
beforeAll(async () => {
  world = await apiWorld("api_baskets_served");
  await addBasketProducts(world.db, datasetOf("DS", { products: 4, bytes: 400 }), world.clock.now);
  served = await serveApi(world.app, { host: "127.0.0.1", port: 0 });
  authorization = `Bearer ${await world.token(ADA)}`;
  FormatRegistry.Set("email", () => true);
});
afterAll(async () => {
  FormatRegistry.Delete("email");
  await served.stop({ withinMs: 500 });
  await world.close();
});

const UPLOAD = `${PREFIX}/order/basket/selection/upload`;

test("B4: a file that a client sends is put in", async () => {
  const form = new FormData();
  form.append("file", new Blob(["DS-0\nDS-1\n"]), "ids.txt");
  const response = await fetch(served.url + UPLOAD, { method: "POST", headers: { authorization }, body: form });
  expect(response.status).toBe(200);
  expect(await response.json()).toMatchObject({ content: { quota: 2 } });
});

test("B4: an endless file is answered with 413 while it is sent", async () => {
  const { hostname, port } = new URL(served.url);
  const socket = createConnection(Number(port), hostname);
  socket.on("error", () => {});
  const answer = new Promise<string>((resolve) => {
    let received = "";
    socket.on("data", (data) => {
      received += data.toString();
      if (received.includes("\r\n\r\n")) resolve(received);
    });
  });
  socket.write(
    `POST ${UPLOAD} HTTP/1.1\r\nHost: localhost\r\nAuthorization: ${authorization}\r\nTransfer-Encoding: chunked\r\nContent-Type: multipart/form-data; boundary=b\r\n\r\n`,
  );
  const send = (text: string) => socket.write(`${text.length.toString(16)}\r\n${text}\r\n`);
  send('--b\r\nContent-Disposition: form-data; name="file"\r\n\r\n');
  const sending = setInterval(() => send("DS-0\n".repeat(500)), 5);
  const received = await answer;
  clearInterval(sending);
  socket.destroy();
  expect(received).toStartWith("HTTP/1.1 413 ");
});

test("B1–B8 answer as documented, and nothing beside", async () => {
  const headers = { authorization, "content-type": "application/json" };
  const call = async (method: string, path: string, body?: object) => {
    const init = { method, headers, ...(body && { body: JSON.stringify(body) }) };
    const response = await fetch(`${served.url}${PREFIX}/order/basket${path}`, init);
    expect(response.status).toBe(200);
    return ((await response.json()) as { content: { datasetSelections: { id: number }[] } }).content;
  };
  const request = {
    engineType: "legacy",
    datasetUrn: "URN:DATASET:DS",
    entityIdsToExclude: ["DS-3"],
    searchParameters: {},
  };
  await call("POST", "/selection", request);
  const [{ id } = { id: 0 }] = (await call("GET", "")).datasetSelections;
  const filter = { fileTypes: ["RAWDATA"], fileNamePattern: ".*" };
  const basket = await call("PUT", `/dataset/${id}/updateFileFilters`, filter);
  const references = [FileSelectionDescription, ProcessDatasetDescription];
  expect([...Value.Errors(Basket, references, basket)]).toEqual([]);
  expect(Value.Clean(Basket, references, structuredClone(basket))).toEqual(basket);
});
