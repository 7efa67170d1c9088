/** A client of the delivery exchange: asks for deliveries and hears the answers, as an application of REGARDS would. */
import type { ConsumeMessage, Options } from "amqplib";
import { EXCHANGE, HEADER } from "#api/amqp/names.ts";
import { declareTopology, topology } from "#api/amqp/topology.ts";
import { eventually, LIMIT } from "./eventually.ts";
import type { TestBroker } from "./rabbitmq.ts";

export type DeliveryAnswer = {
  readonly correlationId: string;
  readonly status: "GRANTED" | "DENIED" | "DONE" | "ERROR";
  readonly orderId?: number;
  readonly url?: string;
  readonly md5?: string;
  readonly sha256?: string;
  readonly size?: number;
  readonly errorType?: string;
  readonly errorCode?: string;
  readonly message?: string;
};

export type DeliveryClient = Awaited<ReturnType<typeof deliveryClient>>;

export async function deliveryClient(broker: Pick<TestBroker, "connect">, tenant: string) {
  const connection = await broker.connect();
  await declareTopology(connection, topology(tenant, { deliveries: true }));
  const channel = await connection.createConfirmChannel();
  const heard: { answer: DeliveryAnswer; raw: ConsumeMessage }[] = [];
  const { queue } = await channel.assertQueue("", { exclusive: true });
  await channel.bindQueue(queue, EXCHANGE.deliveryResponse, "");
  await channel.consume(
    queue,
    (raw) => {
      if (raw) heard.push({ answer: JSON.parse(raw.content.toString()), raw });
    },
    { noAck: true },
  );
  return {
    connection,
    channel,
    heard,
    ask: async (body: object, options: Options.Publish = {}) => {
      const content = Buffer.from(JSON.stringify(body));
      channel.publish(EXCHANGE.deliveryRequest, "", content, {
        persistent: true,
        headers: { [HEADER.tenant]: tenant },
        ...options,
      });
      await channel.waitForConfirms();
    },
    /** The answers with this correlation id, once there are `count`. */
    answers: async (correlationId: string, count: number): Promise<readonly DeliveryAnswer[]> => {
      const matching = () => heard.filter(({ answer }) => answer.correlationId === correlationId);
      await eventually(`${count} answers to '${correlationId}'`, () => matching().length >= count, LIMIT.slow);
      return matching().map(({ answer }) => answer);
    },
  };
}
