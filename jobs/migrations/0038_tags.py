import uuid

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from jobs.models.sort_name import sort_name

ROWS = 500
"""Of one statement."""


def name_all(apps, schema_editor):
    """What was there before gets the name that it is sorted by. Old code leaves it empty, and so what it makes stands
    first until the next night (`services.videos.name_unsorted`)."""
    model = apps.get_model("jobs", "Video")
    pks = list(model.objects.filter(sort_name="").values_list("pk", flat=True))
    for first in range(0, len(pks), ROWS):
        rows = list(model.objects.filter(pk__in=pks[first : first + ROWS]).only("pk", "title"))
        for row in rows:
            row.sort_name = sort_name(row.title)
        model.objects.bulk_update(rows, ["sort_name"])


class Migration(migrations.Migration):
    dependencies = [("jobs", "0037_presets")]

    operations = [
        migrations.CreateModel(
            name="Tag",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("name", models.CharField(max_length=40)),
                ("key", models.CharField(editable=False, max_length=160)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "owner",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="tags",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={"ordering": ["key"]},
        ),
        migrations.AddConstraint(
            model_name="tag",
            constraint=models.UniqueConstraint(fields=("owner", "key"), name="one_tag_per_key"),
        ),
        migrations.CreateModel(
            name="Tagging",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "tag",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="taggings", to="jobs.tag"
                    ),
                ),
                (
                    "video",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="taggings",
                        to="jobs.video",
                    ),
                ),
            ],
        ),
        migrations.AddConstraint(
            model_name="tagging",
            constraint=models.UniqueConstraint(fields=("video", "tag"), name="each_tag_once"),
        ),
        migrations.AddField(
            model_name="removal",
            name="together",
            field=models.UUIDField(db_index=True, editable=False, null=True),
        ),
        migrations.AddField(
            model_name="video",
            name="sort_name",
            field=models.CharField(blank=True, db_default="", default="", editable=False, max_length=200),
        ),
        migrations.RunPython(name_all, migrations.RunPython.noop, elidable=True),
        migrations.AddIndex(
            model_name="video",
            index=models.Index(fields=["owner", "artifact", "removal", "sort_name", "id"], name="video_shelf_by_name"),
        ),
        migrations.AddIndex(
            model_name="video",
            index=models.Index(
                fields=["owner", "artifact", "removal", "duration_seconds", "id"], name="video_shelf_by_length"
            ),
        ),
        migrations.AddIndex(
            model_name="video",
            index=models.Index(fields=["owner", "artifact", "removal", "size", "id"], name="video_shelf_by_size"),
        ),
    ]
