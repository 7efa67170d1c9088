/** Messages that nobody can be answered for (rs-order.md §4.8): put aside with the reason, counted, listed, put back or dropped. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { Options } from "amqplib";
import { dropDeadLetters, listDeadLetters, requeueDeadLetters } from "#api/amqp/dead-letters.ts";
import { deadLetterQueue, EXCHANGE, HEADER, queueNames } from "#api/amqp/names.ts";
import { type AmqpWorld, amqpWorld, type Client, orderRequest, TENANT } from "../support/amqp-world.ts";
import { eventually } from "../support/eventually.ts";
import { runProgram } from "../support/program.ts";

const world = (await amqpWorld("amqp_poison")) as AmqpWorld;

describe.skipIf(!world)("poison on the request queue", () => {
  let client: Client;
  let listener: Awaited<ReturnType<AmqpWorld["listen"]>>;
  const queue = queueNames(TENANT).request;
  const aside = deadLetterQueue(queue);

  beforeAll(async () => {
    listener = await world.listen();
    client = await world.client();
  });
  afterAll(() => world.close());

  const poisons: Record<string, { content: Buffer; options?: Options.Publish; wantReason: string }> = {
    "without tenant header": {
      content: Buffer.from(JSON.stringify(orderRequest())),
      options: { headers: {} },
      wantReason: "Tenant cannot be found in header or message wrapper",
    },
    "that is not JSON": { content: Buffer.from("{not json"), wantReason: "Conversion failure : " },
    "that is not UTF-8": { content: Buffer.from([0x22, 0xff, 0x22]), wantReason: "Conversion failure : " },
    "that is no object": { content: Buffer.from("[1, 2]"), wantReason: "Conversion failure : expected a JSON object" },
    "without correlation id": {
      content: Buffer.from(JSON.stringify({ user: "ada@example.org", queries: ["a"] })),
      wantReason: "Invalid message : correlationId is mandatory!",
    },
    "with a number as correlation id": {
      content: Buffer.from(JSON.stringify({ correlationId: 12, queries: ["a"] })),
      wantReason: "Invalid message : correlationId is mandatory!",
    },
    "that PostgreSQL cannot store": {
      content: Buffer.from(JSON.stringify(orderRequest({ correlationId: "nul \u0000 inside" }))),
      wantReason: "Invalid message : correlationId: expected Unicode text without the character U+0000",
    },
    "of 10 MB": {
      content: Buffer.from(JSON.stringify(orderRequest({ padding: "x".repeat(10_000_000) }))),
      wantReason: "Invalid message : 100",
    },
  };
  for (const [name, { content, options, wantReason }] of Object.entries(poisons)) {
    test(`a message ${name} is put aside whole, with the reason, and the next one is answered`, async () => {
      await client.channel.purgeQueue(aside);
      const { poison } = listener.amqp.health().handled;
      const good = orderRequest();
      await client.send(content, { correlationId: "mine", ...options });
      await client.send(good);
      expect((await client.answers(good.correlationId))[0]?.status).toBe("GRANTED");
      await eventually("it is put aside", () => listener.amqp.health().handled.poison === poison + 1);
      const message = await client.channel.get(aside, { noAck: true });
      if (message === false) throw new Error("Nothing was put aside");
      expect(message.content.equals(content)).toBe(true);
      expect(message.properties.headers?.[HEADER.reason]).toStartWith(wantReason);
      expect(message.properties.headers?.[HEADER.from]).toBe(queue);
      expect(message.properties).toMatchObject({ correlationId: "mine", deliveryMode: 2 });
      expect((await client.channel.checkQueue(queue)).messageCount).toBe(0);
    });
  }

  test("requeueDeadLetters() puts a message back as it was, dropDeadLetters() removes it, listDeadLetters() leaves all", async () => {
    await client.channel.purgeQueue(aside);
    const late = orderRequest({ user: "ada@example.org" });
    // A message that somebody put aside by hand: good in itself.
    client.channel.publish(EXCHANGE.deadLetters, aside, Buffer.from(JSON.stringify(late)), {
      headers: { [HEADER.tenant]: TENANT, [HEADER.reason]: "by hand", mine: "kept" },
    });
    client.channel.publish(EXCHANGE.deadLetters, aside, Buffer.from("junk"), { headers: { [HEADER.reason]: "junk" } });
    await client.channel.waitForConfirms();
    const listed = await listDeadLetters(client.connection, queue, 10);
    expect(listed.map(({ reason, content }) => [reason, content.slice(0, 4)])).toEqual([
      ["by hand", '{"co'],
      ["junk", "junk"],
    ]);
    expect(await listDeadLetters(client.connection, queue, 10)).toEqual(listed);
    expect(await requeueDeadLetters(client.connection, queue, [listed[0]?.id ?? ""])).toBe(1);
    expect((await client.answers(late.correlationId))[0]?.status).toBe("GRANTED");
    expect(await dropDeadLetters(client.connection, queue, ["unknown"])).toBe(0);
    expect(await dropDeadLetters(client.connection, queue, "all")).toBe(1);
    expect(await listDeadLetters(client.connection, queue, 10)).toEqual([]);
  });

  test("`amqp dead-letters` lists, puts back and drops over the program", async () => {
    await client.channel.purgeQueue(aside);
    const env = { ORDER_AMQP_URL: world.broker.url };
    const program = async (...args: readonly string[]) => {
      const { code, stdout, stderr } = await runProgram(["amqp", "dead-letters", ...args], { env });
      if (code !== 0) throw new Error(stderr);
      return stdout;
    };
    const { poison } = listener.amqp.health().handled;
    await client.send(Buffer.from("junk"));
    await eventually("it is put aside", () => listener.amqp.health().handled.poison === poison + 1);
    const [letter] = JSON.parse(await program("list", "--json"));
    expect(letter).toMatchObject({ queue, bytes: 4, content: "junk" });
    expect(await program("list")).toContain(letter.reason.slice(0, 40));
    expect(await program("requeue", letter.id)).toBe("1 message put back\n");
    await eventually("it is put aside again", () => listener.amqp.health().handled.poison === poison + 2);
    expect(await program("drop", "--all")).toBe("1 message removed\n");
    expect((await client.channel.checkQueue(aside)).messageCount).toBe(0);
  });
});
