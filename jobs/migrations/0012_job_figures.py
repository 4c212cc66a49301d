from django.db import migrations, models


def count_removed(apps, schema_editor):
    """Of cuts that were made before, their results tell what they took out."""
    alias = schema_editor.connection.alias
    jobs, artifacts = (apps.get_model("jobs", name).objects.using(alias) for name in ("Job", "Artifact"))
    of_cuts = artifacts.filter(job__operation="silence-cut", job__status="succeeded")
    for job, metadata in of_cuts.values_list("job_id", "metadata").iterator(chunk_size=2000):
        source, output = metadata.get("source_duration"), metadata.get("output_duration")
        if source is not None and output is not None:
            jobs.filter(pk=job).update(removed_seconds=float(source) - float(output))


class Migration(migrations.Migration):
    dependencies = [("jobs", "0011_runs")]

    operations = [
        migrations.AddField(
            model_name="job",
            name="removed_seconds",
            field=models.FloatField(blank=True, editable=False, null=True),
        ),
        migrations.RunPython(count_removed, migrations.RunPython.noop),
        migrations.AddIndex(
            model_name="job",
            index=models.Index(
                fields=["finished_at", "status", "operation", "queue", "queued_at", "started_at", "removed_seconds"],
                name="job_figures",
            ),
        ),
    ]
