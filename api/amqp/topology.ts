/**
 * What must exist on the broker, and its declaration. Declaring is safe to repeat and never changes what is there: where the broker has it
 * otherwise, it refuses, and that becomes an error which names the object and the property. Who may configure nothing joins what is there.
 */
import type { Channel, ChannelModel } from "amqplib";
import { DEFAULT_VHOST, deadLetterQueue, EXCHANGE, queueNames } from "./names.ts";

export type Declaration =
  | { readonly kind: "exchange"; readonly name: string; readonly type: "fanout" | "topic" }
  | { readonly kind: "queue"; readonly name: string; readonly arguments: Readonly<Record<string, string | number>> }
  | { readonly kind: "binding"; readonly queue: string; readonly exchange: string; readonly key: string };

/** The broker has something of this name that is not what we need, or lets nobody make it. */
export class TopologyError extends Error {
  /** `queue 'NAME'` or `exchange 'NAME'`. */
  readonly object: string;
  readonly property: string | undefined;

  constructor(object: string, message: string, property?: string) {
    super(message);
    this.name = "TopologyError";
    this.object = object;
    this.property = property;
  }
}

const MAX_PRIORITY = 255;

/** Everything that a tenant's listener needs, in the order of declaring it; `deliveries`: also what those need. */
export function topology(tenant: string, o: { readonly deliveries?: boolean } = {}): readonly Declaration[] {
  const queues = queueNames(tenant);
  return [
    { kind: "exchange", name: EXCHANGE.request, type: "fanout" },
    { kind: "exchange", name: EXCHANGE.cancel, type: "fanout" },
    { kind: "exchange", name: EXCHANGE.response, type: "fanout" },
    { kind: "exchange", name: EXCHANGE.deadLetters, type: "topic" },
    ...inbox(queues.request, EXCHANGE.request),
    ...inbox(queues.cancel, EXCHANGE.cancel),
    ...(o.deliveries ? deliveryTopology(queues.delivery) : []),
  ];
}

function deliveryTopology(queue: string): readonly Declaration[] {
  return [
    { kind: "exchange", name: EXCHANGE.deliveryRequest, type: "fanout" },
    { kind: "exchange", name: EXCHANGE.deliveryResponse, type: "fanout" },
    ...inbox(queue, EXCHANGE.deliveryRequest),
  ];
}

function inbox(queue: string, exchange: string): readonly Declaration[] {
  const aside = deadLetterQueue(queue);
  return [
    { kind: "queue", name: aside, arguments: {} },
    { kind: "binding", queue: aside, exchange: EXCHANGE.deadLetters, key: aside },
    {
      kind: "queue",
      name: queue,
      arguments: {
        "x-max-priority": MAX_PRIORITY,
        "x-dead-letter-exchange": EXCHANGE.deadLetters,
        "x-dead-letter-routing-key": aside,
      },
    },
    { kind: "binding", queue, exchange, key: "" },
  ];
}

/** Declares everything; throws TopologyError where the broker has it otherwise. */
export async function declareTopology(connection: ChannelModel, declarations: readonly Declaration[]): Promise<void> {
  for (const declaration of declarations) await declare(connection, declaration);
}

async function declare(connection: ChannelModel, declaration: Declaration): Promise<void> {
  const error = await onChannel(connection, (channel) => assert(channel, declaration));
  if (error === undefined) return;
  const code = codeOf(error);
  if (code === PRECONDITION_FAILED) throw clash(declaration, error.message);
  if (code !== ACCESS_REFUSED) throw error;
  const missing = await onChannel(connection, (channel) => look(channel, declaration));
  if (missing === undefined) return;
  throw new TopologyError(
    nameOf(declaration),
    `Cannot declare ${nameOf(declaration)}: it does not exist and the user may not configure it`,
  );
}

const ACCESS_REFUSED = 403;
const PRECONDITION_FAILED = 406;

function codeOf(error: unknown): unknown {
  return (error as { code?: unknown } | null)?.code;
}

async function assert(channel: Channel, declaration: Declaration): Promise<unknown> {
  switch (declaration.kind) {
    case "exchange":
      return await channel.assertExchange(declaration.name, declaration.type, { durable: true });
    case "queue":
      return await channel.assertQueue(declaration.name, { durable: true, arguments: { ...declaration.arguments } });
    case "binding":
      return await channel.bindQueue(declaration.queue, declaration.exchange, declaration.key);
    default:
      return declaration satisfies never;
  }
}

/** Whether it is there, without the right to make it. A binding cannot be looked at: who may not configure is trusted to have it. */
async function look(channel: Channel, declaration: Declaration): Promise<unknown> {
  if (declaration.kind === "exchange") return await channel.checkExchange(declaration.name);
  if (declaration.kind === "queue") return await channel.checkQueue(declaration.name);
  return undefined;
}

/** A refusal closes the channel, so each step has its own. Answers the refusal. */
async function onChannel(
  connection: ChannelModel,
  act: (channel: Channel) => Promise<unknown>,
): Promise<Error | undefined> {
  const channel = await connection.createChannel();
  channel.on("error", () => {});
  try {
    await act(channel);
  } catch (error) {
    if (codeOf(error) === undefined) throw error;
    return error as Error;
  }
  await channel.close();
  return undefined;
}

function nameOf(declaration: Declaration): string {
  return declaration.kind === "binding" ? `queue '${declaration.queue}'` : `${declaration.kind} '${declaration.name}'`;
}

/** The broker's words begin with `inequivalent arg 'x-max-priority' for queue`; the values it names after that are cut off for names as long as ours. */
function clash(declaration: Declaration, message: string): TopologyError {
  const object = nameOf(declaration);
  const property = /inequivalent arg '([^']+)'/.exec(message)?.[1];
  if (property === undefined) return new TopologyError(object, `Cannot join ${object}: ${message}`);
  return new TopologyError(object, `Cannot join ${object}: its property '${property}' differs`, property);
}

/** The broker's address with the contract's virtual host where it names none. */
export function brokerUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol !== "amqp:" && url?.protocol !== "amqps:") {
    throw new Error(`Cannot use the broker's address: an amqp or amqps URL is needed, got '${text.split("@").at(-1)}'`);
  }
  if (url.pathname === "" || url.pathname === "/") url.pathname = `/${DEFAULT_VHOST}`;
  return url.href;
}
