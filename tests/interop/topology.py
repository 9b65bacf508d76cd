"""The names of docs/wire.md and declarations of exchanges and queues."""
import logging
import math

import pika

DEAD_LETTERS = "crew.DLX"
CONTROL = "crew.control"
LEVELS = 3
TASK_QUEUE = {"x-dead-letter-exchange": DEAD_LETTERS, "x-max-priority": LEVELS}


def task_queue(task):
    return f"crew.tasks.{task}"


def level(priority):
    """0 to 255 onto the levels of a task queue."""
    return math.ceil(priority * LEVELS / 255)


def declare_exchanges(connection):
    declare(connection, DEAD_LETTERS, lambda channel: channel.exchange_declare(
        DEAD_LETTERS, exchange_type="headers", durable=True))
    declare(connection, CONTROL, lambda channel: channel.exchange_declare(
        CONTROL, exchange_type="topic", durable=True))


def declare_task_queue(connection, task):
    """For workers only."""
    declare(connection, task_queue(task), lambda channel: channel.queue_declare(
        task_queue(task), durable=True, arguments=TASK_QUEUE))


def declare(connection, name, how):
    """What exists already with other arguments is used as it is. The broker closes the
    channel over it, so each declaration has one of its own."""
    channel = connection.channel()
    try:
        how(channel)
        channel.close()
    except pika.exceptions.ChannelClosedByBroker as refusal:
        if refusal.reply_code != 406:  # PRECONDITION_FAILED
            raise
        logging.warning("%s is used as it is: %s", name, refusal.reply_text)
