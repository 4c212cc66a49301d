from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("jobs", "0043_keeping"),
    ]

    operations = [
        migrations.AddField(
            model_name="account",
            name="line_paused_at",
            field=models.DateTimeField(blank=True, db_index=True, editable=False, null=True),
        ),
    ]
