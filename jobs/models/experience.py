from django.db import models


class Experience(models.Model):
    """What was learnt from finished work of one kind: how long its last runs took, and at which share of the time which
    share of the work was done. Written by `services.expectation` alone."""

    kind = models.CharField(max_length=160, primary_key=True)
    """An operation, with the parameters and the codec that its pace depends on, or without."""
    runs = models.JSONField(default=list)
    """Of the last runs, oldest first: seconds it took, seconds of media, megapixels of all frames together."""
    profile = models.JSONField(default=list)
    """The share of the time that had gone by when each twentieth of the work was done; empty when nothing is known."""
    updated_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return self.kind
