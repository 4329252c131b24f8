"""The Celery application: late acknowledgement, publisher confirms.

Tasks take milliseconds, so that each process reads ahead, by Celery's default four messages.
"""

from celery import Celery

from bench.peer.settings import settings

queue = Celery("peer", broker=settings().amqp_url, include=["bench.peer.tasks"])
queue.conf.update(
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    task_ignore_result=True,
    task_default_queue=settings().queue,
    worker_hijack_root_logger=False,
    broker_transport_options={"confirm_publish": True},
    broker_connection_retry_on_startup=True,
)
