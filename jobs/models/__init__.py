from jobs.models.account import Account
from jobs.models.artifact import Artifact
from jobs.models.image import Image
from jobs.models.job import Job
from jobs.models.token import Token
from jobs.models.upload import Upload
from jobs.models.video import Video

__all__ = ["Account", "Artifact", "Image", "Job", "Token", "Upload", "Video"]
