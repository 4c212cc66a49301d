from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("jobs", "0038_tags")]

    operations = [
        migrations.AddField(
            model_name="account",
            name="last_choice",
            field=models.TextField(blank=True, editable=False, null=True),
        ),
    ]
