from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("jobs", "0029_invitations")]

    operations = [
        migrations.AddField(
            model_name="webhook",
            name="mail_at",
            field=models.DateTimeField(blank=True, db_index=True, editable=False, null=True),
        ),
        migrations.AddField(
            model_name="webhook",
            name="mail_tries",
            field=models.PositiveSmallIntegerField(default=0, editable=False),
        ),
    ]
