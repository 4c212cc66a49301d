from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("jobs", "0044_newest_of_all"),
    ]

    operations = [
        migrations.AddField(
            model_name="account",
            name="line_paused_at",
            field=models.DateTimeField(blank=True, db_index=True, editable=False, null=True),
        ),
    ]
