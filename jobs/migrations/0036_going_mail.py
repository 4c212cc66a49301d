from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("jobs", "0035_lists")]

    operations = [
        migrations.AddField(
            model_name="departure",
            name="mail_at",
            field=models.DateTimeField("letter due at", db_index=True, null=True),
        ),
    ]
