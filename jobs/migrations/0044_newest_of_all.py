from django.db import migrations, models

NAMES = {"job": "job_newest", "video": "video_newest", "artifact": "artifact_newest"}


class Migration(migrations.Migration):
    """For lists of everybody's rows, the newest first."""

    dependencies = [("jobs", "0043_keeping")]

    operations = [
        migrations.AddIndex(model, models.Index(fields=["removal", "created_at", "id"], name=name))
        for model, name in NAMES.items()
    ]
