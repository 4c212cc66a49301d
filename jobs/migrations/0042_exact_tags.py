from django.db import migrations

from jobs.models.tag import ExactField


class Migration(migrations.Migration):
    dependencies = [("jobs", "0041_cleared_queue")]

    operations = [
        migrations.AlterField(model_name="tag", name="key", field=ExactField(editable=False, max_length=160)),
    ]
