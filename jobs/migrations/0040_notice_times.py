import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("jobs", "0039_last_choice")]

    operations = [
        migrations.AddField(
            model_name="account",
            name="password_changed_at",
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
        migrations.CreateModel(
            name="NoticeTimes",
            fields=[
                (
                    "owner",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="notice_times",
                        serialize=False,
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("is_quiet", models.BooleanField(default=False)),
                ("quiet_from", models.PositiveSmallIntegerField(default=1320)),
                ("quiet_to", models.PositiveSmallIntegerField(default=420)),
                ("is_daily", models.BooleanField(default=False)),
            ],
        ),
    ]
