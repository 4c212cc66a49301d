from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("jobs", "0040_notice_times"),
    ]

    operations = [
        migrations.AddField(
            model_name="account",
            name="queue_cleared_at",
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
    ]
