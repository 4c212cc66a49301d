"""What operators see and do, one noun a module."""

from django.contrib import admin
from django.contrib.auth.models import Group

from jobs.admin import (
    account,
    artifact,
    company,
    image,
    imports,
    invitation,
    job,
    removal,
    second_factor,
    session,
    sign_in,
    token,
    upload,
    video,
    webhook,
)

admin.site.unregister(Group)  # operators may do everything, others nothing: there is nothing to group

__all__ = [
    "account",
    "artifact",
    "company",
    "image",
    "imports",
    "invitation",
    "job",
    "removal",
    "second_factor",
    "session",
    "sign_in",
    "token",
    "upload",
    "video",
    "webhook",
]
