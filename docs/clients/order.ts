/**
 * Orders products over AMQP and waits for the end of the order. Prints each answer as a line of JSON.
 * Exit code 0: the order is done; 1: it was refused or failed; 2: nobody took the request, or the connection was lost.
 *
 *   bun order.ts amqp://user:password@broker/regards.multitenant.manager alice@example.org 'platform:"landsat-8"'
 */
import { connect } from "amqplib";

const REQUESTS = "regards.broadcast.fr.cnes.regards.modules.order.amqp.input.OrderRequestDtoEvent";
const FINAL: Readonly<Record<string, number>> = { DONE: 0, DENIED: 1, FAILED: 1 };

const [url, user, query, tenant = "default"] = process.argv.slice(2);
if (!url || !user || !query) throw new Error("Usage: order.ts URL USER QUERY [TENANT]");

const connection = await connect(url);
const ended = Promise.withResolvers<number>();
connection.on("error", () => ended.resolve(2));
connection.on("close", () => ended.resolve(2));
const channel = await connection.createConfirmChannel();
// No such exchange, or no queue behind it: no order service is there.
channel.on("error", () => ended.resolve(2));
channel.on("return", () => ended.resolve(2));
// A queue of our own: nobody has to make one for us, and nobody else's answers come here.
const { queue } = await channel.assertQueue("", { exclusive: true });

// The correlation id names the order: if we are not sure that a request arrived, the same request under the same id is safe.
const correlationId = crypto.randomUUID();
const seen = new Set<unknown>();
await channel.consume(queue, (message) => {
  if (!message) return ended.resolve(2);
  // Answers come at least once: a repeat has the same message id.
  const isRepeat = seen.has(message.properties.messageId);
  seen.add(message.properties.messageId);
  channel.ack(message);
  const answer = JSON.parse(message.content.toString());
  if (isRepeat || answer.correlationId !== correlationId) return;
  process.stdout.write(`${JSON.stringify(answer)}\n`);
  const code = FINAL[answer.status];
  if (code !== undefined) ended.resolve(code);
});

const request = { correlationId, user, queries: [query], filters: { dataTypes: ["RAWDATA"] } };
channel.publish(REQUESTS, "", Buffer.from(JSON.stringify(request)), {
  headers: { "regards.tenant": tenant },
  contentType: "application/json",
  contentEncoding: "UTF-8",
  persistent: true,
  mandatory: true,
  messageId: correlationId,
  replyTo: queue,
});

const code = await ended.promise;
await connection.close().catch(() => {});
process.exit(code);
