"""Orders products over AMQP and waits for the end of the order.

    pip install pika
    python order.py amqp://user:password@broker/regards.multitenant.manager alice@example.org 'platform:"landsat-8"'

Prints each answer as a line of JSON. Exit code 0: the order is done; 1: it was refused or failed; 2: nothing came in time.
"""

import json
import sys
import time
import uuid

import pika

REQUESTS = "regards.broadcast.fr.cnes.regards.modules.order.amqp.input.OrderRequestDtoEvent"
FINAL = {"DONE": 0, "DENIED": 1, "FAILED": 1}
WAIT_SECONDS = 3600


def main(url: str, user: str, query: str, tenant: str = "default") -> int:
    connection = pika.BlockingConnection(pika.URLParameters(url))
    channel = connection.channel()
    channel.confirm_delivery()
    # A queue of our own: nobody has to make one for us, and nobody else's answers come here.
    answers = channel.queue_declare("", exclusive=True).method.queue

    # The correlation id names the order: if we are not sure that a request arrived, the same request under the same id is safe.
    correlation_id = str(uuid.uuid4())
    request = {
        "correlationId": correlation_id,
        "user": user,
        "queries": [query],
        "filters": {"dataTypes": ["RAWDATA"]},
    }
    properties = pika.BasicProperties(
        headers={"regards.tenant": tenant},
        content_type="application/json",
        content_encoding="UTF-8",
        delivery_mode=2,
        message_id=correlation_id,
        reply_to=answers,
    )
    channel.basic_publish(REQUESTS, "", json.dumps(request).encode(), properties, mandatory=True)

    seen = set()
    deadline = time.monotonic() + WAIT_SECONDS
    for method, answered, body in channel.consume(answers, inactivity_timeout=1):
        if time.monotonic() > deadline:
            return 2
        if method is None:
            continue
        # Answers come at least once: a repeat has the same message id.
        is_repeat = answered.message_id in seen
        seen.add(answered.message_id)
        channel.basic_ack(method.delivery_tag)
        answer = json.loads(body)
        if is_repeat or answer["correlationId"] != correlation_id:
            continue
        print(json.dumps(answer), flush=True)
        if answer["status"] in FINAL:
            connection.close()
            return FINAL[answer["status"]]
    return 2


if __name__ == "__main__":
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:5]))
