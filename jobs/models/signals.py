"""What rows say of their changes, inside the transaction that makes them."""

from django.dispatch import Signal

job_ended = Signal()
"""A job reached its end: `job`, which shows it. Sent once for each, by whoever won the change."""
run_finished = Signal()
"""A chain came to its end: `run`. One that is taken up again will finish again."""
