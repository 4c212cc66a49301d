"""Queues by kind of work in place of `quick` and `long`. What Redis still holds under the old names is of no use: the
reconciler rings for every row in line that Redis does not know."""

from django.db import migrations
from django.db.models import Case, Value, When

LONG = {"silence-cut": "cut", "change-speed": "cut", "transcribe": "speech"}
"""By operation; all others encode."""


def rename(apps, schema_editor):
    jobs = apps.get_model("jobs", "Job").objects.using(schema_editor.connection.alias)
    jobs.filter(queue="quick").update(queue="fast")
    whens = [When(operation=operation, then=Value(queue)) for operation, queue in LONG.items()]
    jobs.filter(queue="long").update(queue=Case(*whens, default=Value("encode")))


def back(apps, schema_editor):
    jobs = apps.get_model("jobs", "Job").objects.using(schema_editor.connection.alias)
    jobs.update(queue=Case(When(queue="fast", then=Value("quick")), default=Value("long")))


class Migration(migrations.Migration):
    dependencies = [("jobs", "0008_queue_state")]

    operations = [migrations.RunPython(rename, back)]
